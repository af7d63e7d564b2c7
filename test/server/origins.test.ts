import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let open: TestServer;
let closed: TestServer;

beforeAll(async () => {
  closed = await startServer();
  const { databaseUrl } = closed;
  server = await startServer({ databaseUrl, allowedOrigins: ['https://charts.example.com'] });
  open = await startServer({ databaseUrl, allowedOrigins: ['*'] });
});
afterAll(async () => {
  await server.stop();
  await open.stop();
  await closed.stop();
});

interface Seen {
  readonly status: number;
  readonly allowOrigin: string | undefined;
  readonly vary: string | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
}

/** fetch sets Host and Origin by itself; a page elsewhere does not ask us what to send. */
async function send(port: number, headers: Record<string, string>, method = 'POST'): Promise<Seen> {
  const sent = request({
    port,
    host: '127.0.0.1',
    path: '/graphql',
    method,
    headers: { 'content-type': 'application/json', ...headers },
  });
  sent.end(method === 'POST' ? '{"query":"{ revision }"}' : undefined);
  const [response] = await once(sent, 'response');
  response.resume();
  const { vary, 'access-control-allow-origin': allowOrigin } = response.headers;
  return { status: response.statusCode, allowOrigin, vary, headers: response.headers };
}

/** 101 when the socket was opened, else the status of the refusal. */
async function upgrade(port: number, headers: Record<string, string>): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws', { headers });
  return new Promise((resolve, reject) => {
    socket.on('open', () => {
      resolve(101);
      socket.terminate();
    });
    socket.on('unexpected-response', (_, { statusCode }) => {
      resolve(statusCode ?? 0);
      socket.terminate();
    });
    socket.on('error', reject);
  });
}

const local = [
  'http://localhost:3000',
  'http://localhost',
  'https://localhost',
  'http://127.0.0.1:8080',
  'http://[::1]:5173',
  'http://app.localhost:3000',
  'http://127.1.2.3',
];
const foreign = [
  'https://evil.example',
  'http://localhost.evil.example',
  'http://127.0.0.1.evil.example',
  'https://evil.example/localhost',
  'null',
  'file://',
  'chrome-extension://abc',
  'https://charts.example.com.evil.example',
  'http://charts.example.com',
  'https://charts.example.com:8443',
  'http://evillocalhost',
  'http://192.168.0.1',
];

describe('pages', () => {
  it.each(local)('of %s may connect, and their origin is named in the answer', async (origin) => {
    expect(await send(server.port, { origin })).toMatchObject({
      status: 200,
      allowOrigin: origin,
      vary: expect.stringContaining('Origin'),
    });
    expect(await upgrade(server.port, { origin })).toBe(101);
  });

  it.each(foreign)('of %s may not: not by HTTP, not by WebSocket, not after a preflight', async (origin) => {
    expect(await send(server.port, { origin })).toMatchObject({ status: 403, allowOrigin: undefined });
    const preflight = await send(server.port, { origin, 'access-control-request-method': 'POST' }, 'OPTIONS');
    expect(preflight).toMatchObject({ status: 403, allowOrigin: undefined });
    expect(await upgrade(server.port, { origin })).toBe(403);
  });

  it('of an origin in ALLOWED_ORIGINS may connect; without it they may not; * lets all in', async () => {
    const origin = 'https://charts.example.com';
    expect(await send(server.port, { origin })).toMatchObject({ status: 200, allowOrigin: origin });
    expect(await upgrade(server.port, { origin })).toBe(101);
    expect(await send(closed.port, { origin })).toMatchObject({ status: 403 });
    expect(await upgrade(closed.port, { origin })).toBe(403);
    expect(await send(open.port, { origin: 'https://anything.example' })).toMatchObject({
      status: 200,
      allowOrigin: 'https://anything.example',
    });
    expect(await upgrade(open.port, { origin: 'https://anything.example' })).toBe(101);
  });

  it('a preflight tells the methods and headers that may be used', async () => {
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,x-trace' };
    const { status, headers } = await send(server.port, { origin: 'http://localhost:3000', ...asked }, 'OPTIONS');
    expect(status).toBe(204);
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'http://localhost:3000',
      'access-control-allow-methods': expect.stringContaining('POST'),
      'access-control-allow-headers': 'content-type,x-trace',
    });
  });

  it('what is no page (no Origin) is let in, and no origin is named', async () => {
    expect(await send(server.port, {})).toMatchObject({ status: 200, allowOrigin: undefined });
    expect(await upgrade(server.port, {})).toBe(101);
  });
});

describe('on a loopback address, the name in Host', () => {
  it.each(['localhost', 'localhost:4000', '127.0.0.1', '[::1]:4000', 'charts.example.com'])(
    '%s is ours',
    async (host) => {
      expect(await send(server.port, { host })).toMatchObject({ status: 200 });
      expect(await upgrade(server.port, { host })).toBe(101);
    },
  );

  it.each([
    'evil.example',
    'evil.example:4000',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'a b',
    'localhost@evil.example',
  ])('%s is a name that was pointed at us: refused, also where the page has it as its origin', async (host) => {
    expect(await send(server.port, { host })).toMatchObject({ status: 403 });
    expect(await send(server.port, { host, origin: `http://${host}` })).toMatchObject({ status: 403 });
    expect(await upgrade(server.port, { host })).toBe(403);
  });

  it('health checks answer to any name', async () => {
    const sent = request({ port: server.port, host: '127.0.0.1', path: '/livez', headers: { host: 'pod-7.internal' } });
    sent.end();
    const [response] = await once(sent, 'response');
    response.resume();
    expect(response.statusCode).toBe(200);
  });
});

it('a WebSocket at another path is refused with 404', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/other`, 'graphql-transport-ws');
  const [, response] = await once(socket, 'unexpected-response');
  expect(response.statusCode).toBe(404);
  socket.on('error', () => undefined);
  socket.terminate();
});
