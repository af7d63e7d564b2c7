import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { everything } from '../../../src/engine/ranges.ts';
import { readPoints } from '../../../src/store/block-reads.ts';
import { readRejects } from '../../../src/store/imports/import-rejects.ts';
import { queueUndo } from '../../../src/store/imports/import-steps.ts';
import { asFault } from '../../../src/store/retry.ts';
import { idOf, put } from '../../store/world.ts';
import { csv, openScene, type Scene } from './import-harness.ts';
import { smallReader } from './small-reader.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.stop());

async function valuesAt(key: string, revision: number): Promise<number[]> {
  const { database } = scene.process;
  const found = await readPoints(database, await idOf(scene.process, key), everything, revision, 1e6, 'first');
  return [...found.value];
}

const valuesOf = (key: string) => valuesAt(key, Number.MAX_SAFE_INTEGER);

/** The worker that is at it ends, and is taken for dead. */
async function die(id: number, deaths: number): Promise<void> {
  await scene.process.database.query(
    `UPDATE imports SET status = 'RUNNING', heartbeat_at = NULL, deaths = $2 WHERE id = $1`,
    [id, deaths],
  );
}

test.each(['53100', 'ENOSPC'])(
  'where the database has no room (%s) nothing is written, and that is said',
  async (code) => {
    const key = `FULL${code}`;
    const text = csv(Array.from({ length: 30 }, (_, t) => [key, t, t] as const));
    const id = await scene.queue(text);
    const reader = smallReader(5, (row) => {
      if (row >= 20) throw asFault(Object.assign(new Error('could not extend file'), { code }));
    });
    await scene.worker({ reader, sizes: { ticks: 1, blocks: 1 } }).jobs.take(id);
    expect(await scene.read(id)).toMatchObject({
      status: 'FAILED',
      fromRevision: null,
      problem: expect.stringContaining('no disk space left: nothing was written'),
    });
    expect(await scene.process.catalogue.seriesByKeys([key])).toEqual([]);
    const staged = await scene.process.database.query('SELECT FROM fresh_blocks WHERE stage IS NOT NULL');
    expect(staged).toEqual([]);
    const again = await scene.queue(text);
    await scene.worker().jobs.take(again);
    expect(await scene.read(again)).toMatchObject({ status: 'DONE', rows: 30, sameAs: null });
  },
);

test.each([null, 'a'.repeat(64)])(
  'bytes that are not in the folder are missed at once; their hash: %s',
  async (sha256) => {
    const id = await scene.queue(csv([['LOST', 1, 1]]));
    const [{ upload }] = await scene.process.database.query<{ upload: string }>(
      'UPDATE uploads SET sha256 = $2 FROM imports WHERE uploads.id = upload AND imports.id = $1 RETURNING upload',
      [id, sha256],
    );
    rmSync(join(scene.home, 'uploads', upload));
    await scene.worker().jobs.take(id);
    expect(await scene.read(id)).toMatchObject({
      status: 'FAILED',
      problem: expect.stringContaining('not in the folder of uploads'),
    });
  },
);

test('what an import wrote and took back again can be read where it stood', async () => {
  const { process } = scene;
  await put(process, 'STOOD', [[1000, 1]]);
  const before = await process.catalogue.newestRevision();
  const id = await scene.queue(
    csv([
      ['STOOD', 1, 10],
      ['STOOD', 2, 20],
    ]),
  );
  await scene.worker().jobs.take(id);
  const written = await process.catalogue.newestRevision();
  expect(await queueUndo(process.database, id, null)).toBe(true);
  await scene.worker().jobs.take(id);
  expect(await scene.read(id)).toMatchObject({ status: 'UNDONE', undoneRevision: written + 1 });
  expect(await valuesAt('STOOD', before)).toEqual([1]);
  expect(await valuesAt('STOOD', written)).toEqual([10, 20]);
  expect(await valuesOf('STOOD')).toEqual([1]);
});

