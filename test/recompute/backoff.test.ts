import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { until } from '../support/program.ts';
import { deviationsAt, type Tick, write as writeTo } from './expected-points.ts';
import { failing, withFailingOperator } from './failing-operator.ts';
import { ManualWorker } from './manual-worker.ts';
import { openRecomputeHarness, type RecomputeHarness } from './recompute-harness.ts';

const second = 1_000_000;
const hourMillis = 3_600_000;
let world: RecomputeHarness;
let drop: () => Promise<void>;
/** What workers have said. */
let said: string[];

withFailingOperator();
beforeEach(async () => {
  const created = await createDatabase();
  drop = created.drop;
  world = await openRecomputeHarness(created.url);
  said = [];
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world.stop();
  await drop();
});

const write = (key: string, ticks: readonly Tick[]) => writeTo(world, key, ticks);
const ramp = (length: number) => Array.from({ length }, (_, i): Tick => [i * second, i % 100]);
const startWorker = () => world.startWorker({ log: (line) => said.push(line) });

interface Trouble {
  readonly attempts: number;
  readonly problem: string | null;
  /** In seconds since 1970, by the clock of the database. */
  readonly retryAt: number | null;
}

async function troubleOf(key: string): Promise<Trouble> {
  const [trouble] = await world.database.query<Trouble & Record<string, unknown>>(
    `SELECT attempts, problem, extract(epoch FROM retry_at)::float8 AS "retryAt"
     FROM definitions AS d JOIN series ON series.id = d.series WHERE key = $1 ORDER BY d.id DESC LIMIT 1`,
    [key],
  );
  return trouble;
}

/** Each trouble of a series as it comes, up to so many attempts. */
async function troublesOf(key: string, attempts: number): Promise<Trouble[]> {
  const troubles: Trouble[] = [];
  await until(async () => {
    const trouble = await troubleOf(key);
    if (trouble.problem !== null && trouble.attempts !== troubles.at(-1)?.attempts) troubles.push(trouble);
    return (troubles.at(-1)?.attempts ?? 0) >= attempts;
  });
  return troubles;
}

/** The waits that were announced, in seconds. */
const waits = () => said.flatMap((line) => /tried again in (\d+) s: it broke$/.exec(line)?.[1] ?? []).map(Number);

const untilWell = (key: string) => until(async () => (await troubleOf(key)).problem === null);

/** By when a failure that is tried again so many seconds later was noted. */
const failedAt = ({ retryAt }: Trouble, seconds: number) => (retryAt ?? 0) - seconds;

test('what keeps failing is tried again after 1, 2 and 4 s, never earlier, and moves nothing else; it comes back when the cause is gone', async () => {
  await startWorker();
  await write('A', ramp(50));
  await write('B', ramp(50));
  for (const [key, formula] of [
    ['F', 'fragile(A)'],
    ['H', 'A + 1'],
    ['J', 'mean(B, 5s)'],
  ])
    await world.definer.define({ key, formula });
  await world.settled();
  const written = world.passes.length;
  failing.throws = true;
  await write('A', [[50 * second, 7]]);
  await until(() => world.passes.slice(written).some(({ lanes }) => lanes.some(({ row }) => row.key === 'H')));
  const first = await troublesOf('F', 1);
  const passes = world.passes.length;
  const troubles = [...first, ...(await troublesOf('F', 2)).slice(-1)];
  expect(
    world.passes.slice(passes).flatMap(({ lanes }) => lanes),
    'what did not fail is not brought again',
  ).toEqual([]);
  // What is written meanwhile reaches the others, and hastens nothing.
  for (let i = 0; i < 5; i++) {
    const revision = await write('A', [[(51 + i) * second, i]]);
    await until(
      () => world.passes.at(-1)?.lanes.some(({ row, basis }) => row.key === 'H' && basis >= revision) ?? false,
    );
  }
  expect(await world.settled(), 'it stands aside').toBe(await world.catalogue.newestRevision());
  troubles.push(...(await troublesOf('F', 3)).slice(-1));
  expect(troubles.map(({ attempts }) => attempts)).toEqual([1, 2, 3]);
  expect(waits()).toEqual([1, 2, 4]);
  expect(failing.thrown, 'once for each attempt that is noted').toBe(3);
  expect(failedAt(troubles[1], 2)).toBeGreaterThanOrEqual(troubles[0].retryAt ?? 0);
  expect(failedAt(troubles[2], 4)).toBeGreaterThanOrEqual(troubles[1].retryAt ?? 0);
  for (const key of ['H', 'J']) expect(await troubleOf(key)).toEqual({ attempts: 0, problem: null, retryAt: null });
  failing.throws = false;
  await untilWell('F');
  expect(await troubleOf('F')).toEqual({ attempts: 0, problem: null, retryAt: null });
  expect(await deviationsAt(world, await world.settled())).toEqual([]);
  // The next failure begins with a second again.
  failing.throws = true;
  await write('A', [[60 * second, 1]]);
  await troublesOf('F', 1);
  expect(waits()).toEqual([1, 2, 4, 1]);
});

