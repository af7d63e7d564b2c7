import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { everything } from '../../src/engine/ranges.ts';
import { readSamples, type SampleMethod } from '../../src/query/samples.ts';
import { readPoints } from '../../src/store/block-reads.ts';
import { readLasts } from '../../src/store/last-points.ts';
import { sealSizes } from '../../src/store/seal-plan.ts';
import { sealWhole } from '../../src/upkeep/upkeep.ts';
import { createDatabase } from '../support/database.ts';
import { idOf, type Process, put, startProcess } from './world.ts';

let url = '';
let drop: () => Promise<void>;
let one: Process;
let statements: string[] = [];
let key = '';
let tests = 0;

/** Every statement that goes over the pool's connections, COPY included. */
function record(client: pg.PoolClient): void {
  const query = client.query as (...given: unknown[]) => unknown;
  client.query = ((...given: unknown[]) => {
    const [first] = given as [string | { text: string }];
    statements.push(typeof first === 'string' ? first : first.text);
    return query.apply(client, given);
  }) as typeof client.query;
}

beforeAll(async () => {
  ({ url, drop } = await createDatabase());
  one = startProcess(url);
  one.database.pool.on('connect', record);
});
beforeEach(() => {
  key = `T${tests++}`;
});
afterAll(async () => {
  await one.stop();
  await drop();
});

const second = 1_000_000;
const day = 86_400 * second;

const sizes = { ...sealSizes, blockVersions: 64, chunkVersions: 8 };

/** A walk that neither repeats nor wanders off: what prices look like from afar. */
function prices(from: number, count: number): [number, number][] {
  let state = 12_345;
  let value = 100;
  return Array.from({ length: count }, (_, i) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    value += state / 2_147_483_648 - 0.5;
    return [(from + i) * second, value];
  });
}

async function seal(series: string): Promise<number> {
  const id = await idOf(one, series);
  await sealWhole(one.database, id, undefined, sizes);
  return id;
}

interface BlockRow {
  readonly id: string;
  readonly from: number;
  readonly to: number;
}

async function sealedBlocks(id: number): Promise<BlockRow[]> {
  const rows = await one.database.query<{ id: string; from: string; to: string }>(
    `SELECT id, from_t AS from, to_t AS to FROM sealed_blocks WHERE series = ${id} ORDER BY from_t`,
  );
  return rows.map((row) => ({ id: row.id, from: Number(row.from), to: Number(row.to) }));
}

/** Those of `after` that were not there before. */
function made(before: readonly BlockRow[], after: readonly BlockRow[]): BlockRow[] {
  return after.filter(({ id }) => !before.some((block) => block.id === id));
}

function opened(): number {
  const lists = statements.map((text) => /FROM sealed_blocks WHERE id IN \(([\d,]+)\)/.exec(text)?.[1] ?? '');
  return lists.reduce((sum, list) => sum + (list === '' ? 0 : list.split(',').length), 0);
}

test('a chart of 1,000 pixels opens few of 2,500 blocks, and no more when ten times as many lie in its pixels', async () => {
  await put(one, key, prices(0, 160_000));
  const id = await seal(key);
  const count = (await sealedBlocks(id)).length;
  expect(count).toBeGreaterThanOrEqual(2_500);
  const openedFor = async (method: SampleMethod, maxPoints: number) => {
    statements = [];
    const asOf = Number.MAX_SAFE_INTEGER;
    const all = { series: id, range: everything, asOf, bucketMicros: undefined };
    const { t } = await readSamples(one.database, { ...all, method, maxPoints }, { samplesMax: 10_000 });
    expect(t.length).toBeGreaterThan(maxPoints / 3);
    return opened();
  };
  // Each edge between two pixels lies in at most one block.
  const extremes = await openedFor('MINMAX', 1_000);
  expect(extremes).toBeLessThan(count / 10);
  expect(await openedFor('MINMAX', 100)).toBeLessThan(20);
  expect(await openedFor('MEAN', 1_000)).toBeLessThanOrEqual(1_000);
  expect(await openedFor('MEAN', 100)).toBeLessThanOrEqual(100);
  await put(one, key, [[80_000 * second, 1]]);
  expect(await openedFor('MINMAX', 1_000)).toBeLessThanOrEqual(extremes + 2);
});

test('sealing a live tail rewrites the last block and no other', async () => {
  await put(one, key, prices(0, 1_000));
  const id = await seal(key);
  // Between full blocks and one that is not yet, wherever the tail stands.
  for (let at = 1_000; at < 1_200; at += 10) {
    const before = await sealedBlocks(id);
    await put(one, key, prices(at, 10));
    await seal(key);
    const after = await sealedBlocks(id);
    const gone = made(after, before);
    expect(gone.length).toBeLessThanOrEqual(1);
    expect(gone.filter((block) => block.id !== before[before.length - 1].id)).toStrictEqual([]);
    expect(made(before, after).every(({ from }) => from >= before[before.length - 1].from)).toBe(true);
  }
  const blocks = await sealedBlocks(id);
  expect(blocks.length, 'they are full, not one for each pass').toBeLessThanOrEqual(Math.ceil(1_200 / 48));
});

