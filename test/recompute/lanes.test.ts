import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Fault } from '../../src/engine/fault.ts';
import { GroupCommit } from '../../src/ingest/group-commit.ts';
import { backfill } from '../../src/recompute/backfill.ts';
import { LaneRegistry } from '../../src/recompute/lane-registry.ts';
import { deleteSeries, readDefinitions, readHistoryOfDefinitions } from '../../src/store/definitions.ts';
import { openWave, readLanes, type Step } from '../../src/store/lanes.ts';
import { column } from '../store/world.ts';
import { createDatabase } from '../support/database.ts';
import { deviationsAt, type Tick, write as writeTo } from './expected-points.ts';
import { failing, withFailingOperator } from './failing-operator.ts';
import { ManualWorker } from './manual-worker.ts';
import { computed, heldAt, openRecomputeHarness, type RecomputeHarness } from './recompute-harness.ts';

const second = 1_000_000;
let world: RecomputeHarness;
let drop: () => Promise<void>;

withFailingOperator();
beforeEach(async () => {
  const created = await createDatabase();
  drop = created.drop;
  world = await openRecomputeHarness(created.url);
});

afterEach(async () => {
  await world.stop();
  await drop();
});

const write = (key: string, ticks: readonly Tick[]) => writeTo(world, key, ticks);

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`it does not happen: ${condition.toString()}`);
}

const ramp = (length: number) =>
  Array.from({ length }, (_, i): [number, number] => [i * second, 100 + ((i * 7919) % 1000) / 100]);

async function definitionOf(key: string) {
  const [{ id }] = await world.catalogue.seriesByKeys([key]);
  const all = await readHistoryOfDefinitions(world.database, [id]);
  return { newest: all[all.length - 1], all };
}

async function valuesAt(key: string, asOf: number): Promise<[number, number][]> {
  return [...(await heldAt(world, key, asOf))].map(([t, { value }]) => [t, value]);
}

test('a new formula takes the place of the old one in one revision, and with it all that hangs on it', async () => {
  await world.startWorker();
  await write('A', ramp(400));
  await world.definer.define({ key: 'M', formula: 'mean(A, 10s)' });
  await world.definer.define({ key: 'D', formula: 'M * 2' });
  await world.settled();
  await world.definer.define({ key: 'M', formula: 'mean(A, 20s)' });
  await world.settled();
  const { newest, all } = await definitionOf('M');
  expect(all.map(({ state, formula }) => [state, formula])).toEqual([
    ['RETIRED', 'mean(A, 10s)'],
    ['LIVE', 'mean(A, 20s)'],
  ]);
  const since = newest.since ?? 0;
  expect((await definitionOf('D')).newest.since, 'in the same revision').toBe(since);
  const A = await heldAt(world, 'A', since);
  for (const [formula, asOf] of [
    ['mean(A, 10s)', since - 1],
    ['mean(A, 20s)', since],
  ] as const) {
    expect(await valuesAt('M', asOf)).toEqual([...(await computed(formula, new Map([['A', A]])))]);
    expect(await valuesAt('D', asOf)).toEqual([...(await computed(`${formula} * 2`, new Map([['A', A]])))]);
  }
  // What is defined as it is already changes nothing.
  await world.definer.define({ key: 'M', formula: 'mean(A, 20s)' });
  expect((await definitionOf('M')).all.length).toBe(2);
});

test('a new formula that cannot be computed leaves the old one in place, with the reason', async () => {
  await world.startWorker();
  await write('A', ramp(50));
  await world.definer.define({ key: 'M', formula: 'mean(A, 10s)' });
  await world.settled();
  failing.throws = true;
  await world.definer.define({ key: 'M', formula: 'fragile(A)' });
  await until(async () => (await definitionOf('M')).newest.problem !== null);
  const { all } = await definitionOf('M');
  expect(all.map(({ state, problem }) => [state, problem])).toEqual([
    ['LIVE', null],
    ['BUILDING', 'it broke'],
  ]);
  await write('A', [[60 * second, 5]]);
  const revision = await world.settled();
  expect((await valuesAt('M', revision)).at(-1)).toEqual([60 * second, 5]);
  // Another definition in its place is computed.
  await world.definer.define({ key: 'M', formula: 'mean(A, 5s)' });
  await world.settled();
  expect((await definitionOf('M')).newest.state).toBe('LIVE');
});

test('a series whose operator throws has failed, with the reason; what reads it waits, others go on, and it comes back', async () => {
  await world.startWorker();
  await write('A', ramp(50));
  for (const [key, formula] of [
    ['F', 'fragile(A)'],
    ['G', 'F + 1'],
    ['H', 'A + 1'],
  ])
    await world.definer.define({ key, formula });
  await world.settled();
  failing.throws = true;
  const revision = await write('A', [[50 * second, 7]]);
  await until(async () => (await definitionOf('F')).newest.problem === 'it broke');
  await until(async () => (await valuesAt('H', revision)).at(-1)?.[0] === 50 * second);
  expect((await valuesAt('G', revision)).at(-1)?.[0], 'it waits for what it reads').toBe(49 * second);
  expect(await world.settled(), 'what failed stands aside').toBeGreaterThanOrEqual(revision);
  failing.throws = false;
  await until(async () => (await definitionOf('F')).newest.problem === null);
  await until(async () => (await valuesAt('G', revision)).at(-1)?.[1] === 8);
  expect((await valuesAt('F', revision)).at(-1)).toEqual([50 * second, 7]);
});

