import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterEach, beforeEach, expect, onTestFailed, test } from 'vitest';
import { leasePartitions } from '../../src/store/lanes.ts';
import { partitions } from '../../src/store/partitions.ts';
import { createDatabase } from '../support/database.ts';
import { type Program, tidemark, until } from '../support/program.ts';
import { deviationsAt, redundantVersions, type Tick, write as writeTo } from './expected-points.ts';
import { openRecomputeHarness, type RecomputeHarness } from './recompute-harness.ts';

const second = 1_000_000;
let world: RecomputeHarness;
let databaseUrl: string;
let drop: () => Promise<void>;
const programs: Program[] = [];

beforeEach(async () => {
  const created = await createDatabase();
  drop = created.drop;
  databaseUrl = created.url;
  world = await openRecomputeHarness(databaseUrl);
});
afterEach(async () => {
  for (const { process, ended } of programs.splice(0)) {
    process.kill('SIGKILL');
    await ended;
  }
  await world.stop();
  await drop();
});

const write = (key: string, ticks: readonly Tick[]) => writeTo(world, key, ticks);
const ramp = (length: number) => Array.from({ length }, (_, i): Tick => [i * second, i % 7]);

/** A worker in a process of its own. */
async function startProgram(): Promise<Program> {
  const program = tidemark(['serve', '--role', 'worker'], { DATABASE_URL: databaseUrl });
  programs.push(program);
  onTestFailed(() => void process.stderr.write(program.output()));
  await program.says('worker is ready');
  return program;
}

interface Lease {
  readonly partition: number;
  readonly worker: string;
  readonly until: number;
}

async function leases(): Promise<Lease[]> {
  return world.database.query<Lease & Record<string, unknown>>(
    'SELECT partition, worker, extract(epoch FROM until)::float8 AS until FROM leases ORDER BY partition',
  );
}

async function databaseNow(): Promise<number> {
  const [{ now }] = await world.database.query<{ now: number }>(
    'SELECT extract(epoch FROM clock_timestamp())::float8 AS now',
  );
  return now;
}

async function define(formulas: Readonly<Record<string, string>>): Promise<void> {
  for (const [key, formula] of Object.entries(formulas)) await world.definer.define({ key, formula });
}

const formulas = { MA: 'mean(A, 5s)', EB: 'ema(B, 3)', AB: 'MA - EB' };

test('partitions of a worker that never comes back are left alone until its lease ends, and settled by another then', async () => {
  await write('A', ramp(50));
  await write('B', ramp(50));
  await define(formulas);
  const gone = randomUUID();
  expect((await leasePartitions(world.database, gone, 5, partitions)).length).toBe(partitions);
  await world.startWorker();
  const ends = Math.max(...(await leases()).map((lease) => lease.until));
  await until(async () => {
    const [{ held, over }] = await world.database.query<{ held: number; over: boolean }>(
      `SELECT count(*) FILTER (WHERE worker = $1)::int AS held, extract(epoch FROM clock_timestamp()) > $2 AS over FROM leases`,
      [gone, ends],
    );
    if (!over) expect(held, 'nobody touches what is held').toBe(partitions);
    return over;
  });
  const revision = await world.settled();
  expect(await deviationsAt(world, revision)).toEqual([]);
  const held = await leases();
  expect(held.length).toBe(partitions);
  expect(held.map(({ worker }) => worker)).not.toContain(gone);
});

test('what a worker killed with -9 held is settled by one that stands beside it, when its lease has ended', async () => {
  const killed = await startProgram();
  const [{ worker: dead }] = await leases();
  await world.startWorker();
  const heldByDead = async () => (await leases()).filter(({ worker }) => worker === dead);
  await until(async () => (await heldByDead()).length === partitions / 2 && (await leases()).length === partitions);
  const keys = Array.from({ length: 16 }, (_, i) => `S${i}`);
  for (const key of keys) {
    await write(key, ramp(20));
    await define({ [`M${key}`]: `mean(${key}, 3s)` });
  }
  await define({ ALL: keys.map((key) => `M${key}`).join(' + ') });
  await world.settled();
  killed.process.kill('SIGKILL');
  await killed.ended;
  const left = await heldByDead();
  const ends = Math.max(...left.map((lease) => lease.until));
  const lanes = await world.database.query<{ partition: number }>('SELECT partition FROM definitions');
  const foreign = lanes.filter((lane) => left.some(({ partition }) => partition === lane.partition));
  expect(foreign.length, 'both have something to do').toBeGreaterThan(0);
  expect(foreign.length).toBeLessThan(lanes.length);
  for (const key of keys) await write(key, [[20 * second, 100]]);
  const revision = await world.settled();
  expect(await databaseNow()).toBeGreaterThanOrEqual(ends);
  expect(await deviationsAt(world, revision)).toEqual([]);
  expect(await redundantVersions(world)).toEqual([]);
  const held = await leases();
  expect(held.length).toBe(partitions);
  expect(new Set(held.map(({ worker }) => worker)).size, 'one holds all').toBe(1);
  expect(await heldByDead()).toEqual([]);
});

test('a worker that slept through the end of its lease and wakes believing that it holds all writes nothing twice', async () => {
  const sleeper = await startProgram();
  await write('A', ramp(50));
  await write('B', ramp(50));
  await define(formulas);
  await world.settled();
  const [{ worker: asleep }] = await leases();
  sleeper.process.kill('SIGSTOP');
  await write('A', [[10 * second, 100]]);
  await write('B', [[11 * second, 100]]);
  await world.startWorker();
  await world.settled();
  expect((await leases()).map(({ worker }) => worker)).not.toContain(asleep);
  // While nobody can ask what it holds, both believe that they hold all.
  const holder = new pg.Client({ connectionString: databaseUrl });
  await holder.connect();
  await holder.query('SELECT pg_advisory_lock(7421, 3)');
  sleeper.process.kill('SIGCONT');
  const waiting = `SELECT FROM pg_locks JOIN pg_database AS d ON d.oid = database
    WHERE NOT granted AND classid = 7421 AND objid = 3 AND datname = current_database()`;
  try {
    await until(async () => ((await holder.query(waiting)).rowCount ?? 0) >= 2);
    for (let i = 0; i < 20; i++) {
      await write(i % 2 === 0 ? 'A' : 'B', [[(20 + i) * second, 200 + i]]);
      await world.settled();
    }
    expect(await redundantVersions(world)).toEqual([]);
  } finally {
    await holder.end();
  }
  await until(async () => (await leases()).some(({ worker }) => worker === asleep));
  await write('A', [[12 * second, 300]]);
  expect(await deviationsAt(world, await world.settled())).toEqual([]);
  expect(await redundantVersions(world)).toEqual([]);
});
