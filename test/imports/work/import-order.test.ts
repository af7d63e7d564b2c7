import { afterAll, beforeAll, expect, test } from 'vitest';
import { everything } from '../../../src/engine/ranges.ts';
import type { FileReader } from '../../../src/imports/work/file-reader.ts';
import { textReader } from '../../../src/imports/work/file-reader.ts';
import { readPoints } from '../../../src/store/block-reads.ts';
import { idOf, put } from '../../store/world.ts';
import { until } from '../../support/program.ts';
import { csv, openScene, type Scene } from './import-harness.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.stop());

/** A reader that has begun, and goes on when it is told to. */
function heldReader(): { reader: FileReader; begun: Promise<void>; goOn: () => void } {
  let begin = () => {};
  let goOn = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const isOver = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const reader: FileReader = {
    ...textReader,
    readTicks: async function* (...asked) {
      begin();
      await isOver;
      yield* textReader.readTicks(...asked);
    },
  };
  return { reader, begun, goOn: () => goOn() };
}

async function valuesOf(key: string): Promise<number[]> {
  const id = await idOf(scene.process, key);
  const found = await readPoints(scene.process.database, id, everything, Number.MAX_SAFE_INTEGER, 1e6, 'first');
  return [...found.value];
}

test('of two files with rows of one series the one that came later stands, whoever reads them', async () => {
  await put(scene.process, 'TURN', [
    [1000, 1],
    [2000, 2],
  ]);
  const first = await scene.queue(csv([['TURN', 1, 10]]));
  const second = await scene.queue(
    csv([
      ['TURN', 1, 1],
      ['TURN', 2, 20],
    ]),
  );
  const held = heldReader();
  const work = scene.worker({ reader: held.reader }).jobs.take(first);
  await held.begun;
  const other = scene.worker();
  await other.jobs.take(second);
  expect(await scene.read(second)).toMatchObject({ status: 'QUEUED', rows: 0, epoch: 1 });
  await other.jobs.take(second);
  expect(await scene.read(second)).toMatchObject({ status: 'QUEUED', epoch: 1 });
  held.goOn();
  await work;
  const [done, later] = [await scene.read(first), await scene.read(second)];
  expect([done.status, later.status]).toStrictEqual(['DONE', 'DONE']);
  expect(done.toRevision).toBeLessThan(later.fromRevision ?? 0);
  expect(await valuesOf('TURN')).toStrictEqual([1, 20]);
});

test('a file whose series are known to be others waits for nobody; nor does a preview', async () => {
  const wide = (key: string) => ({
    columns: [
      { column: 't_millis', role: 'T' as const },
      { column: 'price', role: 'VALUE' as const, series: key },
    ],
  });
  const table = 't_millis,price\n1,1\n2,2\n';
  const first = await scene.queue(table, wide('WIDE_A'));
  const same = await scene.queue(table, { ...wide('WIDE_A'), partial: true });
  const second = await scene.queue(table, wide('WIDE_B'));
  const preview = await scene.queue(csv([['WIDE_A', 1, 1]]), {}, { task: 'PREVIEW' });
  const held = heldReader();
  const work = scene.worker({ reader: held.reader }).jobs.take(first);
  await held.begun;
  const other = scene.worker();
  for (const id of [preview, same, second]) await other.jobs.take(id);
  expect((await scene.read(preview)).status).toBe('PREVIEWED');
  expect((await scene.read(second)).status).toBe('DONE');
  expect((await scene.read(same)).status).toBe('QUEUED');
  held.goOn();
  await work;
  expect(await scene.read(same)).toMatchObject({ status: 'DONE', unchanged: 2 });
});

test('rows that an undo is about to take back are written again by the file that comes next', async () => {
  const first = await scene.queue(csv([['BACK', 1, 1]]));
  await scene.worker().jobs.take(first);
  const { database } = scene.process;
  await database.query(`UPDATE imports SET status = 'QUEUED', task = 'UNDO', place = NULL WHERE id = $1`, [first]);
  const next = await scene.queue(
    csv([
      ['BACK', 1, 1],
      ['BACK', 2, 2],
    ]),
  );
  await scene.worker().jobs.take(next);
  await until(async () => (await scene.read(next)).status === 'DONE');
  expect((await scene.read(first)).status).toBe('UNDONE');
  expect(await valuesOf('BACK')).toStrictEqual([1, 2]);
});

test('one that waits is cancelled as it waits, and one that is asked to end as it lets go ends', async () => {
  const { database } = scene.process;
  const first = await scene.queue(csv([['ENDS', 1, 1]]));
  const second = await scene.queue(csv([['ENDS', 1, 2]]));
  const held = heldReader();
  const work = scene.worker({ reader: held.reader }).jobs.take(first);
  await held.begun;
  const planning: FileReader = {
    ...textReader,
    makeImportPlan: async (...asked) => {
      await database.query('UPDATE imports SET cancel_asked = true WHERE id = $1', [second]);
      return textReader.makeImportPlan(...asked);
    },
  };
  await scene.worker({ reader: planning }).jobs.take(second);
  expect((await scene.read(second)).status).toBe('CANCELLED');
  held.goOn();
  await work;
});

test('one that is to be cancelled does nobody else’s work', async () => {
  const text = csv([['ASKED', 1, 1]]);
  const [first, second] = [await scene.queue(text), await scene.queue(text)];
  const held = heldReader();
  const work = scene.worker({ reader: held.reader }).jobs.take(first);
  await held.begun;
  await scene.process.database.query('UPDATE imports SET cancel_asked = true WHERE id = $1', [first]);
  await scene.worker().jobs.take(second);
  held.goOn();
  await work;
  expect((await scene.read(first)).status).toBe('CANCELLED');
  expect(await scene.read(second)).toMatchObject({ status: 'DONE', sameAs: null });
});