test('a correction of one point reseals the block it falls in and no other', async () => {
  await put(one, key, prices(0, 1_000));
  const id = await seal(key);
  for (const at of [0, 137, 500, 990]) {
    const before = await sealedBlocks(id);
    await put(one, key, [[at * second, -1]]);
    await seal(key);
    const after = await sealedBlocks(id);
    const gone = made(after, before);
    expect(gone.map(({ from, to }) => from <= at * second && at * second <= to)).toStrictEqual([true]);
    expect(made(before, after).map(({ from, to }) => [from, to])).toStrictEqual([[gone[0].from, gone[0].to]]);
  }
});

test('corrections in two blocks leave the ones between them as they are, and no block reaches over another', async () => {
  await put(one, key, prices(0, 1_000));
  const id = await seal(key);
  const before = await sealedBlocks(id);
  await put(
    one,
    key,
    [100, 101, 400, 401].map((at) => [at * second, -1] as const),
  );
  await seal(key);
  const after = await sealedBlocks(id);
  expect(made(after, before).length).toBe(2);
  expect(after.filter(({ to }, i) => i + 1 < after.length && to >= after[i + 1].from)).toStrictEqual([]);
});

test('a late tick and a live one in one write make two blocks, so that neither is looked at for what lies between', async () => {
  await put(one, key, prices(0, 10));
  const id = await idOf(one, key);
  await put(one, key, [
    [-4_000 * day, 1],
    [1 * day, 2],
  ]);
  const rows = await one.database.query<{ from_t: string; to_t: string }>(
    `SELECT from_t, to_t FROM fresh_blocks WHERE series = ${id} ORDER BY from_t`,
  );
  expect(rows.map((row) => [Number(row.from_t), Number(row.to_t)])).toStrictEqual([
    [-4_000 * day, -4_000 * day],
    [0, 9 * second],
    [day, day],
  ]);
  await seal(key);
  const before = await sealedBlocks(id);
  await put(one, key, [[-2_000 * day, 1]]);
  await seal(key);
  expect(made(await sealedBlocks(id), before).length).toBeLessThanOrEqual(1);
});

test('ticks of a commit are one row for each series, however many writes it carries', async () => {
  const keys = [`${key}-a`, `${key}-b`];
  for (const each of keys) await put(one, each, [[0, 0]]);
  for (const each of keys) await put(one, each, [[0, 0]]);
  const ids = await Promise.all(keys.map((each) => idOf(one, each)));
  await Promise.all(Array.from({ length: 40 }, (_, i) => put(one, keys[i % 2], [[i * second, i]])));
  const [row] = await one.database.query<{ rows: string }>(
    `SELECT count(*) AS rows FROM fresh_blocks WHERE series IN (${ids.join(',')})`,
  );
  expect(Number(row.rows)).toBe(6);
});

test('the last points of many series take one statement', async () => {
  const keys = Array.from({ length: 30 }, (_, i) => `${key}-${i}`);
  for (const each of keys) await put(one, each, prices(0, 3));
  const ids = await Promise.all(keys.map((each) => idOf(one, each)));
  statements = [];
  expect((await readLasts(one.database, ids, Number.MAX_SAFE_INTEGER)).size).toBe(30);
  expect(statements.length).toBe(1);
});

test('the last point is found among any number of fresh blocks, however they overlap, and whatever was deleted', async () => {
  const said = new Map<number, number | undefined>();
  const points: [revision: number, last: number | undefined][] = [];
  for (let i = 0; i < 90; i++) {
    const at = (i * 37) % 100;
    // Each third write corrects the far past and the end together; each fifth takes the end back.
    const ticks: [number, number][] =
      i % 3 === 0
        ? [
            [-5 * second, i],
            [at * second, i],
          ]
        : [[at * second, i]];
    for (const [t, value] of ticks) said.set(t, value);
    let { revision } = await put(one, key, ticks);
    if (i % 5 === 0) {
      const last = Math.max(...[...said].filter(([, value]) => value !== undefined).map(([t]) => t));
      said.set(last, undefined);
      revision = (
        await one.ingest.deleteTicks({
          series: key,
          range: undefined,
          at: Float64Array.of(last),
          note: null,
          idempotencyKey: null,
        })
      ).revision;
    }
    const living = [...said].filter(([, value]) => value !== undefined).map(([t]) => t);
    points.push([revision, living.length > 0 ? Math.max(...living) : undefined]);
  }
  const id = await idOf(one, key);
  for (const [revision, last] of points) expect((await readLasts(one.database, [id], revision)).get(id)?.t).toBe(last);
});

test('the first points of a long series take one statement, and so do the last ones', async () => {
  await put(one, key, prices(0, 10_000));
  const id = await seal(key);
  for (const end of ['first', 'last'] as const) {
    statements = [];
    const points = await readPoints(one.database, id, everything, Number.MAX_SAFE_INTEGER, 50, end);
    expect(points.t.length).toBe(50);
    expect(statements.length).toBe(1);
  }
});

test('what is sealed is one row for some 64 points, and no fresh row is left', async () => {
  for (let i = 0; i < 50; i++) await put(one, key, prices(i * 10, 10));
  const id = await seal(key);
  expect(await one.database.query(`SELECT FROM fresh_blocks WHERE series = ${id}`)).toStrictEqual([]);
  const blocks = await sealedBlocks(id);
  expect(blocks.length).toBe(8);
  statements = [];
  await seal(key);
  expect(statements.some((text) => text.includes('tidemark_seal'))).toBe(false);
});