test.each([
  [8, 256],
  [9, 300],
  [2_000, 300],
])('after %i attempts it is tried again in %i s', async (attempts, seconds) => {
  const worker = await startWorker();
  await write('A', ramp(50));
  await world.definer.define({ key: 'F', formula: 'fragile(A)' });
  await world.settled();
  await worker.stop();
  await world.database.query(`UPDATE definitions SET problem = 'it broke', attempts = $1, retry_at = now()`, [
    attempts,
  ]);
  failing.throws = true;
  await write('A', [[50 * second, 7]]);
  await startWorker();
  await troublesOf('F', attempts + 1);
  expect(waits()).toEqual([seconds]);
  const [{ left }] = await world.database.query<{ left: number }>(
    'SELECT extract(epoch FROM retry_at - clock_timestamp())::float8 AS left FROM definitions',
  );
  expect(left).toBeLessThanOrEqual(seconds);
  expect(left).toBeGreaterThan(seconds / 2);
});

test('a first computation that keeps failing in its backfill is tried again after growing delays, and completes when the cause is gone', async () => {
  await startWorker();
  await write('A', ramp(30_000).slice(0, 15_000));
  await write('A', ramp(30_000).slice(15_000));
  await write('B', ramp(10));
  await world.definer.define({ key: 'H', formula: 'B + 1' });
  await world.settled();
  failing.throws = true;
  await world.definer.define({ key: 'F', formula: 'ema(fragile(A), 12)' });
  await troublesOf('F', 2);
  const revision = await write('B', [[20 * second, 3]]);
  expect(await world.settled()).toBe(revision);
  const troubles = await troublesOf('F', 3);
  expect(troubles.at(-1)).toMatchObject({ attempts: 3, problem: 'it broke' });
  expect(waits()).toEqual([1, 2, 4]);
  expect(failing.thrown).toBe(3);
  failing.throws = false;
  await untilWell('F');
  const settled = await world.settled();
  expect(await troubleOf('F')).toEqual({ attempts: 0, problem: null, retryAt: null });
  expect(await deviationsAt(world, settled)).toEqual([]);
  expect(world.passes.flatMap(({ lanes }) => lanes).filter(({ row }) => row.key === 'F')).toEqual([]);
});

test('what was brought by a worker that died before it could say so has not failed any more', async () => {
  const worker = await startWorker();
  await write('A', ramp(50));
  await world.definer.define({ key: 'F', formula: 'fragile(A)' });
  await world.settled();
  failing.throws = true;
  await write('A', [[50 * second, 7]]);
  await troublesOf('F', 1);
  await worker.stop();
  failing.throws = false;
  const hand = new ManualWorker(world.database);
  await hand.registry.load();
  expect((await hand.pass(['F'], await hand.wave())).points).toBe(1);
  expect((await troubleOf('F')).problem).toBe('it broke');
  await startWorker();
  await untilWell('F');
});

test.each([
  ['behind', -hourMillis],
  ['ahead of', hourMillis],
])('a worker whose clock is an hour %s the database tries again when it is time', async (_, offMillis) => {
  const worker = await startWorker();
  await write('A', ramp(50));
  await world.definer.define({ key: 'F', formula: 'fragile(A)' });
  await world.settled();
  failing.throws = true;
  await write('A', [[50 * second, 7]]);
  await troublesOf('F', 1);
  await worker.stop();
  const [{ due }] = await world.database.query<{ due: number }>(
    `UPDATE definitions SET retry_at = clock_timestamp() + interval '3 s' RETURNING extract(epoch FROM retry_at)::float8 AS due`,
  );
  const now = Date.now;
  vi.spyOn(Date, 'now').mockImplementation(() => now() + offMillis);
  await startWorker();
  const [again] = (await troublesOf('F', 2)).slice(-1);
  expect(failedAt(again, 2)).toBeGreaterThanOrEqual(due);
  failing.throws = false;
  await untilWell('F');
  expect(await deviationsAt(world, await world.settled())).toEqual([]);
});
