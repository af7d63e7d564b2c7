import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type CandleEvent, candleSubscription } from '../feed/candle-follower.ts';
import { ask, ingest, socketClient } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { curl, hasCurl, plainRequest, type Stream, type StreamRequest } from '../support/streams.ts';

const t = Date.parse('2026-01-05T09:30:00Z');
const minute = 60_000;

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

/** As EventSource and `curl -G` put it. */
function byGet(query: string, variables: Record<string, unknown>): StreamRequest {
  const parameters = new URLSearchParams({ query, variables: JSON.stringify(variables) });
  return { url: `${server.url}?${parameters}` };
}

const byPost = (query: string, variables: Record<string, unknown>): StreamRequest => ({
  url: server.url,
  body: { query, variables },
});

const subscribers = async () =>
  (await ask<{ health: { subscribers: number } }>(server.url, '{ health { subscribers } }')).health.subscribers;

/** Resolves once the server has noticed; each look is a request of its own. */
async function untilSubscribers(count: number): Promise<void> {
  while ((await subscribers()) !== count);
}

const changesSubscription = `subscription ($series: [String!]!, $after: Revision) {
  changes(series: $series, after: $after) { kind cursor reason changes { series span { from to } points { t value } truncated } }
}`;

let streams: Stream[] = [];
afterEach(async () => {
  for (const stream of streams) await stream.close();
  streams = [];
  await untilSubscribers(0);
});

let count = 0;

describe.each([
  ...(hasCurl ? [{ client: 'curl', open: curl }] : []),
  { client: 'a plain request', open: plainRequest },
])('server-sent events to $client', ({ open: openWith }) => {
  const open = (asked: StreamRequest): Stream => {
    const stream = openWith(asked);
    streams.push(stream);
    return stream;
  };
  const freshKey = async () => {
    const key = `S${++count}`;
    await ingest(server.url, [{ series: key, t, value: 1 }]);
    return key;
  };

  describe.each([
    { method: 'GET', asked: byGet },
    { method: 'POST', asked: byPost },
  ])('by $method', ({ asked }) => {
    it('a comment, then the events that a WebSocket gets, one for one', async () => {
      const key = await freshKey();
      const cases = [
        { query: changesSubscription, variables: { series: [key] } },
        { query: candleSubscription, variables: { series: key, interval: '1m', timeZone: 'Europe/Berlin' } },
      ];
      for (const { query, variables } of cases) {
        const socket = socketClient(server.url);
        const overSocket = socket.iterate({ query, variables });
        const stream = open(asked(query, variables));
        expect(await stream.block()).toBe(':');
        expect(await stream.event()).toEqual({ event: 'next', data: (await overSocket.next()).value });
        for (const i of [1, 2]) {
          await ingest(server.url, [{ series: key, t: t + i * minute, value: i + variables.series.length }]);
          expect(await stream.event()).toEqual({ event: 'next', data: (await overSocket.next()).value });
        }
        await socket.dispose();
        await stream.close();
      }
    });

    it('it is resumed by `after`, with what changed in between', async () => {
      const key = await freshKey();
      const variables = { series: key, interval: '1m' };
      const first = open(asked(candleSubscription, variables));
      const snapshot = (await first.event<{ candleChanges: CandleEvent }>()).data?.data?.candleChanges;
      expect(snapshot).toMatchObject({ kind: 'SNAPSHOT', changes: [{ candles: [{ t, final: false }] }] });
      await first.close();
      await untilSubscribers(0);
      const { revision } = await ingest(server.url, [{ series: key, t: t + minute, value: 2 }]);
      const second = open(asked(candleSubscription, { ...variables, after: snapshot?.cursor }));
      expect((await second.event<{ candleChanges: CandleEvent }>()).data?.data?.candleChanges).toMatchObject({
        kind: 'CHANGE',
        cursor: revision,
        changes: [
          { span: { from: t, to: t + 2 * minute }, candles: [{ final: true }, { t: t + minute, final: false }] },
        ],
      });
    });

    it('errors come in the stream, which then completes', async () => {
      const key = await freshKey();
      const cases = [
        { query: 'subscription { nope }', variables: {}, extensions: { code: 'BAD_USER_INPUT' } },
        {
          query: candleSubscription,
          variables: { series: key, interval: '1h', timeZone: 'Mars/Base' },
          extensions: { code: 'BAD_USER_INPUT', inputPath: ['timeZone'] },
        },
        {
          query: changesSubscription,
          variables: { series: [key, 'NOPE'] },
          extensions: { code: 'NOT_FOUND', inputPath: ['series', 1] },
        },
      ];
      for (const { query, variables, extensions } of cases) {
        const stream = open(asked(query, variables));
        expect(await stream.event()).toMatchObject({ event: 'next', data: { errors: [{ extensions }] } });
        expect(await stream.event()).toEqual({ event: 'complete', data: undefined });
        expect(await stream.ended).toBe(0);
      }
    });

    it('a series that is deleted ends it: the error, `complete`, and the connection', async () => {
      const key = await freshKey();
      const stream = open(asked(candleSubscription, { series: key, interval: '1h' }));
      await stream.event();
      await ask(server.url, 'mutation ($key: String!) { deleteSeries(key: $key) { id } }', { key });
      expect(await stream.event()).toMatchObject({ data: { data: { candleChanges: { changes: [{ candles: [] }] } } } });
      expect(await stream.event()).toMatchObject({
        event: 'next',
        data: { errors: [{ extensions: { code: 'NOT_FOUND' } }] },
      });
      expect(await stream.event()).toEqual({ event: 'complete', data: undefined });
      expect(await stream.ended).toBe(0);
    });

    it('a query is one event', async () => {
      const key = await freshKey();
      const stream = open(asked('query ($key: String!) { series(key: $key) { key } }', { key }));
      expect(await stream.event()).toEqual({ event: 'next', data: { data: { series: { key } } } });
      expect(await stream.event()).toEqual({ event: 'complete', data: undefined });
      expect(await stream.ended).toBe(0);
    });

    it('who goes away is forgotten, however quiet the series is', async () => {
      const key = await freshKey();
      const stream = open(asked(candleSubscription, { series: key, interval: '1h' }));
      await stream.event();
      expect(await subscribers()).toBe(1);
      await stream.close();
      await untilSubscribers(0);
    });
  });
});

