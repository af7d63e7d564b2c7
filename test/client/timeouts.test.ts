import { afterAll, beforeAll, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { ConnectionState } from '../../src/client/client.ts';
import { ingest } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { clientOf, record, t } from './following.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

/** Sockets on which messages are lost that are of a kind that is swallowed, until the next one is opened. */
function lossySockets() {
  const sockets: WebSocket[] = [];
  const swallowed: string[] = [];
  let swallows: RegExp | undefined;
  const webSocketImpl = class extends WebSocket {
    constructor(url: string, protocol: string) {
      super(url, protocol);
      swallows = undefined;
      sockets.push(this);
    }
    override emit(event: string, ...given: unknown[]): boolean {
      if (event !== 'message' || !swallows?.test(String(given[0]))) return super.emit(event, ...given);
      swallowed.push(String(given[0]));
      return false;
    }
  };
  return {
    webSocketImpl,
    sockets,
    swallowed,
    swallow: (pattern: RegExp) => {
      swallows = pattern;
    },
  };
}

it.each([
  ['a connection that says nothing', 'DEAD', /./, { silenceMillis: 300 }],
  ['a subscription that says nothing, though pings are answered', 'MUTE', /"next"/, { subscriptionSilenceMillis: 300 }],
])('%s is renewed, and what was lost on it is told', async (_, key, pattern, options) => {
  await ingest(server.url, [{ series: key, t, value: 1 }]);
  const states: ConnectionState[] = [];
  const { webSocketImpl, sockets, swallowed, swallow } = lossySockets();
  const tidemark = clientOf(server.url, { webSocketImpl, onState: (state) => states.push(state), ...options });
  const followed = record(tidemark, [key]);
  await followed.reaches(1);
  swallow(pattern);
  const { revision } = await ingest(server.url, [{ series: key, t: t + 1, value: 2 }]);
  await followed.reaches(revision);
  await followed.compare(server.url);
  expect(swallowed.some((message) => message.includes('CHANGE'))).toBe(true);
  expect(
    followed.updates.map(({ series }) => series.get(key)?.changedFrom),
    'no snapshot',
  ).toEqual([0, 1]);
  expect(sockets.length).toBeGreaterThanOrEqual(2);
  expect(states).toContain('disconnected');
  tidemark.close();
});

it('a loop that is busy while a hundred updates come gets them as one', async () => {
  await ingest(server.url, [{ series: 'LOOP', t, value: 0 }]);
  const tidemark = clientOf(server.url);
  const followed = record(tidemark, ['LOOP']);
  const seen: { cursor: number; changedFrom: number | undefined; length: number | undefined }[] = [];
  let last = 0;
  for await (const { cursor, series } of followed.line) {
    const columns = series.get('LOOP');
    seen.push({ cursor, changedFrom: columns?.changedFrom, length: columns?.t.length });
    if (seen.length === 2) break;
    for (let i = 1; i <= 100; i++) last = (await ingest(server.url, [{ series: 'LOOP', t: t + i, value: i }])).revision;
    await followed.reaches(last);
  }
  expect(followed.updates.length, 'who listens hears them as they come').toBeGreaterThan(20);
  expect(seen).toEqual([
    { cursor: followed.updates[0].cursor, changedFrom: 0, length: 1 },
    { cursor: last, changedFrom: 1, length: 101 },
  ]);
  await followed.compare(server.url, (update) => update % 20 === 0);
  tidemark.close();
});