test('a correction that changes nothing behind it writes nothing; one that dies out is written as far as it is felt', async () => {
  await world.startWorker();
  await write('A', ramp(20_000));
  for (const [key, formula] of [
    ['X', 'max(A, 1h)'],
    ['E', 'ema(A, 12)'],
    ['Y', 'X + 1'],
  ])
    await world.definer.define({ key, formula });
  await world.settled();
  const storages = (await readDefinitions(world.database)).definitions.map(({ key, storages: [storage] }) => ({
    key,
    storage,
  }));
  const writtenSince = async (revision: number) => {
    const counts: Record<string, number> = {};
    for (const { key, storage } of storages) {
      const [row] = await world.database.query<{ count: string }>(
        'SELECT coalesce(sum(versions), 0) AS count FROM fresh_blocks WHERE series = $1 AND revision >= $2',
        [storage, revision],
      );
      counts[key] = Number(row.count);
    }
    return counts;
  };
  // The same value again.
  let revision = await write('A', [[10_000 * second, 100 + ((10_000 * 7919) % 1000) / 100]]);
  await world.settled();
  expect(await writtenSince(revision)).toEqual({ X: 0, E: 0, Y: 0 });
  // Another one, which is not the greatest of any hour.
  const before = new Map(await valuesAt('E', revision));
  world.passes.length = 0;
  revision = await write('A', [[10_000 * second, 101]]);
  await world.settled();
  const after = await valuesAt('E', revision);
  const differing = after.filter(([t, value]) => !Object.is(before.get(t), value)).length;
  expect(differing).toBeGreaterThan(50);
  expect(differing).toBeLessThan(1_000);
  expect(await writtenSince(revision)).toEqual({ X: 0, E: differing, Y: 0 });
  const [{ id }] = await world.catalogue.seriesByKeys(['E']);
  expect(
    world.passes.flatMap(({ series }) => series),
    'nobody else is woken',
  ).toEqual([id]);
});

test('a backfill takes steps, continues from the last one, and its progress never falls', async () => {
  const ticks = ramp(400_000);
  await write('A', ticks.slice(0, 200_000));
  await write('A', ticks.slice(200_000));
  const defined = await world.definer.define({ key: 'C', formula: 'cumsum(A) + ema(A, 100)' });
  await openWave(world.database, 0);
  const registry = new LaneRegistry(world.database);
  await registry.load();
  const [lane] = [...registry.lanes.values()];
  const steps: Step[] = [];
  const options = { announce: false, isOver: () => true, onProgress: (step: Step) => void steps.push(step) };
  expect(await backfill(world.database, registry.definitions, lane, options)).toBe('interrupted');
  const [row] = await readLanes(world.database, [lane.row.id]);
  expect(row.basis).toBe(-1);
  expect(row.step).toMatchObject({ count: 1 });
  expect(await valuesAt('C', await world.catalogue.newestRevision()), 'nobody sees half of it').toEqual([]);
  // Another process goes on, and another one, and none does again what was done.
  for (let end = ''; end !== 'complete'; ) {
    const other = new LaneRegistry(world.database);
    await other.load();
    const [same] = [...other.lanes.values()];
    end = await backfill(world.database, other.definitions, same, options);
    expect(['interrupted', 'complete']).toContain(end);
  }
  expect(steps.map(({ count }) => count)).toEqual([1, 2, 3]);
  expect(steps.map(({ progress }) => progress)).toEqual([0.33, 0.66, 0.98].map((share) => expect.closeTo(share, 1)));
  await world.startWorker();
  const revision = await world.settled();
  const A = await heldAt(world, 'A', revision);
  expect(await valuesAt('C', revision)).toEqual([...(await computed('cumsum(A) + ema(A, 100)', new Map([['A', A]])))]);
  expect(defined.kind).toBe('DERIVED');
});

