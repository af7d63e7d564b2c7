import { afterEach, beforeEach, expect, test } from 'vitest';
import { Settled } from '../../src/derive/settled.ts';
import { backfill } from '../../src/recompute/backfill.ts';
import { type DefinitionRow, readHistoryOfDefinitions } from '../../src/store/definitions.ts';
import { dropDeletedSeries } from '../../src/store/retention.ts';
import { createDatabase } from '../support/database.ts';
import { until } from '../support/program.ts';
import { deviationsAt, redundantVersions, type Tick, write as writeTo } from './expected-points.ts';
import { failing, withFailingOperator } from './failing-operator.ts';
import { ManualWorker, watched } from './manual-worker.ts';
import { heldAt, openRecomputeHarness, type RecomputeHarness } from './recompute-harness.ts';

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
const ramp = (length: number, start = 0) =>
  Array.from({ length }, (_, i): Tick => [(start + i) * second, (i * 7) % 50]);

async function define(formulas: Readonly<Record<string, string>>): Promise<void> {
  for (const [key, formula] of Object.entries(formulas)) await world.definer.define({ key, formula });
}

/** What a key was defined to be, oldest first, with those that never answered. */
async function definitionsOf(key: string): Promise<(Pick<DefinitionRow, 'formula' | 'state'> & { since: number })[]> {
  return world.database.query(
    `SELECT formula, state, d.since::float8 AS since FROM definitions AS d JOIN series ON series.id = d.series WHERE key = $1 ORDER BY d.id`,
    [key],
  );
}

const statesOf = async (key: string) => (await definitionsOf(key)).map(({ formula, state }) => `${state} ${formula}`);

async function liveOf(key: string) {
  const [{ id }] = await world.catalogue.seriesByKeys([key]);
  const live = (await readHistoryOfDefinitions(world.database, [id])).find(({ state }) => state === 'LIVE');
  if (!live) throw new Error(`'${key}' does not answer`);
  return live;
}

const lastOf = async (key: string, asOf: number) =>
  [...(await heldAt(world, key, asOf))].map(([t, { value }]) => [t / second, value]).at(-1);

/** What answers now has got to a revision, whatever else is pending. */
async function answeredAt(revision: number): Promise<void> {
  const settled = new Settled(world.database);
  await until(async () => (await settled.revision()) >= revision);
}

/** The revisions at which definitions began to answer. */
async function switches(): Promise<number[]> {
  const rows = await world.database.query<{ since: number }>(
    'SELECT DISTINCT since::float8 AS since FROM definitions WHERE since IS NOT NULL ORDER BY since',
  );
  return rows.map(({ since }) => since);
}

test('of definitions that come while others are pending the last wins; what answers follows its series until the switch, which is one', async () => {
  await world.startWorker();
  await write('A', ramp(50));
  await define({ M: 'mean(A, 3s)', D: 'M * 2', TOP: 'D + A' });
  await world.settled();
  const before = await switches();
  failing.throws = true;
  // Neither can get there, so both are pending when the next one comes.
  await define({ M: 'fragile(A) + 1' });
  await until(async () => (await definitionsOf('M')).length === 2);
  await define({ M: 'fragile(A) + 2' });
  expect(await statesOf('M')).toEqual(['LIVE mean(A, 3s)', 'CANCELLED fragile(A) + 1', 'BUILDING fragile(A) + 2']);
  expect(await statesOf('D'), 'and with it what hangs on it').toEqual([
    'LIVE M * 2',
    'CANCELLED M * 2',
    'BUILDING M * 2',
  ]);
  for (let i = 0; i < 3; i++) {
    const revision = await write('A', [[(60 + i * 10) * second, i]]);
    await answeredAt(revision);
    expect(await lastOf('M', revision)).toEqual([60 + i * 10, i]);
    expect(await lastOf('TOP', revision)).toEqual([60 + i * 10, 3 * i]);
    expect(await deviationsAt(world, revision)).toEqual([]);
  }
  expect(await switches()).toEqual(before);
  failing.throws = false;
  await define({ M: 'A * 10' });
  const revision = await world.settled();
  expect(await statesOf('M')).toEqual([
    'RETIRED mean(A, 3s)',
    'CANCELLED fragile(A) + 1',
    'CANCELLED fragile(A) + 2',
    'LIVE A * 10',
  ]);
  const after = (await switches()).filter((since) => !before.includes(since));
  expect(after.length, 'one switch').toBe(1);
  const [at] = after;
  for (const key of ['M', 'D', 'TOP']) expect((await liveOf(key)).since).toBe(at);
  expect(await lastOf('TOP', at - 1)).toEqual([80, 6]);
  expect(await lastOf('TOP', at)).toEqual([80, 42]);
  for (const asOf of [at - 1, at, revision]) expect(await deviationsAt(world, asOf)).toEqual([]);
  expect(await redundantVersions(world)).toEqual([]);
});

