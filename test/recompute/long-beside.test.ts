import { afterEach, beforeEach, expect, test } from 'vitest';
import { partitionOf, partitions } from '../../src/store/care.ts';
import { readLanes } from '../../src/store/lanes.ts';
import { createDatabase } from '../support/database.ts';
import { until } from '../support/program.ts';
import { type Tick, write as writeTo, wrongAt } from './truth.ts';
import { openWorld, type World } from './world.ts';

const second = 1_000_000;

/** More than a pass writes of one lane. */
const length = 750_000;

let world: World;
let drop: () => Promise<void>;

beforeEach(async () => {
  const created = await createDatabase();
  drop = created.drop;
  world = await openWorld(created.url);
});
afterEach(async () => {
  await world.stop();
  await drop();
});

const write = (key: string, ticks: readonly Tick[]) => writeTo(world, key, ticks);

async function definition(key: string): Promise<{ id: number; partition: number; state: string }> {
  const [row] = await world.database.query<{ id: number; partition: number; state: string }>(
    `SELECT d.id, d.partition, d.state FROM definitions AS d JOIN series ON series.id = d.series WHERE key = $1 ORDER BY d.id DESC LIMIT 1`,
    [key],
  );
  return row;
}

async function laneOf(key: string) {
  const [lane] = await readLanes(world.database, [(await definition(key)).id]);
  return lane;
}

test('while a long tail is gone in steps, what shares its partition, its source, or comes new goes on', {
  timeout: 120_000,
}, async () => {
  await world.startWorker();
  await world.ingest.createSeries({ key: 'A' });
  // Another source of the same partition: as many ids further on.
  const [{ id }] = await world.catalogue.seriesByKeys(['A']);
  for (let i = 1; i < partitions; i++) await world.ingest.createSeries({ key: `between-${i}` });
  await world.ingest.createSeries({ key: 'B' });
  const [b] = await world.catalogue.seriesByKeys(['B']);
  expect(partitionOf(b.id)).toBe(partitionOf(id));
  await write('B', [[0, 1]]);
  for (let at = 0; at < length; at += 100_000)
    await write(
      'A',
      Array.from({ length: 100_000 }, (_, i): Tick => [(at + i) * second, ((at + i) * 7) % 100]),
    );
  for (const [key, formula] of [
    ['SUM', 'cumsum(A)'],
    ['TOP', 'SUM + B'],
    ['MA', 'mean(A, 5s)'],
    ['EB', 'ema(B, 3)'],
  ])
    await world.definer.define({ key, formula });
  await world.settled();
  const places = await Promise.all(['SUM', 'TOP', 'MA', 'EB'].map(async (key) => (await definition(key)).partition));
  expect(new Set(places).size, 'all of one partition').toBe(1);
  // Everything behind it is another sum.
  const corrected = await write('A', [[0, 1_000]]);
  await until(async () => {
    const { step, basis } = await laneOf('SUM');
    return step !== null || basis >= corrected;
  });
  const steps = new Set<number>();
  let beside = 0;
  let isNewLiveBeside = false;
  for (let i = 0; (await laneOf('SUM')).basis < corrected; i++) {
    const revision = await write('B', [[i * second, i]]);
    await write('A', [[(length + i) * second, i]]);
    if (i === 0) await world.definer.define({ key: 'NEW', formula: 'B * 2' });
    await until(async () => (await laneOf('EB')).basis >= revision && (await laneOf('MA')).basis >= revision);
    const isNewLive = (await definition('NEW')).state === 'LIVE';
    const sum = await laneOf('SUM');
    if (sum.basis >= corrected) break;
    beside++;
    isNewLiveBeside ||= isNewLive;
    if (sum.step) steps.add(sum.step.count);
  }
  expect(beside, 'settled beside it').toBeGreaterThan(0);
  expect(isNewLiveBeside, 'also what was defined meanwhile').toBe(true);
  expect(Math.max(...steps), 'in steps').toBeGreaterThan(0);
  expect(await wrongAt(world, await world.settled())).toEqual([]);
});
