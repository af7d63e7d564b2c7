import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { JobsThread } from '../../src/run/jobs-thread.ts';
import { startWorker } from '../../src/run/worker.ts';
import { deviationsAt, type Tick, write as writeTo } from '../recompute/expected-points.ts';
import { openRecomputeHarness, type RecomputeHarness } from '../recompute/recompute-harness.ts';
import { createDatabase } from '../support/database.ts';
import { freePort, until } from '../support/program.ts';

const second = 1_000_000;
let world: RecomputeHarness;
let databaseUrl: string;
let drop: () => Promise<void>;
const stops: (() => Promise<void>)[] = [];
/** The threads that were started in this process, in their order. */
let threads: Worker[];
const note = (thread: Worker) => void threads.push(thread);

beforeEach(async () => {
  const created = await createDatabase();
  drop = created.drop;
  databaseUrl = created.url;
  world = await openRecomputeHarness(databaseUrl);
  threads = [];
  process.on('worker', note);
});
afterEach(async () => {
  process.off('worker', note);
  for (const stop of stops.splice(0)) await stop();
  await world.stop();
  await drop();
});

const config = () => ({ ...readConfig(new Map(), {}), databaseConnections: 4, databaseUrl });
const write = (key: string, ticks: readonly Tick[]) => writeTo(world, key, ticks);

async function fill(key: string, count: number): Promise<void> {
  for (let at = 0; at < count; at += 100_000)
    await write(
      key,
      Array.from({ length: Math.min(100_000, count - at) }, (_, i): Tick => [(at + i) * second, ((at + i) * 7) % 100]),
    );
}

/** Something is thrown in it that nobody catches. */
async function crash(thread: Worker): Promise<void> {
  const ended = new Promise((resolve) => thread.once('exit', resolve));
  thread.postMessage(null);
  await ended;
}

async function laneOf(key: string): Promise<{ stage: string | null; basis: number } | undefined> {
  const [row] = await world.database.query<{ stage: string | null; basis: number }>(
    `SELECT step ->> 'stage' AS stage, basis::int AS basis FROM lanes
     JOIN definitions AS d ON d.id = definition JOIN series ON series.id = d.series WHERE key = $1 ORDER BY d.id DESC LIMIT 1`,
    [key],
  );
  return row;
}

const hasReached = async (key: string, revision: number) => ((await laneOf(key))?.basis ?? -1) >= revision;

test('a worker whose thread for jobs crashes in a backfill stays, keeps its lanes, and another thread goes on from the last step', {
  timeout: 120_000,
}, async () => {
  await write('B', [[0, 1]]);
  await world.definer.define({ key: 'H', formula: 'B + 1' });
  await fill('A', 500_000);
  await fill('C', 60_000);
  const worker = await startWorker(config(), databaseUrl);
  stops.push(() => worker.stop());
  await world.settled();
  expect(threads.length).toBe(1);
  await world.definer.define({ key: 'LONG', formula: 'cumsum(A) + ema(A, 100)' });
  let step: string | null | undefined;
  await until(async () => {
    step = (await laneOf('LONG'))?.stage;
    return typeof step === 'string';
  });
  await crash(threads[0]);
  expect(await laneOf('LONG'), 'it was on its way').toEqual({ stage: step, basis: -1 });
  const revision = await write('B', [[second, 2]]);
  await until(() => hasReached('H', revision));
  await until(() => threads.length === 2);
  await until(async () => {
    const lane = await laneOf('LONG');
    if (lane?.basis === -1) expect(lane.stage, 'its first steps are not taken again').toBe(step);
    return lane?.basis !== -1;
  });
  expect(await deviationsAt(world, await world.settled())).toEqual([]);
  // The next one as well.
  await crash(threads[1]);
  await until(() => threads.length === 3);
  await world.definer.define({ key: 'AGAIN', formula: 'cumsum(C)' });
  expect(await deviationsAt(world, await world.settled())).toEqual([]);
  expect(threads.length).toBe(3);
});

test('what was asked of a thread that dies is answered; the one that follows takes jobs, and says why the last one ended', async () => {
  const said: string[] = [];
  let advances = 0;
  const jobs = new JobsThread(config(), databaseUrl, {
    log: (line) => said.push(line),
    onAdvance: () => advances++,
  });
  stops.push(() => jobs.stop());
  await jobs.start();
  await fill('A', 100_000);
  await world.definer.define({ key: 'LONG', formula: 'ema(A, 100)' });
  const [{ id }] = await world.database.query<{ id: number }>('SELECT id FROM definitions');
  const building = jobs.build(id);
  await Promise.all([crash(threads[0]), building]);
  expect(said).toEqual([expect.stringMatching(/^the thread that takes jobs has ended, another one follows: .*null/)]);
  // While there is none, nobody waits for it.
  await jobs.build(id);
  expect(threads.length).toBe(1);
  await until(() => threads.length === 2);
  await world.bell.wake('advance', 'all', {});
  await until(() => advances > 0);
  await jobs.build(id);
  expect(await hasReached('LONG', 0)).toBe(true);
  const gone = once(threads[1], 'exit');
  await jobs.stop();
  await gone;
  expect(said.length, 'one that is stopped is followed by none').toBe(1);
});

test('a thread that cannot begin is followed by none: whoever starts it is told why, and nobody else', async () => {
  const written: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  const said: string[] = [];
  const options = { log: (line: string) => void said.push(line), onAdvance: () => undefined };
  const redisUrl = `redis://127.0.0.1:${await freePort()}`;
  const faulty = new JobsThread({ ...config(), redisUrl }, databaseUrl, options);
  const fault = { name: 'Fault', code: 'UNAVAILABLE', message: expect.stringMatching(/^REDIS_URL: no answer/) };
  await expect(faulty.start()).rejects.toMatchObject(fault);
  await faulty.stop();
  const lost = new JobsThread(config(), databaseUrl.replace(/[^/]*$/, 'nowhere'), options);
  await expect(lost.start()).rejects.toThrow(/"nowhere" does not exist/);
  await lost.stop();
  vi.restoreAllMocks();
  expect(threads.length).toBe(2);
  expect({ said, written }).toEqual({ said: [], written: [] });
});