test('buckets begin with the first instant there is, and those at both ends of time are computed as any other', async () => {
  await world.startWorker();
  const [first, last] = [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
  await write('A', ramp(20));
  const formulas = [
    'close(A, 5s) * 2',
    'ema(high(A, 5s), 3)',
    'cumsum(close(A, 1h))',
    'lag(close(A, 36500d))',
    'open(A, 7s)',
  ];
  for (const [i, formula] of formulas.entries()) await world.definer.define({ key: `B${i}`, formula });
  await world.settled();
  for (const ticks of [
    [[first, 3]],
    [[last, 4]],
    [
      [first + 1, 5],
      [last - 1, 6],
      [-8_520_336_000 * second, 7],
    ],
  ] as Tick[][]) {
    const revision = await write('A', ticks);
    await world.settled();
    expect(await deviationsAt(world, revision)).toEqual([]);
  }
  expect((await valuesAt('B0', await world.catalogue.newestRevision()))[0]).toEqual([first, 10]);
});

test('a correction through many operators becomes a backfill: the other lanes do not wait for it', async () => {
  await write('A', ramp(60_000));
  const windows = Array.from({ length: 40 }, (_, i) => `mean(A, ${20_000 + i}p)`);
  await world.definer.define({ key: 'LIGHT', formula: windows[0] });
  await world.definer.define({ key: 'HEAVY', formula: windows.join(' + ') });
  const hand = new ManualWorker(world.database);
  await hand.build();
  await write('A', [[30_000 * second, 1]]);
  const passed = await hand.pass(['LIGHT', 'HEAVY'], await hand.wave());
  expect(passed.lanes.map(({ row }) => row.key)).toEqual(['LIGHT']);
  expect(hand.lane('HEAVY').needsBackfill).toBe(true);
});

test('what hangs on a series that is being computed is defined anew, and that one is not begun again', async () => {
  await write('A', ramp(50));
  const keys = async () =>
    (await readDefinitions(world.database)).definitions.filter(({ state }) => state === 'BUILDING');
  await world.definer.define({ key: 'R', formula: 'A * 2' });
  await world.definer.define({ key: 'L', formula: 'R + 1' });
  const worker = await world.startWorker();
  await world.settled();
  await worker.stop();
  await world.definer.define({ key: 'R', formula: 'A * 3' });
  const before = await keys();
  await world.definer.define({ key: 'L', formula: 'R + 2' });
  const after = await keys();
  const idOf = (rows: typeof before, key: string) => rows.find((row) => row.key === key)?.id;
  expect(after.length).toBe(2);
  expect(idOf(after, 'R')).toBe(idOf(before, 'R'));
  expect(idOf(after, 'L')).not.toBe(idOf(before, 'L'));
  expect(new Set(after.map(({ bundle }) => bundle)).size, 'they are switched in together').toBe(1);
  await world.startWorker();
  const revision = await world.settled();
  expect(await valuesAt('L', revision)).toEqual(
    (await valuesAt('A', revision)).map(([t, value]) => [t, value * 3 + 2]),
  );
  const [r, l] = [await definitionOf('R'), await definitionOf('L')];
  expect(r.newest.since).toBe(l.newest.since);
});

test('cycles, unknown series, and a key that is taken are refused with their place; a series that others read is not deleted', async () => {
  await world.startWorker();
  await write('BTC-USD', ramp(10));
  await world.definer.define({ key: 'P', formula: 'mean(BTC-USD, 5s)' });
  await world.definer.define({ key: 'Q', formula: 'P + 1' });
  await world.settled();
  const fault = async (key: string, formula: string) =>
    world.definer.define({ key, formula }).then(
      () => undefined,
      (error: Fault) => error,
    );
  expect(await fault('P', 'BTC-USD + Q')).toMatchObject({
    code: 'BAD_USER_INPUT',
    inputPath: ['input', 'formula'],
    details: { formula: { line: 1, column: 11, length: 1 } },
    message: expect.stringContaining('cycle'),
  });
  expect(await fault('R', 'R + 1')).toMatchObject({ details: { formula: { column: 1, length: 1 } } });
  expect(await fault('R', 'mean(BTC-USS, 5s)')).toMatchObject({
    details: { formula: { column: 6, length: 7, suggestions: ['BTC-USD'] } },
  });
  expect(await fault('BTC-USD', 'P * 2')).toMatchObject({ code: 'CONFLICT' });
  expect(await fault('R', 'size(P)')).toMatchObject({ code: 'BAD_USER_INPUT' });
  const [{ id }] = await world.catalogue.seriesByKeys(['BTC-USD']);
  expect(await deleteSeries(world.database, id, false)).toEqual({ dependents: ['P'] });
  const [q] = await world.catalogue.seriesByKeys(['Q']);
  expect(await deleteSeries(world.database, q.id, false)).toEqual({ revision: expect.any(Number) });
});

test('a write that would make a series of a key that was defined a moment ago is planned anew, and others go on', async () => {
  await world.startWorker();
  await write('A', ramp(3));
  await world.definer.define({ key: 'P', formula: 'A + 1' });
  await world.settled();
  const groupCommit = new GroupCommit(world.database, { announce: false });
  const [{ id }] = await world.catalogue.seriesByKeys(['A']);
  const one = column([[9 * second, 1]]);
  const submit = (creates: { key: string }[], series: number | string) =>
    groupCommit.submit({ note: null, answer: {}, creates, columns: [{ series, column: one }] });
  const [derived, source] = await Promise.all([submit([{ key: 'P' }], 'P'), submit([], id)]);
  expect(derived).toEqual({ kind: 'missing', series: [] });
  expect(source).toMatchObject({ kind: 'written' });
  await groupCommit.drain();
});
