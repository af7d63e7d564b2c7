import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { everything } from '../../../src/engine/ranges.ts';
import { type FileReader, textReader } from '../../../src/imports/work/file-reader.ts';
import { readPoints } from '../../../src/store/block-reads.ts';
import { sealWhole } from '../../../src/upkeep/upkeep.ts';
import { idOf, put } from '../../store/world.ts';
import { csv, openScene, type Scene } from './import-harness.ts';
import { smallReader } from './small-reader.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.stop());

async function points(key: string): Promise<[t: number, value: number][]> {
  const { database } = scene.process;
  const found = await readPoints(
    database,
    await idOf(scene.process, key),
    everything,
    Number.MAX_SAFE_INTEGER,
    1e6,
    'first',
  );
  return Array.from(found.t, (t, i) => [t / 1000, found.value[i]]);
}

async function staged(): Promise<number> {
  const [row] = await scene.process.database.query<{ count: string }>(
    'SELECT (SELECT count(*) FROM fresh_blocks WHERE stage IS NOT NULL) + (SELECT count(*) FROM import_stages) AS count',
  );
  return Number(row.count);
}

test('a file becomes points: new, changed and unchanged ones are counted, and it is one revision', async () => {
  const { process } = scene;
  await put(process, 'A', [
    [1000, 1],
    [2000, 2],
    [3000, 3],
  ]);
  const before = await process.catalogue.newestRevision();
  const id = await scene.queue(
    csv([
      ['A', 1, 1],
      ['A', 2, 20],
      ['B', 5, 5],
      ['A', 9, 9],
      ['B', 5, 6],
    ]),
    { note: 'a file' },
  );
  await scene.worker().jobs.take(id);
  expect(await scene.read(id)).toMatchObject({
    status: 'DONE',
    rows: 5,
    accepted: 5,
    rejectedCount: 0,
    unchanged: 1,
    changed: 1,
    createdCount: 1,
    fromRevision: before + 1,
    toRevision: before + 1,
    problem: null,
  });
  expect(await points('A')).toStrictEqual([
    [1, 1],
    [2, 20],
    [3, 3],
    [9, 9],
  ]);
  expect(await points('B')).toStrictEqual([[5, 6]]);
  expect(await process.catalogue.newestRevision()).toBe(before + 1);
  expect((await process.catalogue.commits([before + 1]))[0].note).toBe('a file');
  expect(await staged()).toBe(0);
});

test('one refused row refuses the file and says why; with partial the others are written', async () => {
  const before = await scene.process.catalogue.newestRevision();
  const text = csv([
    ['C', 1, 1],
    ['C', 2, 'x'],
    ['nobody', 3, 3],
    ['C', 4, 4],
  ]);
  await put(scene.process, 'C', [[9000, 9]]);
  const id = await scene.queue(text, { createMissing: false });
  await scene.worker().jobs.take(id);
  const row = await scene.read(id);
  expect(row).toMatchObject({ status: 'FAILED', rows: 4, accepted: 2, rejectedCount: 2, fromRevision: null });
  expect(row.problem).toContain("line 3, column value: 'x' is not a number");
  expect(row.problem).toContain("line 4, column series: there is no series 'nobody'");
  expect(await staged()).toBe(0);
  const partly = await scene.queue(text, { createMissing: false, partial: true });
  await scene.worker().jobs.take(partly);
  expect(await scene.read(partly)).toMatchObject({ status: 'DONE', accepted: 2, rejectedCount: 2 });
  expect(await points('C')).toStrictEqual([
    [1, 1],
    [4, 4],
    [9, 9],
  ]);
  expect(await scene.process.catalogue.newestRevision()).toBe(before + 2);
});

