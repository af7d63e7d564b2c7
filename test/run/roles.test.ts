import pg from 'pg';
import { afterEach, describe, expect, it, onTestFailed } from 'vitest';
import { sealBlocksMin } from '../../src/upkeep/upkeep.ts';
import { ask, gql, ingest } from '../support/client.ts';
import { createDatabase } from '../support/database.ts';
import { type Program, tidemark, until } from '../support/program.ts';
import { describeWithRedis, freePort, startRedis } from '../support/redis.ts';

const t = Date.parse('2026-01-05T09:30:00Z');
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (let clean = cleanups.pop(); clean; clean = cleanups.pop()) await clean();
});

async function database(): Promise<string> {
  const made = await createDatabase();
  cleanups.push(() => made.drop());
  return made.url;
}

async function start(words: readonly string[], env: Record<string, string>, ready: string): Promise<Program> {
  const program = tidemark(['serve', ...words], env);
  cleanups.push(async () => {
    program.process.kill('SIGTERM');
    await program.ended;
  });
  onTestFailed(() => {
    process.stderr.write(program.output());
  });
  await program.says(ready);
  return program;
}

const fresh = async (url: string) =>
  (await ask<{ health: { freshBlocks: number } }>(url, '{ health { freshBlocks } }')).health.freshBlocks;

const sealed = 200;

/** More commits than a series may have unsealed, and what they come to. */
async function writeMany(url: string): Promise<{ middle: number }> {
  let middle = 0;
  for (let i = 0; i < sealed; i++) {
    const { revision } = await ingest(url, [{ series: 'SEAL', t: t + (i % 30) * 1_000, value: i }]);
    if (i === 19) middle = revision;
  }
  return { middle };
}

async function expectWhole(url: string, middle: number): Promise<void> {
  const query = `{ series(key: "SEAL") { now: samples { value } before: samples(asOf: ${middle}) { value } } }`;
  const counted = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  expect(await ask(url, query)).toEqual({
    series: {
      now: { value: [...counted(sealed - (sealed % 30), sealed), ...counted(sealed - 30, sealed - (sealed % 30))] },
      before: { value: counted(0, 20) },
    },
  });
}

/** An API and a worker that share a store and nothing else. */
async function sealsWhatWasWritten(bell: Record<string, string>): Promise<void> {
  const port = String(await freePort());
  const env = { DATABASE_URL: await database(), ...bell };
  const [api, worker] = await Promise.all([
    start(['--role', 'api', '--port', port], env, 'Try it:'),
    start(['--role', 'worker'], env, 'worker is ready'),
  ]);
  const url = `http://127.0.0.1:${port}/graphql`;
  expect(await ask(url, '{ health { role bell database } }')).toEqual({
    health: { role: 'api', bell: bell.REDIS_URL ? 'redis' : 'postgres', database: 'external' },
  });
  const { middle } = await writeMany(url);
  await until(async () => (await fresh(url)) < sealBlocksMin);
  await expectWhole(url, middle);
  worker.process.kill('SIGTERM');
  api.process.kill('SIGTERM');
  expect(await Promise.all([worker.ended, api.ended])).toEqual([
    { code: 0, signal: null },
    { code: 0, signal: null },
  ]);
  expect(api.output() + worker.output()).not.toMatch(/error|failed/i);
}

describe('an API and a worker of their own', () => {
  it('over PostgreSQL: the worker seals what the API wrote, and nothing reads otherwise', () =>
    sealsWhatWasWritten({}));

  it('a request that waits in the database when SIGTERM comes is answered', async () => {
    const port = String(await freePort());
    const url = `http://127.0.0.1:${port}/graphql`;
    const DATABASE_URL = await database();
    const program = await start(['--role', 'api'], { PORT: port, DATABASE_URL }, 'Try it:');
    const holder = new pg.Client({ connectionString: DATABASE_URL });
    await holder.connect();
    await holder.query('SELECT pg_advisory_lock(7421, 1)');
    const answer = gql<{ ingestTicks: { revision: number } }>(
      url,
      `mutation { ingestTicks(input: { createMissing: true, ticks: [{ series: "X", t: ${t}, value: 1 }] }) { revision } }`,
    );
    const waits = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    await until(async () => (await holder.query(waits)).rowCount === 1);
    program.process.kill('SIGTERM');
    await program.says('stopping');
    await holder.query('SELECT pg_advisory_unlock(7421, 1)');
    expect(await answer).toMatchObject({ status: 200, data: { ingestTicks: { revision: 1 } } });
    expect(await program.ended).toEqual({ code: 0, signal: null });
    await holder.end();
  });
});

describeWithRedis('with Redis', () => {
  it('over Redis: the worker seals what the API wrote, and nothing reads otherwise', async () => {
    const redis = await startRedis();
    cleanups.push(() => redis.stop());
    await sealsWhatWasWritten({ REDIS_URL: redis.url });
  });

  it('settings given as options hold for the worker that serve starts, too', async () => {
    const redis = await startRedis();
    cleanups.push(() => redis.stop());
    const env = { DATABASE_URL: await database(), PORT: String(await freePort()) };
    await start(['--redis-url', redis.url], env, 'Try it:');
    // Only a worker asks for the sweep.
    await until(async () => (await redis.keys()).some((key) => key.includes('repeat:sweep')));
  });

  it('a Redis that may evict keys: one line that names the variable, exit 1', async () => {
    const redis = await startRedis('--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru');
    cleanups.push(() => redis.stop());
    const program = tidemark(['serve'], { DATABASE_URL: await database(), PORT: '0', REDIS_URL: redis.url });
    expect(await program.ended).toMatchObject({ code: 1 });
    expect(program.output().trim()).toMatch(/^tidemark: REDIS_URL: .*allkeys-lru.*noeviction.*$/);
  });
});
