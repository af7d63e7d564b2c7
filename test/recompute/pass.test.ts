import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { backfill } from '../../src/recompute/backfill.ts';
import { readDefinitions } from '../../src/store/definitions.ts';
import { readLanes, takeStep } from '../../src/store/lanes.ts';
import { createDatabase } from '../support/database.ts';
import { deviationsAt, redundantVersions, write } from './expected-points.ts';
import { ManualWorker, watched } from './manual-worker.ts';
import { openRecomputeHarness, type RecomputeHarness } from './recompute-harness.ts';
import { seededRandom } from './seeded-random.ts';

const second = 1_000_000;
let world: RecomputeHarness;
let drop: () => Promise<void>;
let one: ManualWorker;
let other: ManualWorker;

/** Two workers, and lanes of which the one reads what the other brings. */
beforeEach(async () => {
  const created = await createDatabase();
  drop = created.drop;
  world = await openRecomputeHarness(created.url);
  for (const key of ['A', 'B'])
    await write(
      world,
      key,
      Array.from({ length: 50 }, (_, i) => [i * second, i % 7]),
    );
  await world.definer.define({ key: 'MA', formula: 'mean(A, 5s)' });
  await world.definer.define({ key: 'MB', formula: 'ema(B, 3)' });
  await world.definer.define({ key: 'L', formula: 'A + MB' });
  await world.definer.define({ key: 'TOP', formula: 'mean(L, 3p) - MA' });
  one = new ManualWorker(world.database);
  other = new ManualWorker(world.database);
  await one.build();
  await other.registry.load();
});
afterEach(async () => {
  await world.stop();
  await drop();
});

async function settle(): Promise<void> {
  const wave = await one.wave();
  for (const hand of [one, other]) await hand.registry.refresh([...hand.registry.lanes.keys()]);
  await one.pass(['MA', 'MB', 'L', 'TOP'], wave);
  expect(await deviationsAt(world, wave)).toEqual([]);
  expect(await redundantVersions(world)).toEqual([]);
  for (const { definition, basis, stops, untils } of await readLanes(world.database, [...one.registry.lanes.keys()]))
    expect(one.registry.lanes.get(definition), 'the registry follows the store').toMatchObject({
      basis,
      stops,
      untils,
    });
}

test('a lane that only got to an older wave is waiting for the newest one', async () => {
  const first = await write(world, 'A', [[10 * second, 100]]);
  expect(await one.wave()).toBe(first);
  await write(world, 'B', [[11 * second, 100]]);
  const newest = await one.wave();
  const passed = await one.pass(['MA', 'L', 'TOP'], newest);
  expect(one.lane('L').basis, 'where what it reads stood exactly').toBe(first);
  expect(passed.waiting.map(({ row }) => row.key)).toEqual(['L', 'TOP']);
  await other.pass(['MB'], newest);
  await one.pass(['L', 'TOP'], newest);
  expect(one.lane('TOP').basis).toBe(newest);
  expect(await deviationsAt(world, newest)).toEqual([]);
});

test('a lane that nothing concerned up to the older wave that it could get to is waiting too', async () => {
  await write(world, 'Z', [[0, 1]]);
  await one.wave();
  await write(world, 'B', [[11 * second, 100]]);
  const newest = await one.wave();
  const passed = await one.pass(['L', 'TOP'], newest);
  expect(passed.lanes).toEqual([]);
  expect(passed.waiting.map(({ row }) => row.key)).toEqual(['L', 'TOP']);
});

test.each(['before', 'after'] as const)(
  'what another worker commits just %s a pass looks where its lanes stand is seen whole or not at all',
  async (when) => {
    await write(world, 'B', [[11 * second, 100]]);
    const newest = await one.wave();
    let looked = 0;
    const database = watched(world.database, {
      [when]: async (text: string) => {
        if (text.includes('FROM lanes') && looked++ === 0) await other.pass(['MB'], newest);
      },
    });
    await one.pass(['L', 'TOP'], newest, database);
    expect(looked).toBeGreaterThan(0);
    await one.pass(['L', 'TOP'], newest);
    expect(one.lane('TOP').basis).toBe(newest);
    expect(await deviationsAt(world, newest)).toEqual([]);
    expect(await redundantVersions(world)).toEqual([]);
  },
);