test('a preview counts, and writes nothing', async () => {
  await put(scene.process, 'P', [
    [1000, 1],
    [2000, 2],
  ]);
  const before = await scene.process.catalogue.newestRevision();
  const id = await scene.queue(
    csv([
      ['P', 1, 1],
      ['P', 2, 3],
      ['Q', 3, 3],
    ]),
    {},
    { task: 'PREVIEW' },
  );
  await scene.worker().jobs.take(id);
  expect(await scene.read(id)).toMatchObject({
    status: 'PREVIEWED',
    accepted: 3,
    unchanged: 1,
    changed: 1,
    createdCount: 1,
    fromRevision: null,
  });
  expect(await scene.process.catalogue.newestRevision()).toBe(before);
  expect(await staged()).toBe(0);
  await scene.process.database.query(`UPDATE imports SET task = 'COMMIT', status = 'QUEUED' WHERE id = $1`, [id]);
  await scene.worker().jobs.take(id);
  expect(await scene.read(id)).toMatchObject({
    status: 'DONE',
    rows: 3,
    accepted: 3,
    unchanged: 1,
    fromRevision: before + 1,
  });
  expect(await points('Q')).toStrictEqual([[3, 3]]);
});

test('instants that come back in a later part of the file are a later revision, and its value stands', async () => {
  const id = await scene.queue(
    csv([
      ['G', 1, 1],
      ['G', 3, 3],
      ['G', 2, 20],
      ['G', 3, 30],
      ['G', 10, 10],
      ['G', 11, 11],
    ]),
  );
  await scene.worker({ sizes: { ticks: 1, blocks: 4_096 } }).jobs.take(id);
  const row = await scene.read(id);
  expect(row).toMatchObject({ status: 'DONE' });
  expect(await points('G')).toStrictEqual([
    [1, 1],
    [2, 20],
    [3, 30],
    [10, 10],
    [11, 11],
  ]);
});

test('the same bytes with the same input are one piece of work; after it was undone it is done again', async () => {
  const text = csv([['S', 1, 1]]);
  const [first, second] = [await scene.queue(text), await scene.queue(text)];
  const worker = scene.worker();
  await Promise.all([worker.jobs.take(first), scene.worker().jobs.take(second)]);
  const rows = await Promise.all([scene.read(first), scene.read(second)]);
  expect(rows.map(({ status }) => status)).toStrictEqual(['DONE', 'DONE']);
  expect(rows.filter(({ sameAs }) => sameAs !== null)).toHaveLength(1);
  expect(rows[0].fromRevision).toBe(rows[1].fromRevision);
  const done = rows[0].sameAs ?? first;
  await undoOf(done);
  const third = await scene.queue(text);
  await worker.jobs.take(third);
  expect(await scene.read(third)).toMatchObject({ status: 'DONE', sameAs: null });
});

async function undoOf(id: number): Promise<void> {
  await scene.process.database.query(`UPDATE imports SET task = 'UNDO', status = 'QUEUED' WHERE id = $1`, [id]);
  await scene.worker().jobs.take(id);
}

test('bytes that are not those that were announced are refused', async () => {
  const id = await scene.queue(
    csv([['S', 1, 1]]),
    { note: 'other' },
    { claimedSha256: createHash('sha256').digest('hex') },
  );
  await scene.worker().jobs.take(id);
  const row = await scene.read(id);
  expect(row.status).toBe('FAILED');
  expect(row.problem).toContain('the bytes that came are not those that were announced (SHA-256');
});

test.each([false, true])('undo restores what nobody has changed since; sealed before: %s', async (isSealed) => {
  const key = `U${isSealed}`;
  const { process } = scene;
  await put(process, key, [
    [1000, 1],
    [2000, 2],
    [3000, 3],
  ]);
  const id = await scene.queue(
    csv([
      [key, 1, 10],
      [key, 2, 20],
      [key, 4, 40],
      [`${key}b`, 1, 1],
    ]),
  );
  await scene.worker().jobs.take(id);
  await put(process, key, [[2000, 99]]);
  if (isSealed) await sealWhole(process.database, await idOf(process, key));
  await undoOf(id);
  const row = await scene.read(id);
  expect(row).toMatchObject({ status: 'UNDONE', restored: 3, kept: 1, problem: null });
  expect(row.undoneRevision).toBe(await process.catalogue.newestRevision());
  expect(await points(key)).toStrictEqual([
    [1, 1],
    [2, 99],
    [3, 3],
  ]);
  expect(await points(`${key}b`)).toStrictEqual([]);
});

