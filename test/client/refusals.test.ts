import { afterAll, beforeAll, expect, it } from 'vitest';
import WebSocket from 'ws';
import { TidemarkError } from '../../src/client/client.ts';
import { ask, ingest } from '../support/client.ts';
import { until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { clientOf, t } from './following.ts';
import { startNetwork } from './network.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
  await ingest(server.url, [{ series: 'X', t, value: 1 }]);
});
afterAll(() => server.stop());

it('what the server refuses for good ends that line with the code, and no other', async () => {
  const tidemark = clientOf(server.url);
  const good = tidemark.follow('X')[Symbol.asyncIterator]();
  const missing = tidemark.follow(['X', 'NOPE']);
  expect(await missing.ended).toMatchObject({ code: 'NOT_FOUND', extensions: { inputPath: ['series', 1] } });
  expect(await tidemark.follow('X', { bucket: '1 month' }).ended).toMatchObject({ code: 'BAD_USER_INPUT' });
  await expect(missing[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(TidemarkError);
  await good.next();
  await ingest(server.url, [{ series: 'X', t: t + 1, value: 2 }]);
  expect((await good.next()).value.series.get('X')?.changedFrom).toBe(1);
  tidemark.close();
});

it('a series that is deleted ends the line that follows it', async () => {
  await ingest(server.url, [{ series: 'GONE', t, value: 1 }]);
  const tidemark = clientOf(server.url);
  const line = tidemark.follow('GONE');
  for await (const _ of line) break;
  await ask(server.url, 'mutation { deleteSeries(key: "GONE") { revision } }');
  await ingest(server.url, [{ series: 'X', t: t + 5, value: 2 }]);
  expect(await line.ended).toMatchObject({ code: 'NOT_FOUND' });
  tidemark.close();
}, 30_000);

it('a series that is deleted and made anew beside another is held anew', async () => {
  const write = (value: number) =>
    ingest(
      server.url,
      ['ANEW', 'BESIDE'].map((series) => ({ series, t, value })),
    );
  await write(1);
  const tidemark = clientOf(server.url);
  const line = tidemark.follow(['ANEW', 'BESIDE']);
  for await (const _ of line) break;
  await ask(server.url, 'mutation { deleteSeries(key: "ANEW") { revision } }');
  const { revision } = await write(2);
  await until(() => (line.cursor ?? 0) >= revision);
  expect(['ANEW', 'BESIDE'].map((key) => [...(line.get(key)?.value ?? [])])).toEqual([[2], [2]]);
  tidemark.close();
});

it('queries and mutations go over the same socket; errors have codes', async () => {
  const network = await startNetwork(server.port);
  const tidemark = clientOf(network.url);
  for await (const _ of tidemark.follow('X')) break;
  const write = 'mutation ($input: IngestTicksInput!) { ingestTicks(input: $input) { accepted } }';
  expect(await tidemark.query(write, { input: { ticks: [{ series: 'X', t: t + 2, value: 3 }] } })).toEqual({
    ingestTicks: { accepted: 1 },
  });
  await expect(tidemark.query('{ nope }')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  await expect(tidemark.query('{ series(key: "X") { last(asOf: 99999) { t } } }')).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    extensions: { inputPath: ['asOf'] },
  });
  expect(network.connections).toBe(1);
  network.stall();
  const answer = tidemark.query('{ revision }');
  network.cut();
  await expect(answer).rejects.toMatchObject({ code: 'DISCONNECTED' });
  expect(await tidemark.query('{ series(key: "X") { key } }')).toEqual({ series: { key: 'X' } });
  tidemark.close();
  await network.stop();
});

it('closing ends lines, readers and queries, and leaves nothing with the server', async () => {
  const tidemark = clientOf(server.url);
  const line = tidemark.follow('X');
  const updates = line[Symbol.asyncIterator]();
  await updates.next();
  const next = updates.next();
  const answer = tidemark.query('{ revision }');
  tidemark.close();
  expect(await line.ended).toBeUndefined();
  expect(await next).toEqual({ done: true, value: undefined });
  await expect(answer).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(tidemark.query('{ revision }')).rejects.toMatchObject({ code: 'CLOSED' });
  expect(() => tidemark.follow('X')).toThrow(TidemarkError);
  const health = '{ health { subscribers } }';
  await until(
    async () => (await ask<{ health: { subscribers: number } }>(server.url, health)).health.subscribers === 0,
  );
});

it('a WebSocket that cannot be made is a lost connection like any other', async () => {
  let attempts = 0;
  const webSocketImpl = class extends WebSocket {
    constructor(url: string, protocol: string) {
      super(attempts++ < 2 ? 'no address' : url, protocol);
    }
  };
  const tidemark = clientOf(server.url, { webSocketImpl });
  const updates = tidemark.follow('X')[Symbol.asyncIterator]();
  expect((await updates.next()).value.series.has('X')).toBe(true);
  expect(attempts).toBe(3);
  tidemark.close();
});

it('what cannot work is said at once', () => {
  expect(() => clientOf('localhost:4000')).toThrow('is no address of a server');
  expect(() => clientOf('ws://localhost:4000/graphql', { webSocketImpl: 7 })).toThrow('package ws');
});
