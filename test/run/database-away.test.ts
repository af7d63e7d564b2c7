import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { startWorker } from '../../src/run/worker.ts';
import { sealBlocksMin } from '../../src/upkeep/upkeep.ts';
import { Follower } from '../feed/follower.ts';
import { ask, gql, ingest } from '../support/client.ts';
import { defineAt } from '../support/define.ts';
import { copyHome } from '../support/home.ts';
import { clustersFolder } from '../support/in-memory.ts';
import { freePort, until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';

const home = mkdtempSync(join(clustersFolder(), 'tidemark-away-'));
const t = Date.parse('2026-01-05T09:30:00Z');

let port: number;
let postgres: EmbeddedPostgres;
let server: TestServer;
let worker: { stop(): Promise<void> };

const startPostgres = async () => {
  postgres = await startEmbeddedPostgres({ home, port, settings: { fsync: 'off' } });
};

beforeAll(async () => {
  port = await freePort();
  copyHome(home);
  await startPostgres();
  server = await startServer({ databaseUrl: postgres.url });
  worker = await startWorker({ ...readConfig(new Map(), {}), databaseConnections: 2 }, postgres.url);
});
afterAll(async () => {
  await worker?.stop();
  await server?.stop();
  await postgres?.stop();
  rmSync(home, { recursive: true, force: true });
});

const write = `mutation ($t: Instant!, $v: Float!) {
  ingestTicks(input: { createMissing: true, ticks: [{ series: "AWAY", t: $t, value: $v }] }) { revision }
}`;

async function readyStatus(): Promise<number> {
  return (await fetch(new URL('/readyz', server.url))).status;
}

it('while the database is away for a moment requests wait; then all goes on by itself and nothing acknowledged is lost', async () => {
  await ingest(server.url, [{ series: 'AWAY', t: t - 1, value: -1 }]);
  const follower = new Follower(server.url, { series: ['AWAY'] });
  await follower.next();
  const acknowledged = new Set<number>();
  let next = 0;
  let writing = true;
  const writers = Array.from({ length: 4 }, async () => {
    while (writing) {
      const value = next++;
      const { errors, status } = await gql(server.url, write, { t: t + value, v: value });
      expect(status).toBe(200);
      expect(errors, 'shorter than the patience').toBeUndefined();
      acknowledged.add(value);
    }
  });
  await until(() => acknowledged.size > 20);
  await postgres.stop();
  expect(await readyStatus()).toBe(503);
  expect((await fetch(new URL('/livez', server.url))).status).toBe(200);
  expect((await ask<{ health: object }>(server.url, '{ health { ready } }')).health).toEqual({ ready: false });
  const asked = ask<{ series: { last: { value: number } } }>(server.url, '{ series(key: "AWAY") { last { value } } }');
  const written = acknowledged.size;
  await startPostgres();
  expect((await asked).series.last.value).toBeGreaterThan(0);
  await until(() => acknowledged.size > written + 40);
  writing = false;
  await Promise.all(writers);
  expect(await readyStatus()).toBe(200);

  const { series } = await ask<{ series: { samples: { value: number[] } } }>(
    server.url,
    '{ series(key: "AWAY") { samples(maxPoints: null) { value } } }',
  );
  expect(series.samples.value).toEqual([-1, ...[...acknowledged].sort((a, b) => a - b)]);
  const newest = await server.revision();
  while ((follower.cursor ?? 0) < newest) await follower.next();
  await follower.compare();
  expect(follower.seen.filter(({ kind }) => kind === 'SNAPSHOT')).toHaveLength(1);
  await follower.disconnect();
});

it('the worker goes on as well: it seals what was written before and after', async () => {
  const fresh = async () =>
    (await ask<{ health: { freshBlocks: number } }>(server.url, '{ health { freshBlocks } }')).health.freshBlocks;
  for (let i = 0; i < 200; i++) await ingest(server.url, [{ series: 'AFTER', t: t + i, value: i }]);
  await until(async () => (await fresh()) < sealBlocksMin);
});

it('while it is away for longer, whoever asks is told UNAVAILABLE in the end, and nothing is written twice; who follows goes on', async () => {
  await defineAt(server.url, 'AWAY.twice', 'AWAY * 2');
  const follower = new Follower(server.url, { series: ['AWAY', 'AWAY.twice'] });
  const { cursor } = await follower.next();
  await postgres.stop();
  // An announcement that comes twice changes nothing, but what it tells of is read.
  server.app.feed.hear({ derived: cursor, series: undefined, unchanged: [] });
  const tick = { series: 'AWAY', t: t + 1e6, value: 7 };
  const input = { ticks: [tick], idempotencyKey: 'away-1' };
  const mutation = 'mutation ($input: IngestTicksInput!) { ingestTicks(input: $input) { revision } }';
  const answers = await Promise.all([
    gql(server.url, mutation, { input }),
    gql(server.url, '{ revision }'),
    gql(server.url, '{ series(key: "AWAY") { last { value } } }'),
    gql(server.url, '{ health { freshBlocks } }'),
  ]);
  for (const { status, errors } of answers) {
    expect(status).toBe(200);
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'UNAVAILABLE' } });
  }
  await startPostgres();
  const before = await server.revision();
  const sent = await Promise.all([gql(server.url, mutation, { input }), gql(server.url, mutation, { input })]);
  expect(sent.map(({ data }) => data)).toEqual([
    { ingestTicks: { revision: before + 1 } },
    { ingestTicks: { revision: before + 1 } },
  ]);
  expect(await server.revision()).toBe(before + 1);
  while ((follower.cursor ?? 0) <= before) await follower.next();
  await follower.compare();
  expect(follower.seen.filter(({ kind }) => kind === 'SNAPSHOT')).toHaveLength(1);
  await follower.disconnect();
});