test('what somebody wrote between two revisions of an import is what it is taken back to', async () => {
  const { process } = scene;
  await put(process, 'BETWEEN', [[1000, 1]]);
  const id = await scene.queue(
    csv([
      ['BETWEEN', 1, 10],
      ['BETWEEN', 3, 30],
      ['BETWEEN', 1, 11],
      ['BETWEEN', 2, 20],
    ]),
  );
  const sizes = { ticks: 1, blocks: 1 };
  const onCommit = () => {
    throw new Error('it ends behind its first commit');
  };
  const reader = smallReader(1);
  await expect(scene.worker({ reader, sizes, onCommit }).jobs.take(id)).rejects.toThrow('behind its first commit');
  expect(await points('BETWEEN')).not.toContainEqual([1, 11]);
  await put(process, 'BETWEEN', [[1000, 99]]);
  await process.database.query('UPDATE imports SET heartbeat_at = NULL WHERE id = $1', [id]);
  await scene.worker({ reader, sizes }).jobs.take(id);
  expect(await points('BETWEEN')).toStrictEqual([
    [1, 11],
    [2, 20],
    [3, 30],
  ]);
  await undoOf(id);
  expect(await scene.read(id)).toMatchObject({ status: 'UNDONE', restored: 3, kept: 0 });
  expect(await points('BETWEEN')).toStrictEqual([[1, 99]]);
});

test('what ten workers died of fails in the end, and the next one comes to its turn', async () => {
  const dies = csv([['DIES', 1, 1]]);
  const id = await scene.queue(dies);
  const next = await scene.queue(csv([['DIES', 1, 2]]));
  const reader: FileReader = {
    ...textReader,
    // biome-ignore lint/correctness/useYield: it never comes so far
    readTicks: async function* () {
      throw Object.assign(new Error('this process is dead'), { code: 'ECONNRESET' });
    },
  };
  for (let i = 0; i < 10; i++) {
    await expect(scene.worker({ reader }).jobs.take(id)).rejects.toThrow('dead');
    expect(await scene.read(id)).toMatchObject({ status: 'RUNNING', epoch: i + 1 });
    await scene.process.database.query('UPDATE imports SET heartbeat_at = NULL WHERE id = $1', [id]);
  }
  await scene.worker().jobs.take(id);
  const row = await scene.read(id);
  expect(row).toMatchObject({ status: 'FAILED', fromRevision: null });
  expect(row.problem).toContain(
    '10 workers in a row died or lost the database while they imported this file, without progress',
  );
  expect(await scene.read(next)).toMatchObject({ status: 'DONE' });
  const again = await scene.queue(dies);
  await scene.worker().jobs.take(again);
  expect(await scene.read(again)).toMatchObject({ status: 'DONE' });
});

test('an import that comes on is gone on with, however often its workers die', async () => {
  const rows = Array.from({ length: 24 }, (_, t) => ['ON', t, t] as const);
  const id = await scene.queue(csv(rows));
  const sizes = { ticks: 1, blocks: 4_096 };
  for (let end = 2; end < rows.length; end += 2) {
    const reader = smallReader(1, (row) => {
      if (row >= end) throw Object.assign(new Error('this process is dead'), { code: 'ECONNRESET' });
    });
    await expect(scene.worker({ reader, sizes }).jobs.take(id)).rejects.toThrow('dead');
    await scene.process.database.query('UPDATE imports SET heartbeat_at = NULL WHERE id = $1', [id]);
  }
  await scene.worker({ reader: smallReader(1), sizes }).jobs.take(id);
  expect(await scene.read(id)).toMatchObject({ status: 'DONE', rows: rows.length });
});