it('while nothing happens a comment is sent every 12 seconds', async () => {
  const intervals = vi.spyOn(globalThis, 'setInterval');
  const quiet = await startServer();
  const found = intervals.mock.calls.filter(([, millis]) => millis === 12_000);
  intervals.mockRestore();
  const [[comment], ...others] = found;
  expect(others).toEqual([]);
  await ingest(quiet.url, [{ series: 'QUIET', t, value: 1 }]);
  const parameters = new URLSearchParams({
    query: candleSubscription,
    variables: JSON.stringify({ series: 'QUIET', interval: '1h' }),
  });
  const stream = plainRequest({ url: `${quiet.url}?${parameters}` });
  expect(await stream.block()).toBe(':');
  expect(await stream.block()).toContain('SNAPSHOT');
  for (let i = 0; i < 3; i++) {
    (comment as () => void)();
    expect(await stream.block()).toBe(':');
  }
  await stream.close();
  await quiet.stop();
});

it('an EventSource that connects again by itself goes on where it was', async () => {
  await ingest(server.url, [{ series: 'AGAIN', t, value: 1 }]);
  const asked = byGet(changesSubscription, { series: ['AGAIN'] });
  const first = plainRequest(asked);
  streams.push(first);
  expect(await first.block()).toBe(':');
  const [, id] = /^id: (\d+)\n/.exec(await first.block()) ?? [];
  await first.close();
  const { revision } = await ingest(server.url, [{ series: 'AGAIN', t: t + 1, value: 2 }]);
  const second = plainRequest({ ...asked, headers: { 'last-event-id': id } });
  streams.push(second);
  expect((await second.event()).data?.data).toMatchObject({
    changes: { kind: 'CHANGE', cursor: revision, changes: [{ points: { value: [2] } }] },
  });
});

it('streams of one address are counted with its sockets: 429 when there are too many', async () => {
  const few = await startServer({ socketsPerClient: 2 });
  await ingest(few.url, [{ series: 'MANY', t, value: 1 }]);
  const parameters = new URLSearchParams({ query: changesSubscription, variables: '{"series":["MANY"]}' });
  const asked = { url: `${few.url}?${parameters}` };
  const [first, second] = [plainRequest(asked), plainRequest(asked)];
  await Promise.all([first.event(), second.event()]);
  const refused = await fetch(asked.url, { headers: { accept: 'text/event-stream' } });
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({ errors: [{ extensions: { code: 'RATE_LIMITED' } }] });
  await first.close();
  let third = plainRequest(asked);
  // The server hears of a closed connection when it hears of it.
  for (;;) {
    const event = await third.event().catch(() => undefined);
    if (event) break;
    third = plainRequest(asked);
  }
  await third.close();
  await second.close();
  await few.stop();
});

it('a client that reads nothing is cut off after SLOW_CLIENT_SECONDS', async () => {
  const hasty = await startServer({ slowMillis: 300 });
  const count = async () =>
    (await ask<{ health: { subscribers: number } }>(hasty.url, '{ health { subscribers } }')).health.subscribers;
  const columns = [
    { series: 'LARGE', t: Array.from({ length: 10_000 }, (_, i) => t + i), value: Array(10_000).fill(0.1) },
  ];
  await ask(hasty.url, 'mutation ($input: IngestColumnsInput!) { ingestColumns(input: $input) { revision } }', {
    input: { columns, createMissing: true },
  });
  // More than the system takes for a client that does not read.
  const points = Array.from({ length: 60 }, (_, i) => `p${i}: points { t value }`).join(' ');
  const query = `subscription { changes(series: ["LARGE"]) { changes { ${points} } } }`;
  const asking = request(`${hasty.url}?${new URLSearchParams({ query })}`, {
    headers: { accept: 'text/event-stream' },
    agent: false,
  });
  asking.on('error', () => undefined).end();
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  response.on('error', () => undefined).pause();
  while ((await count()) !== 1);
  while ((await count()) !== 0);
  asking.destroy();
  await hasty.stop();
});