test('a lane that another worker has brought further while it waited for its turn does not go back', async () => {
  const keys = Array.from({ length: 9 }, (_, i) => `E${i + 1}`);
  for (const [i, key] of keys.entries()) await world.definer.define({ key, formula: `ema(A, ${i + 2})` });
  await one.build();
  await other.registry.load();
  await write(world, 'A', [[11 * second, 100]]);
  const first = await one.wave();
  await write(world, 'A', [[12 * second, 200]]);
  const newest = await one.wave();
  let overtaken: Promise<void> | undefined;
  const overtake = async () => {
    await other.pass(['E9'], newest);
    // As one does who takes a job for it.
    await one.registry.refresh([one.lane('E9').row.id]);
  };
  const database = watched(world.database, {
    after: async (text) => {
      if (!text.includes('FROM checkpoints')) return;
      overtaken ??= overtake();
      await overtaken;
    },
  });
  await one.pass(keys, first, database);
  expect(overtaken).toBeDefined();
  const [{ basis }] = await readLanes(world.database, [one.lane('E9').row.id]);
  expect(basis).toBe(newest);
  await one.pass(keys, newest);
  await settle();
});

test('of two workers that pass the same lanes at once one commits, and the other knows where they stand then', async () => {
  for (let round = 0; round < 8; round++) {
    await write(world, round % 2 === 0 ? 'A' : 'B', [[(10 + round) * second, 100 + round]]);
    const wave = await one.wave();
    await write(world, 'A', [[(60 + round) * second, round]]);
    const keys = ['MA', 'MB', 'L', 'TOP'];
    // The one aims at a wave, the other at the same or a newer one.
    const [left, right] = await Promise.all([
      one.pass(keys, wave),
      other.pass(keys, round % 3 === 0 ? await other.wave() : wave),
    ]);
    expect(left.lanes.length > 0 || right.lanes.length > 0).toBe(true);
    await settle();
  }
});

test('of a backfill and a pass that advance the same lane at once one commits', async () => {
  for (let round = 0; round < 6; round++) {
    await write(world, 'B', [[(10 + round) * second, 100 + round]]);
    const wave = await one.wave();
    await Promise.all([
      one.pass(['MB'], wave),
      backfill(world.database, other.registry.definitions, other.lane('MB'), { announce: false, isOver: () => false }),
    ]);
    await settle();
  }
});

test('a book that is read again and again at the same time knows every lane in the end', async () => {
  const random = seededRandom(1);
  const database = watched(world.database, {
    after: async () => {
      for (let i = random(6); i > 0; i--) await world.database.query('SELECT 1');
    },
  });
  const registry = new ManualWorker(database).registry;
  const loads: Promise<unknown>[] = [];
  for (let i = 0; i < 12; i++) {
    for (let k = 0; k < 3; k++) loads.push(registry.load());
    await world.definer.define({ key: `N${i}`, formula: `ema(A, ${i + 2})` });
  }
  await Promise.all(loads);
  await registry.load();
  const { version, definitions } = await readDefinitions(world.database);
  expect(registry.version).toBe(version);
  expect([...registry.lanes.keys()]).toEqual(definitions.map(({ id }) => id));
});

test('lanes whose definitions are switched while they are passed leave nothing behind', async () => {
  await write(world, 'A', [[10 * second, 100]]);
  const wave = await one.wave();
  await world.definer.define({ key: 'MA', formula: 'mean(A, 9s)' });
  await other.registry.load();
  await other.wave();
  const building = [...other.registry.lanes.values()].filter(({ row }) => row.state === 'BUILDING');
  expect(building.map(({ row }) => row.key)).toEqual(['MA', 'TOP']);
  const stale = one.pass(['MA', 'L', 'TOP'], wave);
  await Promise.all([
    stale,
    (async () => {
      for (const lane of building)
        await backfill(world.database, other.registry.definitions, lane, { announce: false, isOver: () => false });
    })(),
  ]);
  await one.registry.load();
  await settle();
});

test('a lane of which another worker has taken a step of a backfill is not moved past it', async () => {
  await write(world, 'B', [[11 * second, 100]]);
  const first = await one.wave();
  await write(world, 'B', [[3 * second, 300]]);
  const target = await one.wave();
  const { row, basis } = one.lane('MB');
  const step = { count: 1, target, stage: randomUUID(), at: 0, done: 20 * second, progress: 0.5 };
  expect(await takeStep(world.database, { definition: row.id, basis }, step, [], [])).toBe(true);
  await one.pass(['MB'], first);
  const [lane] = await readLanes(world.database, [row.id]);
  expect(lane).toMatchObject({ basis, step: { count: 1 } });
});