test('a pending definition that cannot be computed is taken up where it was left, when it can', async () => {
  await world.startWorker();
  await write('A', ramp(50));
  await define({ M: 'mean(A, 3s)', D: 'M * 2' });
  await world.settled();
  failing.throws = true;
  await define({ M: 'fragile(A) + 1' });
  await define({ M: 'fragile(A) + 2' });
  await until(async () => failing.thrown > 1);
  failing.throws = false;
  await until(async () => (await statesOf('M')).includes('LIVE fragile(A) + 2'));
  const revision = await world.settled();
  expect((await liveOf('M')).since).toBe((await liveOf('D')).since);
  expect(await deviationsAt(world, revision)).toEqual([]);
});

test('whoever redefines what a pending definition reads redefines that one too, and both are switched in together', async () => {
  await world.startWorker();
  await write('A', ramp(50));
  await define({ M: 'mean(A, 3s)', P: 'A + 1' });
  await world.settled();
  const before = await switches();
  failing.throws = true;
  await define({ P: 'M + fragile(A)' });
  await define({ NEW: 'P - M' });
  expect(await statesOf('P')).toEqual(['LIVE A + 1', 'BUILDING M + fragile(A)']);
  await define({ M: 'A * 10' });
  expect(await statesOf('M')).toEqual(['LIVE mean(A, 3s)', 'BUILDING A * 10']);
  expect(await statesOf('P')).toEqual(['LIVE A + 1', 'CANCELLED M + fragile(A)', 'BUILDING M + fragile(A)']);
  expect(await statesOf('NEW')).toEqual(['CANCELLED P - M', 'BUILDING P - M']);
  const pending = await write('A', [[60 * second, 5]]);
  await answeredAt(pending);
  expect(await lastOf('M', pending), 'an input waits for what reads it').toEqual([60, 5]);
  expect(await lastOf('P', pending)).toEqual([60, 6]);
  failing.throws = false;
  await until(async () => (await statesOf('NEW')).includes('LIVE P - M'));
  const revision = await world.settled();
  const after = (await switches()).filter((since) => !before.includes(since));
  expect(after.length, 'one switch').toBe(1);
  const [at] = after;
  for (const key of ['M', 'P', 'NEW']) expect((await liveOf(key)).since).toBe(at);
  expect(await lastOf('P', at - 1)).toEqual([60, 6]);
  expect(await lastOf('P', at)).toEqual([60, 55]);
  expect(await lastOf('NEW', at)).toEqual([60, 5]);
  for (const asOf of [at - 1, at, revision]) expect(await deviationsAt(world, asOf)).toEqual([]);
});

test('a backfill whose definition is replaced ends at its next step and leaves nothing', async () => {
  for (let at = 0; at < 300_000; at += 100_000) await write('A', ramp(100_000, at));
  const hand = new ManualWorker(world.database);
  await define({ M: 'A + 1' });
  await hand.build();
  await define({ M: 'cumsum(A)' });
  await hand.registry.load();
  await hand.wave();
  const lane = hand.lane('M');
  let steps = 0;
  // Before a step is taken it is looked whether others write: here, before the second one.
  const database = watched(world.database, {
    before: async (text) => {
      if (text.includes('FROM batches') && steps === 1) await define({ M: 'ema(A, 5)' });
    },
  });
  const end = await backfill(database, hand.registry.definitions, lane, {
    announce: false,
    isOver: () => false,
    onProgress: () => steps++,
  });
  expect(end).toBe('elsewhere');
  expect(steps, 'the second one was refused').toBe(2);
  expect(await statesOf('M')).toEqual(['LIVE A + 1', 'CANCELLED cumsum(A)', 'BUILDING ema(A, 5)']);
  await hand.build();
  expect(await statesOf('M')).toEqual(['RETIRED A + 1', 'CANCELLED cumsum(A)', 'LIVE ema(A, 5)']);
  await dropDeletedSeries(world.database);
  const left = await world.database.query<{ what: string; count: number }>(
    `SELECT (SELECT count(*)::int FROM fresh_blocks WHERE series = ANY ($1)) AS blocks,
       (SELECT count(*)::int FROM checkpoints WHERE definition = $2) AS checkpoints,
       (SELECT count(*)::int FROM lanes WHERE definition = $2) AS lanes`,
    [lane.row.storages, lane.row.id],
  );
  expect(left).toEqual([{ blocks: 0, checkpoints: 0, lanes: 0 }]);
});
