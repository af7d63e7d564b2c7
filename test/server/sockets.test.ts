import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { closeReasons, WebSocketConnection } from '../../src/server/websocket-connection.ts';
import { ask } from '../support/client.ts';
import { until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

const pointsCount = 10_000;
const socketsMax = 4;
const operationsMax = 60;

beforeAll(async () => {
  server = await startServer({ socketsPerClient: socketsMax, operationsPerSocket: operationsMax, slowMillis: 500 });
  const columns = [
    {
      series: 'X',
      t: Array.from({ length: pointsCount }, (_, i) => 1_700_000_000_000 + i),
      value: Array.from({ length: pointsCount }, (_, i) => 100 + i / 7),
    },
  ];
  await ask(server.url, 'mutation ($input: IngestColumnsInput!) { ingestColumns(input: $input) { revision } }', {
    input: { columns, createMissing: true },
  });
});
afterAll(() => server.stop());

async function open(): Promise<WebSocket> {
  const socket = new WebSocket(server.url.replace('http', 'ws'), 'graphql-transport-ws');
  await once(socket, 'open');
  return socket;
}

async function greeted(): Promise<WebSocket> {
  const socket = await open();
  socket.send('{"type":"connection_init"}');
  await once(socket, 'message');
  return socket;
}

function subscribe(socket: WebSocket, id: number): void {
  const query = 'subscription { changes(series: ["X"]) { cursor changes { points { t value } } } }';
  socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload: { query } }));
}

async function codeOf(socket: WebSocket): Promise<number> {
  const [code] = await once(socket, 'close');
  return code as number;
}

async function subscribers(): Promise<number> {
  return (await ask<{ health: { subscribers: number } }>(server.url, '{ health { subscribers } }')).health.subscribers;
}

it('one address has so many sockets; one more is closed with 4430, and when one has gone another may come', async () => {
  const sockets = await Promise.all(Array.from({ length: socketsMax }, greeted));
  const extra = await open();
  expect(await codeOf(extra)).toBe(4430);
  sockets[0].close();
  await codeOf(sockets[0]);
  sockets[0] = await greeted();
  for (const socket of sockets) socket.terminate();
});

it('one socket has so many operations at once; one more closes it with 4431', async () => {
  const socket = await greeted();
  for (let id = 0; id < operationsMax; id++) subscribe(socket, id);
  await until(async () => (await subscribers()) === operationsMax);
  expect(socket.readyState).toBe(socket.OPEN);
  subscribe(socket, operationsMax);
  expect(await codeOf(socket)).toBe(4431);
  await until(async () => (await subscribers()) === 0);
});

it('who reads nothing is closed with 4432, and nothing more is computed for it', async () => {
  const socket = await greeted();
  socket.pause();
  for (let id = 0; id < operationsMax; id++) subscribe(socket, id);
  await until(async () => (await subscribers()) === operationsMax);
  await until(async () => (await subscribers()) === 0);
  const code = codeOf(socket);
  socket.resume();
  expect(await code).toBe(4432);
});

it('who says no hello is closed with 4408', async () => {
  expect(await codeOf(await open())).toBe(4408);
}, 20_000);

it('who is silent is asked, and closed with 4433 when no answer comes', async () => {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(sockets, 'listening');
  const { port } = sockets.address() as AddressInfo;
  const connected = once(sockets, 'connection');
  const client = new WebSocket(`ws://127.0.0.1:${port}`, { autoPong: false });
  const [socket, request] = await connected;
  const line = new WebSocketConnection(socket, request, 'somebody');
  const now = performance.now();
  expect(line.attend(now + 11_000, 60_000)).toBe(undefined);
  const asked = once(client, 'ping');
  expect(line.attend(now + 13_000, 60_000)).toBe(undefined);
  await asked;
  expect(line.attend(now + 24_000, 60_000)).toBe(undefined);
  expect(line.attend(now + 26_000, 60_000)).toBe('silent');
  const code = codeOf(client);
  line.close('silent');
  expect(await code).toBe(closeReasons.silent[0]);
  sockets.close();
});

it('the id of an operation has 1,000 characters at most: 4400', async () => {
  const socket = await greeted();
  const subscribeAs = (id: string) =>
    socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query: '{ revision }' } }));
  subscribeAs('i'.repeat(1_000));
  const [told] = await once(socket, 'message');
  expect(JSON.parse(String(told))).toMatchObject({ type: 'next', id: 'i'.repeat(1_000) });
  subscribeAs('i'.repeat(1_001));
  expect(await codeOf(socket)).toBe(4400);
});

it.each([
  ['a short one', 'twice'],
  ['one of 94 characters', 'i'.repeat(94)],
  ['one of 1,000 characters', 'i'.repeat(1_000)],
  ['one of wide characters', `a${'€😀'.repeat(150)}`],
])('an id that is used twice, %s: 4409', async (_, id) => {
  const socket = await greeted();
  const query = 'subscription { latest(series: ["X"]) { cursor } }';
  for (let i = 0; i < 2; i++) socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query } }));
  const [code, reason] = await once(socket, 'close');
  expect(code).toBe(4409);
  expect(String(reason)).toMatch(/^Subscriber for (twice already exists|i{94} already ex…|i{105}…|a(€😀)*€?…)$/);
  expect(reason.length).toBeLessThanOrEqual(123);
});
