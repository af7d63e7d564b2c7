import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, ingest } from '../support/client.ts';
import { until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ socketsPerClient: 3 });
  await ingest(server.url, [{ series: 'A', t: '2026-01-05T09:30:00Z', value: 1 }]);
});
afterAll(() => server.stop());

const subscribers = async () =>
  (await ask<{ health: { subscribers: number } }>(server.url, '{ health { subscribers } }')).health.subscribers;

const follow = 'subscription { latest(series: "A") { cursor } }';

const requestOf = (query: string, accept: string) =>
  `GET /graphql?${new URLSearchParams({ query })} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: ${accept}\r\n\r\n`;

const stream = requestOf(follow, 'text/event-stream');

/** Requests sent one behind the other, without waiting for answers. */
async function pipeline(requests: readonly string[]): Promise<{ socket: Socket; received: () => string }> {
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  let text = '';
  socket.setEncoding('utf8').on('data', (some: string) => {
    text += some;
  });
  socket.write(requests.join(''));
  return { socket, received: () => text };
}

it('a stream that waits behind another on its connection is not begun, and nothing is left of it', async () => {
  for (let round = 0; round < 5; round++) {
    const { socket, received } = await pipeline([stream, stream, stream]);
    await until(() => received().includes('event: next'));
    expect(await subscribers()).toBe(1);
    socket.destroy();
    await until(async () => (await subscribers()) === 0);
  }
});

it('requests sent without waiting are answered in their order', async () => {
  const { socket, received } = await pipeline([
    requestOf('{ first: revision }', 'application/json'),
    requestOf('{ second: revision }', 'application/json'),
    stream,
  ]);
  await until(() => received().includes('event: next'));
  expect(received().match(/first|second|event: next/g)).toEqual(['first', 'second', 'event: next']);
  socket.destroy();
  await until(async () => (await subscribers()) === 0);
});
