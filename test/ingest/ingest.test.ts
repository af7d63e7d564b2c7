import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { everything } from '../../src/engine/ranges.ts';
import { readPoints } from '../../src/store/block-reads.ts';
import { dropDeletedSeries } from '../../src/store/retention.ts';
import { givenColumns, idOf, type Process, put, startTwo } from '../store/world.ts';
import type { ModelTick } from '../support/model.ts';

let stop: () => Promise<void>;
let one: Process;
let other: Process;
let key = '';
let tests = 0;

beforeAll(async () => {
  ({ one, other, stop } = await startTwo());
});
beforeEach(() => {
  key = `I${tests++}`;
});
afterAll(() => stop());

const plain = { createMissing: false, partial: false, note: null, idempotencyKey: null };

function ticks(...some: [series: string, t: number, value: number][]): ModelTick[] {
  return some.map(([series, t, value]) => ({ series, t, value, size: null }));
}

async function values(series: string): Promise<[number, number][]> {
  const { t, value } = await readPoints(
    one.database,
    await idOf(one, series),
    everything,
    Number.MAX_SAFE_INTEGER,
    1e6,
    'first',
  );
  return Array.from(t, (at, i) => [at, value[i]]);
}

test('of several values for one instant in a call the last one stands, and the others are counted', async () => {
  const columns = givenColumns(ticks([key, 2, 1], [key, 1, 1], [`${key}b`, 2, 9], [key, 2, 2], [key, 2, 3]));
  const answer = await one.ingest.ingest({ ...plain, columns, createMissing: true });
  expect(answer).toMatchObject({ accepted: 3, duplicates: 2, rejected: [] });
  expect(await values(key)).toStrictEqual([
    [1, 1],
    [2, 3],
  ]);
});

test('one bad tick refuses the call and names it, or with partial only itself', async () => {
  await put(one, key, [[0, 0]]);
  const before = await one.catalogue.newestRevision();
  const columns = givenColumns(ticks([key, 1, 1], ['nobody', 2, 2], [key, Number.NaN, 3], [key, 4, 4]));
  await expect(one.ingest.ingest({ ...plain, columns })).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    details: {
      rejectedCount: 2,
      rejected: [
        { index: 1, series: 'nobody' },
        { index: 2, series: key },
      ],
    },
  });
  expect(await one.catalogue.newestRevision()).toBe(before);
  const answer = await one.ingest.ingest({ ...plain, columns, partial: true });
  expect(answer.accepted).toBe(2);
  expect(answer.rejected.map(({ index }) => index)).toStrictEqual([1, 2]);
  expect((await values(key)).map(([t]) => t)).toStrictEqual([0, 1, 4]);
});

test('a key that cannot be one is rejected though missing series are created', async () => {
  const columns = givenColumns(ticks(['not a key', 1, 1], [key, 1, 1]));
  const answer = await one.ingest.ingest({ ...plain, columns, createMissing: true, partial: true });
  expect(answer.rejected).toMatchObject([{ index: 0, series: 'not a key' }]);
  expect(answer.accepted).toBe(1);
});

test('ticks go to the series that bears the key now, when another process deleted and made it anew', async () => {
  await put(other, key, [[1, 1]]);
  await put(other, key, [[1, 1]]);
  await one.ingest.deleteSeries(key);
  await put(one, key, [[2, 2]]);
  await put(other, key, [[3, 3]]);
  expect(await values(key)).toStrictEqual([
    [2, 2],
    [3, 3],
  ]);
});

test('a deletion deletes of the series that bears the key now, when another process deleted and made it anew', async () => {
  await put(other, key, [[1, 1]]);
  await put(other, key, [[1, 1]]);
  await one.ingest.deleteSeries(key);
  await dropDeletedSeries(one.database);
  const all = { series: key, range: { from: 0, to: 9 }, at: undefined, note: null, idempotencyKey: null };
  await expect(other.ingest.deleteTicks(all)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await put(one, key, [[2, 2]]);
  expect(await other.ingest.deleteTicks(all)).toMatchObject({ accepted: 1 });
  expect(await values(key)).toStrictEqual([]);
});

test('a deletion that finds nothing writes nothing', async () => {
  const { revision } = await put(one, key, [[1, 1]]);
  const at = Float64Array.of(2, 3);
  const answer = await one.ingest.deleteTicks({ series: key, range: undefined, at, note: null, idempotencyKey: null });
  expect(answer).toStrictEqual({ accepted: 0, duplicates: 0, rejected: [], revision });
  expect(await one.catalogue.newestRevision()).toBe(revision);
});

test('a series that is created twice, also at once in two processes, is one series', async () => {
  const rows = await Promise.all(
    [one, other, one, other].map(({ ingest }) => ingest.createSeries({ key, unit: 'USD' })),
  );
  expect(new Set(rows.map(({ id }) => id)).size).toBe(1);
  expect((await one.ingest.createSeries({ key, unit: 'EUR' })).unit).toBe('USD');
});

test('points of a deleted series are dropped in the end, those of its successor are not', async () => {
  await put(one, key, [[1, 1]]);
  const old = await idOf(one, key);
  await one.ingest.deleteSeries(key);
  await put(one, key, [[2, 2]]);
  await dropDeletedSeries(one.database);
  const count = await one.database.query(`SELECT FROM fresh_blocks WHERE series = ${old}`);
  expect(count.length).toBe(0);
  expect(await values(key)).toStrictEqual([[2, 2]]);
});