test('what can no longer be restored is said, and the import stays done', async () => {
  const id = await scene.queue(csv([['H', 1, 1]]));
  await scene.worker().jobs.take(id);
  const { database, catalogue } = scene.process;
  await database.query(`INSERT INTO marks (name, value, at) VALUES ('oldest_revision', $1, now())`, [
    await catalogue.newestRevision(),
  ]);
  await undoOf(id);
  await database.query(`DELETE FROM marks WHERE name = 'oldest_revision'`);
  const row = await scene.read(id);
  expect(row.status).toBe('DONE');
  expect(row.problem).toContain('no longer kept');
  const again = await scene.queue(csv([['H', 1, 1]]));
  await scene.worker().jobs.take(again);
  expect(await scene.read(again)).toMatchObject({ status: 'DONE', sameAs: id });
});

test('a series that became derived while the file was read is refused when it is published', async () => {
  const id = await scene.queue(
    csv([
      ['N', 1, 1],
      ['gone', 1, 1],
    ]),
  );
  let isFirst = true;
  const reader: FileReader = {
    makeImportPlan: textReader.makeImportPlan,
    readTicks: async function* (source, plan, from) {
      yield* textReader.readTicks(source, plan, from);
      if (!isFirst) return;
      isFirst = false;
      await scene.process.database.query(
        `INSERT INTO series (key, kind, tags, created_revision) VALUES ('gone', 'DERIVED', '{}', 1)`,
      );
    },
  };
  await scene.worker({ reader }).jobs.take(id);
  const row = await scene.read(id);
  expect(row.status).toBe('FAILED');
  expect(row.problem).toContain("'gone' is a derived series");
  expect(await staged()).toBe(0);
});

test('a series that is deleted while the file was read is made anew, with all that the file says of it', async () => {
  await put(scene.process, 'D', [
    [1000, 1],
    [5000, 5],
  ]);
  const id = await scene.queue(
    csv([
      ['D', 1, 1],
      ['D', 2, 2],
    ]),
  );
  let isFirst = true;
  const reader: FileReader = {
    makeImportPlan: textReader.makeImportPlan,
    readTicks: async function* (source, plan, from) {
      yield* textReader.readTicks(source, plan, from);
      if (isFirst) await scene.process.ingest.deleteSeries('D');
      isFirst = false;
    },
  };
  await scene.worker({ reader }).jobs.take(id);
  expect(await scene.read(id)).toMatchObject({ status: 'DONE', rows: 2, accepted: 2, unchanged: 0, createdCount: 1 });
  expect(await points('D')).toStrictEqual([
    [1, 1],
    [2, 2],
  ]);
});

test('thousands of new series are made in one revision', async () => {
  const rows = Array.from({ length: 6_000 }, (_, i) => [`M${i % 3_000}`, i, i] as const);
  const id = await scene.queue(csv(rows));
  await scene.worker().jobs.take(id);
  const row = await scene.read(id);
  expect(row).toMatchObject({ status: 'DONE', accepted: 6_000, createdCount: 3_000 });
  expect(row.fromRevision).toBe(row.toRevision);
  expect(await points('M2999')).toStrictEqual([
    [2_999, 2_999],
    [5_999, 5_999],
  ]);
});

test('a file that is no table of ticks ends as a preview that says so, one without rows fails', async () => {
  const table = await scene.queue('city,flats\nBonn,2\n', { columns: [], timeFormat: undefined });
  const empty = await scene.queue(csv([]));
  const worker = scene.worker();
  await worker.jobs.take(table);
  await worker.jobs.take(empty);
  expect(await scene.read(table)).toMatchObject({ status: 'PREVIEWED', problem: expect.stringContaining('instant') });
  expect(await scene.read(empty)).toMatchObject({ status: 'FAILED', problem: expect.stringContaining('no row') });
});