test('an undo that ten workers died of ends, the next one comes to its turn, and it may be asked for again', async () => {
  const { database } = scene.process;
  const id = await scene.queue(csv([['LAST', 1, 1]]));
  await scene.worker().jobs.take(id);
  expect(await queueUndo(database, id, null)).toBe(true);
  const next = await scene.queue(csv([['LAST', 2, 2]]));
  await die(id, 9);
  await scene.worker().jobs.take(id);
  expect(await scene.read(id)).toMatchObject({
    status: 'DONE',
    restored: 0,
    problem: expect.stringContaining('10 workers in a row died or lost the database'),
  });
  expect(await scene.read(next)).toMatchObject({ status: 'DONE' });
  expect(await valuesOf('LAST')).toEqual([1, 2]);
  expect(await queueUndo(database, id, null)).toBe(true);
  await scene.worker().jobs.take(id);
  expect(await scene.read(id)).toMatchObject({ status: 'UNDONE', restored: 1, problem: null });
  expect(await valuesOf('LAST')).toEqual([2]);
});

test('an undo of which a part can be read already goes on to its end, whoever dies of it', async () => {
  const { database } = scene.process;
  const rows = Array.from({ length: 2_050 }, (_, i) => [`HALF${i}`, 1, i] as const);
  const id = await scene.queue(csv(rows));
  await scene.worker().jobs.take(id);
  expect(await queueUndo(database, id, null)).toBe(true);
  const sizes = { ticks: 1, blocks: 1 };
  const onCommit = () => {
    throw new Error('it ends behind its first commit');
  };
  await expect(scene.worker({ sizes, onCommit }).jobs.take(id)).rejects.toThrow('behind its first commit');
  const half = await scene.read(id);
  expect(half).toMatchObject({ status: 'RUNNING', undoneRevision: expect.any(Number) });
  await die(id, 12);
  await scene.worker({ sizes }).jobs.take(id);
  const whole = await scene.read(id);
  expect(whole).toMatchObject({ status: 'UNDONE', restored: 2_050, kept: 0, problem: null });
  expect(whole.undoneRevision).toBeGreaterThan(half.undoneRevision ?? 0);
  expect(await valuesOf('HALF0')).toEqual([]);
  expect(await valuesOf('HALF2049')).toEqual([]);
});

test('who takes up what another one died of says so', async () => {
  const lines: string[] = [];
  const id = await scene.queue(csv([['SAID', 1, 1]]));
  await die(id, 2);
  await scene.worker({ log: (line) => void lines.push(line) }).jobs.take(id);
  expect(await scene.read(id)).toMatchObject({ status: 'DONE' });
  expect(lines).toEqual([
    expect.stringMatching(
      new RegExp(
        `^import ${id} \\(prices.csv\\) resumes: 3 workers in a row died or lost the database while they ran it$`,
      ),
    ),
  ]);
  const quiet = await scene.queue(csv([['SAID', 2, 2]]));
  await scene.worker({ log: (line) => void lines.push(line) }).jobs.take(quiet);
  expect(lines).toHaveLength(1);
});

test('a file names 100,000 series, and no more', async () => {
  const rows = Array.from({ length: 100_001 }, (_, i) => [`N${i}`, 1, 1] as const);
  const id = await scene.queue(csv(rows), {}, { task: 'PREVIEW' });
  await scene.worker().jobs.take(id);
  expect(await scene.read(id)).toMatchObject({
    status: 'PREVIEWED',
    accepted: 100_000,
    rejectedCount: 1,
    createdCount: 100_000,
  });
  expect(await readRejects(scene.process.database, id, 10)).toMatchObject([
    { line: 100_002, column: 'series', reason: expect.stringContaining('100,000 series') },
  ]);
});

test('all refused rows are counted, and the first 100,000 kept', async () => {
  const bad = Array.from({ length: 100_010 }, (_, i) => ['MANY', i, 'x'] as const);
  const id = await scene.queue(csv([...bad, ['MANY', 1, 1]]), { partial: true });
  await scene.worker().jobs.take(id);
  expect(await scene.read(id)).toMatchObject({ status: 'DONE', rows: 100_011, accepted: 1, rejectedCount: 100_010 });
  const kept = await readRejects(scene.process.database, id, 200_000);
  expect([kept.length, kept[0].line, kept.at(-1)?.line]).toEqual([100_000, 2, 100_001]);
});
