import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PassResult } from '../../src/recompute/pass.ts';
import { sealSizes } from '../../src/store/seal-plan.ts';
import { sealWhole } from '../../src/upkeep/upkeep.ts';
import { createDatabase } from '../support/database.ts';
import { deviationsAt, heldOf, type Tick, write } from './expected-points.ts';
import { ManualWorker } from './manual-worker.ts';
import { openRecomputeHarness, type RecomputeHarness } from './recompute-harness.ts';

const second = 1_000_000;
const hourSeconds = 3_600;
let world: RecomputeHarness;
let drop: () => Promise<void>;
let hand: ManualWorker;

beforeEach(async () => {
  const created = await createDatabase();
  drop = created.drop;
  world = await openRecomputeHarness(created.url);
  hand = new ManualWorker(world.database);
});
afterEach(async () => {
  await world.stop();
  await drop();
});

const valueAt = (i: number) => 100 + ((i * 7919) % 1000) / 100;

/** A tick a second, in blocks as they are after a while. */
async function fill(key: string, count: number): Promise<void> {
  const ticks = Array.from({ length: count }, (_, i): Tick => [i * second, valueAt(i)]);
  for (let at = 0; at < count; at += 20_000) await write(world, key, ticks.slice(at, at + 20_000));
}

async function define(formulas: Readonly<Record<string, string>>): Promise<void> {
  for (const [key, formula] of Object.entries(formulas)) await world.definer.define({ key, formula });
  await hand.build();
}

async function sealAll(): Promise<void> {
  const rows = await world.database.query<{ series: number }>('SELECT DISTINCT series FROM fresh_blocks');
  for (const { series } of rows) await sealWhole(world.database, series);
}

async function pass(...keys: string[]): Promise<PassResult> {
  const wave = await hand.wave();
  const passed = await hand.pass(keys, wave);
  expect(await deviationsAt(world, wave)).toEqual([]);
  return passed;
}

test('one correction in the middle under a window of an hour writes what can differ, and reads little more', async () => {
  await fill('A', 100_000);
  await define({ M: 'mean(A, 1h)' });
  await sealAll();
  await write(world, 'A', [[50_000 * second, 1]]);
  const passed = await pass('M');
  expect(passed.points).toBe(hourSeconds);
  // The hour before, the hour that it is felt in, what stood there, and a block at each end of each.
  expect(passed.read).toBeLessThan(4 * hourSeconds + 6 * sealSizes.blockVersions);
  expect(passed.passed).toBeLessThan(2 * hourSeconds + 2);
});

test('a correction of something recursive writes exactly what differs, and goes through little more', async () => {
  await fill('A', 60_000);
  await define({ E: 'ema(A, 12)', R: 'rsi(A, 14)' });
  await sealAll();
  const storages = ['E', 'R'].map((key) => hand.lane(key).row.storages[0]);
  const before = await Promise.all(storages.map((storage) => heldOf(world, storage, Number.MAX_SAFE_INTEGER)));
  await write(world, 'A', [[30_000 * second, 1]]);
  const passed = await pass('E', 'R');
  const after = await Promise.all(storages.map((storage) => heldOf(world, storage, Number.MAX_SAFE_INTEGER)));
  let differing = 0;
  after.forEach((held, i) => {
    for (const [t, { value }] of held) if (!Object.is(before[i].get(t)?.value, value)) differing++;
  });
  expect(differing).toBeGreaterThan(100);
  expect(passed.points).toBe(differing);
  // From a checkpoint before the change to one behind where it died out, twice.
  expect(passed.passed).toBeLessThan(2 * 4 * 2_048);
  expect(passed.read).toBeLessThan(2 * 4 * 2_048 + 8 * sealSizes.blockVersions);
});

test('a point at the end reads and writes as much whatever the length of what lies before it', async () => {
  const counts: Pick<PassResult, 'points' | 'passed' | 'read'>[] = [];
  for (const [key, length] of [
    ['A', 5_000],
    ['B', 50_000],
  ] as const) {
    await fill(key, length);
    await define({
      [`M${key}`]: `mean(${key}, 1h)`,
      [`E${key}`]: `ema(${key}, 12) + cumsum(${key})`,
      [`C${key}`]: `close(${key}, 1m)`,
      [`T${key}`]: `M${key} - lag(E${key}, 10p)`,
    });
    await sealAll();
    const keys = [`M${key}`, `E${key}`, `C${key}`, `T${key}`];
    await write(world, key, [[length * second, 1]]);
    await pass(...keys);
    await write(world, key, [[(length + 1) * second, 2]]);
    const { points, passed, read } = await pass(...keys);
    counts.push({ points, passed, read });
  }
  expect(counts[1]).toEqual(counts[0]);
  expect(counts[0]).toEqual({ points: 4, passed: 5, read: 1 });
});

test('an append goes on from the last pass, whoever else reads the same series, and after a correction too', async () => {
  await fill('A', 8_000);
  await define({
    M: 'mean(A, 1m)',
    N: 'max(A, 10m)',
    E: 'ema(A, 12)',
    G: 'A - M',
    S: 'stddev(G, 1m)',
    C: 'close(A, 1m)',
  });
  await sealAll();
  const keys = ['M', 'N', 'E', 'G', 'S', 'C'];
  await write(world, 'A', [[8_000 * second, 1]]);
  await pass(...keys);
  await write(world, 'A', [[8_001 * second, 2]]);
  const nothingButThePoint = { points: 6, passed: 7, read: 1 };
  expect(await pass(...keys)).toMatchObject(nothingButThePoint);
  await write(world, 'A', [[1_000 * second, 3]]);
  await pass(...keys);
  await write(world, 'A', [[8_002 * second, 4]]);
  expect(await pass(...keys)).toMatchObject(nothingButThePoint);
});

test('what changes nothing behind it is written nowhere, and nothing changed of what hangs on it', async () => {
  await write(
    world,
    'A',
    Array.from({ length: 2_000 }, (_, i): Tick => [i * second, valueAt(i)]),
  );
  await world.startWorker();
  await world.definer.define({ key: 'X', formula: 'max(A, 10m)' });
  await world.definer.define({ key: 'Y', formula: 'ema(X, 5)' });
  await world.definer.define({ key: 'Z', formula: 'A > 1000' });
  await world.settled();
  world.passes.length = 0;
  // The same value again, and another one that is not the greatest of any ten minutes, and is not greater than 1000.
  await write(world, 'A', [[1_000 * second, valueAt(1_000)]]);
  const revision = await write(world, 'A', [[1_000 * second, 101]]);
  expect(await world.settled()).toBe(revision);
  expect(await deviationsAt(world, revision)).toEqual([]);
  expect(world.passes.map(({ points }) => points).filter((points) => points > 0)).toEqual([]);
  expect(world.passes.flatMap(({ series }) => series)).toEqual([]);
  const [{ count }] = await world.database.query<{ count: string }>(
    'SELECT count(*) AS count FROM fresh_blocks WHERE revision >= $1 AND series IN (SELECT unnest(storages) FROM definitions)',
    [revision],
  );
  expect(Number(count)).toBe(0);
});
