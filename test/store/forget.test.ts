import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { readVersions } from '../../src/store/block-reads.ts';
import { moveHorizon, seriesToForget, settledHorizon } from '../../src/store/retention.ts';
import { forgetSealed, sealSeries } from '../../src/store/seal.ts';
import { sealSizes } from '../../src/store/seal-plan.ts';
import { upkeepJobs } from '../../src/upkeep/upkeep.ts';
import { createDatabase } from '../support/database.ts';
import { times } from '../support/long.ts';
import { Model, type ModelTick } from '../support/model.ts';
import { compareSeries, givenColumns, idOf, type Process, put, type Question, startProcess } from './world.ts';

let url = '';
let drop: () => Promise<void>;
let one: Process;
let tests = 0;
let key = '';

beforeAll(async () => {
  ({ url, drop } = await createDatabase());
  one = startProcess(url);
});
beforeEach(async () => {
  key = `F${tests++}`;
  await one.database.query(`DELETE FROM marks WHERE name = 'oldest_revision'`);
});
afterAll(async () => {
  await one.stop();
  await drop();
});

const small = { blockVersions: 4, chunkVersions: 2, passVersionsMax: 30, passBlocksMax: 8, passHeadsMax: 6 };

/** Lets what was written so far become so many days older. */
async function age(days: number): Promise<void> {
  await one.database.query(`UPDATE commits SET at = at - ${days} * interval '1 day'`);
  await one.database.query(`UPDATE marks SET at = at - ${days} * interval '1 day'`);
}

/** As if the horizon had stood at a revision for an hour. */
async function setHorizon(revision: number): Promise<void> {
  await one.database.query(
    `INSERT INTO marks (name, value, at) VALUES ('oldest_revision', ${revision}, now() - interval '1 hour')
     ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at`,
  );
}

async function forgetAll(id: number, horizon: number): Promise<void> {
  for (let after: number | undefined = 0; after !== undefined; )
    after = await forgetSealed(one.database, id, horizon, after);
}

async function said(id: number, t: number): Promise<[number, number][]> {
  const { revision, value } = await readVersions(one.database, id, { from: t, to: t + 1 });
  return Array.from(revision, (at, i) => [at, value[i]]);
}

async function deleteAt(...at: number[]) {
  return one.ingest.deleteTicks({
    series: key,
    range: undefined,
    at: Float64Array.from(at),
    note: null,
    idempotencyKey: null,
  });
}

test('what was overwritten or deleted before the horizon goes when a series is sealed, the rest stays', async () => {
  await put(one, key, [
    [1, 10],
    [2, 20],
    [3, 30],
  ]);
  const { revision: second } = await put(one, key, [[1, 11]]);
  const { revision: third } = await deleteAt(2);
  const { revision: fourth } = await put(one, key, [[1, 12]]);
  const id = await idOf(one, key);
  await sealSeries(one.database, id, third);
  expect(await said(id, 1)).toStrictEqual([
    [second, 11],
    [fourth, 12],
  ]);
  expect(await said(id, 2)).toStrictEqual([]);
  expect((await said(id, 3)).length).toBe(1);
});

test('the same goes from blocks that are sealed already, and those with nothing to forget are not rewritten', async () => {
  const at = (t: number) => t * 3_600_000_000;
  await put(
    one,
    key,
    Array.from({ length: 12 }, (_, i) => [at(i), i]),
  );
  const id = await idOf(one, key);
  await sealSeries(one.database, id, 0, small);
  await put(one, key, [[at(5), 55]]);
  await deleteAt(at(0));
  await sealSeries(one.database, id, 0, small);
  const blocks = () =>
    one.database.query<{ id: string; versions: number; points: number }>(
      `SELECT id, versions, points FROM sealed_blocks WHERE series = ${id} ORDER BY from_t`,
    );
  const before = await blocks();
  const horizon = await one.catalogue.newestRevision();
  expect(await seriesToForget(one.database, horizon)).toContain(id);
  await forgetAll(id, horizon);
  const after = await blocks();
  expect(after.reduce((sum, { versions }) => sum + versions, 0)).toBe(11);
  const kept = before.filter((block) => after.some((other) => other.id === block.id));
  expect(kept).toStrictEqual(before.filter(({ versions, points }) => versions === points));
  expect(kept.length).toBeGreaterThan(0);
  expect(await seriesToForget(one.database, horizon)).not.toContain(id);
});

test('a deletion is not forgotten while what it deletes waits to be sealed', async () => {
  // The deletion is in the first pass, the tick that it deletes only in the second: its block begins later.
  await put(one, key, [[50, 1]]);
  await put(one, key, [[10, 1]]);
  await one.ingest.deleteTicks({
    series: key,
    range: { from: 0, to: 100 },
    at: undefined,
    note: null,
    idempotencyKey: null,
  });
  const horizon = await one.catalogue.newestRevision();
  const id = await idOf(one, key);
  for (let more = true; more; ) {
    ({ more } = await sealSeries(one.database, id, horizon, { ...small, passBlocksMax: 2 }));
    await forgetAll(id, horizon);
    const [last] = [...(await one.catalogue.seriesByKeys([key]))];
    expect(await said(id, 50)).not.toStrictEqual([[expect.anything(), 1]]);
    expect(last.id).toBe(id);
  }
});

