import { afterEach, beforeEach, expect, test } from 'vitest';
import { readLanes } from '../../src/store/lanes.ts';
import { partitionOf, partitions } from '../../src/store/partitions.ts';
import { createDatabase } from '../support/database.ts';
import { until } from '../support/program.ts';
import { deviationsAt, type Tick, write as writeTo } from './expected-points.ts';
import { openRecomputeHarness, type RecomputeHarness } from './recompute-harness.ts';

const second = 1_000_000;

/** More than a pass writes of one lane. */
const length = 750_000;

let world: RecomputeHarness;
let drop: () => Promise<void>;

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
  /** Everything behind the first point is another sum: says whether the others went on before all of that was there. */
  const goOnBeside = async (attempt: number) => {
    const corrected = await write('A', [[0, 1_000 + attempt]]);
    const behind = async () => {
      const { step, basis } = await laneOf('SUM');
      return basis < corrected && { steps: step?.count ?? 0 };
    };
    await until(async () => {
      const sum = await behind();
      return !sum || sum.steps > 0;
    });
    await world.definer.define({ key: `NEW${attempt}`, formula: 'B * 2' });
    for (let i = 0; ; i++) {
      const revision = await write('B', [[i * second, i + attempt]]);
      await write('A', [[(length + i) * second, i + attempt]]);
      await until(async () => (await laneOf('EB')).basis >= revision && (await laneOf('MA')).basis >= revision);
      const isNewLive = (await definition(`NEW${attempt}`)).state === 'LIVE';
      if (!(await behind())) return false;
      if (isNewLive) return true;
    }
  };
  // What is quick may be late once on a busy machine; what waits for the long tail is late each time.
  let wentOn = false;
  for (let attempt = 0; attempt < 5 && !wentOn; attempt++) wentOn = await goOnBeside(attempt);
  expect(wentOn, 'beside the steps of a long tail').toBe(true);
  expect(await deviationsAt(world, await world.settled())).toEqual([]);
});
