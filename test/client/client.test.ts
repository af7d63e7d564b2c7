import { afterAll, beforeAll, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { ConnectionState, Update } from '../../src/client/client.ts';
import { ask, ingest, remove } from '../support/client.ts';
import { freePort, until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { clientOf, record, t } from './following.ts';
import { startNetwork } from './network.ts';

const second = 1_000;

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

async function define(key: string, formula: string): Promise<void> {
  await ask(server.url, 'mutation ($input: DefineSeriesInput!) { defineSeries(input: $input) { id } }', {
    input: { key, formula },
  });
  const query = 'query ($key: String!) { series(key: $key) { ... on DerivedSeries { status } } }';
  await until(
    async () => (await ask<{ series: { status: string } }>(server.url, query, { key })).series.status === 'LIVE',
  );
}

it('source and derived series stay in step over cuts, stalls and restarts, at every update', async () => {
  const worker = await server.startWorker();
  await ingest(server.url, [{ series: 'S', t, value: 1 }]);
  await define('S.mean', 'mean(S, 5s)');
  const settings = { databaseUrl: server.databaseUrl, port: await freePort() };
  let reader = await startServer(settings);
  const network = await startNetwork(reader.port);
  const states: ConnectionState[] = [];
  const heard: string[] = [];
  const webSocketImpl = class extends WebSocket {
    constructor(url: string, protocol: string) {
      super(url, protocol);
      this.on('message', (message) => heard.push(String(message)));
    }
  };
  const onState = (state: ConnectionState) => states.push(state);
  const tidemark = clientOf(network.url, { onState, webSocketImpl, silenceMillis: 600 });
  const followed = record(tidemark, ['S', 'S.mean']);
  const releases: (() => void)[] = [];
  const failures = [
    async () => network.cut(),
    async () => {
      await reader.stop();
      reader = await startServer(settings);
    },
    async () => void releases.push(network.stall()),
    async () => {
      network.cut();
      await reader.stop();
      await ingest(server.url, [{ series: 'S', t: t + 2.000_5, value: -1 }]);
      reader = await startServer(settings);
    },
    async () => undefined,
  ];
  for (let round = 0; round < 10; round++) {
    const failing = failures[round % failures.length]();
    const at = t + round * second;
    await ingest(server.url, [
      { series: 'S', t: at + 0.001, value: round, size: round % 3 ? 0.5 : null },
      { series: 'S', t: at + 500, value: round / 3 },
    ]);
    await ingest(server.url, [{ series: 'S', t: t + (round >> 1) * second + 0.001, value: -round }]);
    const { revision } = await remove(server.url, { series: 'S', at: [at + 500] });
    await failing;
    await followed.reaches(revision);
  }
  // What an older connection had still to say comes now, and is not heard.
  for (const release of releases) release();
  const { revision } = await remove(server.url, { series: 'S', from: t, to: t + 3 * second });
  await followed.reaches(revision);
  await followed.compare(server.url);
  expect(heard.filter((message) => message.includes('SNAPSHOT'))).toHaveLength(1);
  expect(states.filter((state) => state === 'disconnected').length).toBeGreaterThanOrEqual(8);
  tidemark.close();
  await network.stop();
  await reader.stop();
  await worker.stop();
}, 120_000);

it('a client may be there before its server', async () => {
  await ingest(server.url, [{ series: 'EARLY', t, value: 1 }]);
  const port = await freePort();
  let failed: () => void;
  const refused = new Promise<void>((resolve) => {
    failed = resolve;
  });
  const tidemark = clientOf(`ws://127.0.0.1:${port}/graphql`, {
    onState: (state, error) => {
      if (state === 'disconnected' && error?.code === 'DISCONNECTED') failed();
    },
  });
  const updates = tidemark.follow('EARLY')[Symbol.asyncIterator]();
  await refused;
  const late = await startServer({ databaseUrl: server.databaseUrl, port });
  expect((await updates.next()).value.series.get('EARLY')).toEqual({
    t: Float64Array.of(t),
    value: Float64Array.of(1),
    changedFrom: 0,
  });
  tidemark.close();
  await late.stop();
});

it('buckets within a range are held as samples gives them', async () => {
  await ingest(server.url, [{ series: 'BUCKETS', t, value: 1 }]);
  const tidemark = clientOf(server.url);
  const range = { from: t + 2_500, to: '2026-01-05T09:30:17.250001Z' };
  const followed = record(tidemark, ['BUCKETS'], { bucket: '2s', range });
  for (let i = 0; i < 30; i++) {
    const at = t + ((i * 7) % 20) * second + i / 1_000;
    await ingest(server.url, [{ series: 'BUCKETS', t: at, value: Math.sin(i) }]);
  }
  await remove(server.url, { series: 'BUCKETS', from: t + 8 * second, to: t + 11 * second });
  const { revision } = await ingest(server.url, [{ series: 'BUCKETS', t: t + 16.5 * second, value: 9 }]);
  await followed.reaches(revision);
  await followed.compare(server.url);
  tidemark.close();
});

it('a busy reader gets what it missed as one update', async () => {
  await ingest(
    server.url,
    [0, 1, 2, 3].map((i) => ({ series: 'BUSY', t: t + i, value: i })),
  );
  const tidemark = clientOf(server.url);
  const line = tidemark.follow('BUSY');
  const updates = line[Symbol.asyncIterator]();
  const first = (await updates.next()).value as Update;
  for (let i = 4; i < 20; i++) await ingest(server.url, [{ series: 'BUSY', t: t + i, value: i }]);
  const { revision } = await ingest(server.url, [{ series: 'BUSY', t: t + 2, value: -2 }]);
  await until(() => line.cursor === revision);
  const { cursor, series } = (await updates.next()).value as Update;
  expect(cursor).toBe(revision);
  expect(series.get('BUSY')).toMatchObject({ changedFrom: 2, value: line.get('BUSY')?.value });
  expect(series.get('BUSY')?.value).toHaveLength(20);
  expect(first.series.get('BUSY')?.value).toEqual(Float64Array.of(0, 1, 2, 3));
  line.close();
  expect(await updates.next()).toEqual({ done: true, value: undefined });
  tidemark.close();
});

it('from a state that was kept, another client is told what has changed since', async () => {
  await ingest(
    server.url,
    [0, 1, 2].map((i) => ({ series: 'KEPT', t: t + i, value: i })),
  );
  const before = clientOf(server.url);
  const line = before.follow('KEPT');
  for await (const _ of line) break;
  const state = structuredClone(line.state);
  before.close();
  const { revision } = await ingest(server.url, [{ series: 'KEPT', t: t + 1, value: 7 }]);
  const after = clientOf(server.url);
  const { line: gone, updates, reaches } = record(after, ['KEPT'], { state });
  await reaches(revision);
  expect(updates.map(({ series }) => series.get('KEPT')?.changedFrom)).toEqual([1]);
  expect(gone.get('KEPT')?.value).toEqual(Float64Array.of(0, 7, 2));
  // Of something else nothing of it is used.
  const other = record(after, ['KEPT'], { state, bucket: '1h' });
  await other.reaches(revision);
  await other.compare(server.url);
  after.close();
});