test('the horizon moves to what was newest so many days ago, and what it leaves behind is dropped only when it has stood', async () => {
  await put(one, key, [[1, 1]]);
  const old = await one.catalogue.newestRevision();
  await age(10);
  await put(one, key, [[1, 2]]);
  expect(await moveHorizon(one.database, 7)).toBeUndefined();
  expect(await one.catalogue.oldestRevision()).toBe(old);
  expect(await settledHorizon(one.database)).toBe(0);
  expect(await moveHorizon(one.database, 7)).toBeUndefined();
  await one.database.query(`UPDATE marks SET at = at - interval '1 hour'`);
  expect(await moveHorizon(one.database, 7)).toBe(old);
  expect(await settledHorizon(one.database)).toBe(old);
});

test('a revision before the horizon is GONE, one at it is not, one that is not written yet is refused', async () => {
  await put(one, key, [[1, 1]]);
  const horizon = await one.catalogue.newestRevision();
  await put(one, key, [[1, 2]]);
  await setHorizon(horizon);
  const check = (revision: number) => one.catalogue.checkReadable(revision, ['asOf']);
  await expect(check(horizon - 1)).rejects.toMatchObject({ code: 'GONE', inputPath: ['asOf'] });
  await expect(check(horizon)).resolves.toBeUndefined();
  await expect(check(horizon + 1)).resolves.toBeUndefined();
  await expect(check(horizon + 2)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
});

test('a sweep with a history of so many days forgets what is older', async () => {
  await put(one, key, [
    [1, 1],
    [2, 2],
  ]);
  await put(one, key, [[1, 3]]);
  const id = await idOf(one, key);
  await sealSeries(one.database, id, 0, sealSizes);
  await age(10);
  const jobs = upkeepJobs(one.database, { historyDays: 7, isStopping: () => false });
  await jobs.sweep({});
  expect((await said(id, 1)).length).toBe(2);
  await age(1);
  await jobs.sweep({});
  expect(await said(id, 1)).toStrictEqual([[expect.any(Number), 3]]);
});

const instant = fc.integer({ min: -4, max: 12 }).map((i) => (i + 0) * 40_000_000_000);
const write = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.array(fc.record({ t: instant, value: fc.integer({ min: -2, max: 2 }) }), {
      minLength: 1,
      maxLength: 10,
      size: 'max',
    }),
  },
  { weight: 1, arbitrary: fc.tuple(instant, instant) },
  { weight: 1, arbitrary: fc.constant('seal' as const) },
  { weight: 1, arbitrary: fc.constant('forget' as const) },
);
const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const question: fc.Arbitrary<Question> = fc.record({
  asOf: share,
  older: share,
  from: share,
  to: share,
  open: fc.boolean(),
  count: fc.integer({ min: 1, max: 12 }),
  maxPoints: fc.integer({ min: 1, max: 12 }),
  bucketMicros: fc.constantFrom(60_000_000, 86_400_000_000),
  intervalMicros: fc.constantFrom(60_000_000, 86_400_000_000),
});

test('reads at and after the horizon are what they were, wherever it lies and whatever was forgotten', async () => {
  const property = fc.asyncProperty(
    fc.array(write, { minLength: 3, maxLength: 16, size: 'max' }),
    share,
    fc.array(question, { minLength: 4, maxLength: 4 }),
    async (writes, where, questions) => {
      key = `G${tests++}`;
      const model = new Model();
      let horizon = 0;
      const id = () => idOf(one, key);
      for (const some of ['first' as const, ...writes, 'seal' as const, 'forget' as const]) {
        if (some === 'seal') {
          await sealSeries(one.database, await id(), horizon, small);
        } else if (some === 'forget') {
          const created = model.series.get(key)?.createdRevision ?? 0;
          const newest = await one.catalogue.newestRevision();
          horizon = Math.max(horizon, Math.floor(created + where * (newest - created)));
          await forgetAll(await id(), horizon);
        } else if (some !== 'first' && 'length' in some && some.length === 2 && typeof some[0] === 'number') {
          const [a, b] = some as [number, number];
          const range = { from: Math.min(a, b), to: Math.max(a, b) + 1 };
          const { revision } = await one.ingest.deleteTicks({
            series: key,
            range,
            at: undefined,
            note: null,
            idempotencyKey: null,
          });
          model.deleteRange(key, range.from, range.to, revision);
        } else {
          const given = some === 'first' ? [{ t: 0, value: 0 }] : (some as { t: number; value: number }[]);
          const ticks: ModelTick[] = given.map((tick) => ({ ...tick, series: key, size: null }));
          const columns = givenColumns(ticks);
          const { revision } = await one.ingest.ingest({
            columns,
            createMissing: true,
            partial: false,
            note: null,
            idempotencyKey: null,
          });
          model.ingest(ticks, revision, true);
        }
      }
      const series = model.series.get(key);
      if (!series) throw new Error('the first write created it');
      for (const asked of questions) await compareSeries(one, key, series, asked, Math.max(1, horizon));
    },
  );
  await fc.assert(property, { numRuns: 15 * times, interruptAfterTimeLimit: 45_000 * times });
});
