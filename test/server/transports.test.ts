import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type Answer, ask, type GraphError, gql, ingest, serverSent, socketClient } from '../support/client.ts';
import { until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

const t = Date.parse('2026-01-05T09:30:00Z');

beforeAll(async () => {
  server = await startServer({ bodyBytesMax: 100_000 });
  await ingest(server.url, [{ series: 'X', t, value: 1 }]);
});
afterAll(() => server.stop());

interface ChangeEvent {
  readonly changes: readonly { readonly series: string }[];
}

interface Latest {
  latest: { cursor: number; values: { series: string; point: { value: number } | null }[] };
}

const latest =
  'subscription ($series: [String!]!) { latest(series: $series) { cursor values { series point { value } } } }';

async function subscribers(): Promise<number> {
  return (await ask<{ health: { subscribers: number } }>(server.url, '{ health { subscribers } }')).health.subscribers;
}

/** Resolves once the server has noticed; each look is a request of its own. */
async function untilSubscribers(count: number): Promise<void> {
  while ((await subscribers()) !== count);
}

it('a WebSocket carries queries, mutations and subscriptions, many at once', async () => {
  const client = socketClient(server.url);
  const events = client.iterate<Latest>({ query: latest, variables: { series: ['X'] } });
  const { value: first } = await events.next();
  expect(first?.data?.latest.values).toEqual([{ series: 'X', point: { value: 1 } }]);
  const mutation = client.iterate<{ ingestTicks: { revision: number } }>({
    query: 'mutation ($input: IngestTicksInput!) { ingestTicks(input: $input) { revision } }',
    variables: { input: { ticks: [{ series: 'X', t: t + 1, value: 2 }] } },
  });
  const written = (await mutation.next()).value?.data?.ingestTicks.revision ?? 0;
  expect((await mutation.next()).done).toBe(true);
  const { value: second } = await events.next();
  expect(second?.data?.latest).toEqual({ cursor: written, values: [{ series: 'X', point: { value: 2 } }] });
  const query = client.iterate({ query: '{ revision series(key: "X") { samples { t value } } }' });
  expect((await query.next()).value).toEqual({
    data: { revision: written, series: { samples: { t: [t, t + 1], value: [1, 2] } } },
  });
  await client.dispose();
});

it('over a WebSocket, faults have codes and places: of documents, variables, fields and series', async () => {
  const client = socketClient(server.url);
  const fail = async (query: string, variables?: Record<string, unknown>): Promise<GraphError> => {
    const told = client.iterate({ query, variables }).next();
    const errors = await told.then(
      ({ value }) => value?.errors as unknown as GraphError[],
      (thrown: GraphError[]) => thrown,
    );
    return errors[0];
  };
  expect(await fail('{ nope }')).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
  expect(await fail('')).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
  expect(await fail(latest, {})).toMatchObject({ extensions: { code: 'BAD_USER_INPUT', inputPath: ['series'] } });
  expect(await fail(latest, { series: [] })).toMatchObject({
    extensions: { code: 'BAD_USER_INPUT', inputPath: ['series'] },
  });
  expect(await fail(latest, { series: ['X', 'NOPE'] })).toMatchObject({
    extensions: { code: 'NOT_FOUND', inputPath: ['series', 1] },
  });
  expect(await fail(latest, { series: Array.from({ length: 1_001 }, String) })).toMatchObject({
    extensions: { code: 'TOO_EXPENSIVE' },
  });
  expect(await fail('{ series(key: "X") { last(asOf: 99999) { t } } }')).toMatchObject({
    extensions: { code: 'BAD_USER_INPUT', inputPath: ['asOf'] },
  });
  expect(await fail(`{ series(key: "X") ${'{ dependents '.repeat(5_000)}`)).toMatchObject({
    extensions: { code: 'BAD_USER_INPUT' },
  });
  // The socket is as good as before.
  expect((await client.iterate({ query: '{ series(key: "X") { key } }' }).next()).value).toEqual({
    data: { series: { key: 'X' } },
  });
  await client.dispose();
});

it('a WebSocket message that is too large closes that socket with 1009 and nothing else', async () => {
  const socket = new WebSocket(server.url.replace('http', 'ws'), 'graphql-transport-ws');
  await once(socket, 'open');
  socket.send('x'.repeat(200_000));
  const [code] = await once(socket, 'close');
  expect(code).toBe(1009);
  expect((await gql(server.url, '{ revision }')).errors).toBeUndefined();
});

it('a WebSocket that speaks nonsense is closed with a code that says so', async () => {
  const closeCode = async (protocol: string, message: string) => {
    const socket = new WebSocket(server.url.replace('http', 'ws'), protocol);
    await once(socket, 'open');
    socket.send(message);
    const [code] = await once(socket, 'close');
    return code;
  };
  expect(await closeCode('graphql-transport-ws', 'nonsense')).toBe(4400);
  expect(
    await closeCode('graphql-transport-ws', '{"type":"subscribe","id":"1","payload":{"query":"{ revision }"}}'),
  ).toBe(4401);
});

it('keys and ids of any alphabet come back as they were sent', async () => {
  const socket = new WebSocket(server.url.replace('http', 'ws'), 'graphql-transport-ws');
  const heard: { id?: string; type: string; payload?: { data: { changes: ChangeEvent } } }[] = [];
  socket.on('message', (data) => heard.push(JSON.parse(String(data))));
  await once(socket, 'open');
  socket.send('{"type":"connection_init"}');
  await until(() => heard.some(({ type }) => type === 'connection_ack'));
  const query =
    'subscription ($series: [String!]!) { changes(series: $series) { kind changes { series points { value } } } }';
  const keys = ['plain', 'Zürich', '銅/€', '🙂'];
  const ids = ['1', 'ö', 'Ω🙂'];
  for (const key of keys) await ingest(server.url, [{ series: key, t, value: 1 }]);
  for (const id of ids)
    for (const key of keys)
      socket.send(
        JSON.stringify({ id: `${id}${key}`, type: 'subscribe', payload: { query, variables: { series: [key] } } }),
      );
  const told = () =>
    heard
      .filter(({ type }) => type === 'next')
      .map(({ id, payload }) => [id, payload?.data.changes.changes.map(({ series }) => series).join()])
      .sort();
  const all = ids.flatMap((id) => keys.map((key) => [`${id}${key}`, key])).sort();
  await until(() => told().length === all.length);
  expect(told()).toEqual(all);
  heard.length = 0;
  await ingest(
    server.url,
    keys.map((series) => ({ series, t: t + 60_000, value: 2 })),
  );
  await until(() => told().length === all.length);
  expect(told()).toEqual(all);
  socket.terminate();
});

it('server-sent events carry a subscription', async () => {
  const ending = new AbortController();
  const events = serverSent<Latest>(server.url, latest, { series: ['X'] }, ending.signal);
  const first = (await events.next()).value as Answer<Latest>;
  expect(first.status).toBe(200);
  expect(first.data.latest.values).toHaveLength(1);
  const { revision } = await ingest(server.url, [{ series: 'X', t: t + 2, value: 3 }]);
  const second = (await events.next()).value as Answer<Latest>;
  expect(second.data.latest).toEqual({ cursor: revision, values: [{ series: 'X', point: { value: 3 } }] });
  ending.abort();
  await events.next().catch(() => undefined);
});

it('server-sent events carry faults', async () => {
  const { signal } = new AbortController();
  const [error] =
    ((await serverSent(server.url, latest, { series: ['NOPE'] }, signal).next()).value as Answer<Latest>).errors ?? [];
  expect(error).toMatchObject({ extensions: { code: 'NOT_FOUND', inputPath: ['series', 0] } });
  const [bad] =
    ((await serverSent(server.url, 'subscription { nope }', {}, signal).next()).value as Answer<Latest>).errors ?? [];
  expect(bad).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
});

it('subscriptions of one document get what each asked for by its variables, and of several operations its own', async () => {
  const client = socketClient(server.url);
  const first = async (query: string, variables: Record<string, unknown>, operationName?: string) =>
    (await client.iterate({ query, variables, ...(operationName && { operationName }) }).next()).value?.data;
  const conditional =
    'subscription ($isAll: Boolean!) { latest(series: ["X"]) { values { series point @include(if: $isAll) { __typename } } } }';
  const point = { __typename: 'Point' };
  expect(await first(conditional, { isAll: true })).toEqual({ latest: { values: [{ series: 'X', point }] } });
  expect(await first(conditional, { isAll: false })).toEqual({ latest: { values: [{ series: 'X' }] } });
  const several =
    'subscription A($s: [String!]!) { latest(series: $s) { values { series } } } subscription B($s: [String!]!) { latest(series: $s) { values { point { __typename } } } }';
  expect(await first(several, { s: ['X'] }, 'A')).toEqual({ latest: { values: [{ series: 'X' }] } });
  expect(await first(several, { s: ['X'] }, 'B')).toEqual({ latest: { values: [{ point }] } });
  await client.dispose();
});

it('a subscription whose field may be left out is refused, over SSE and over WebSockets', async () => {
  const subscription = (root: string) =>
    `subscription { ${root} } fragment F on Subscription { latest(series: "X") @include(if: false) { cursor } }`;
  const roots = ['...F', '...F @skip(if: true)', '... @skip(if: true) { ...F }'];
  const client = socketClient(server.url);
  for (const root of roots) {
    const { value } = await serverSent(server.url, subscription(root), {}, AbortSignal.timeout(5_000)).next();
    expect(value?.errors?.[0].extensions.code).toBe('BAD_USER_INPUT');
    const overSocket = client.iterate({ query: subscription(root) }).next();
    const fault = expect.objectContaining({ extensions: { code: 'BAD_USER_INPUT' } });
    await expect(overSocket).rejects.toContainEqual(fault);
  }
  await client.dispose();
});

it('an EventSource subscribes by GET', async () => {
  const query = encodeURIComponent('subscription { latest(series: ["X"]) { values { series } } }');
  const ending = new AbortController();
  const response = await fetch(`${server.url}?query=${query}`, {
    headers: { accept: 'text/event-stream' },
    signal: ending.signal,
  });
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes('"series":"X"')) break;
  }
  expect(text).toContain('event: next');
  ending.abort();
});

it('a subscription as plain JSON is refused with 406 and what to accept', async () => {
  const answer = await gql(server.url, latest, { series: ['X'] });
  expect(answer.status).toBe(406);
  expect(answer.errors?.[0].message).toContain('text/event-stream');
});

it('a browser gets GraphiQL, which knows where to send', async () => {
  const response = await fetch(server.url, { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/html/)]);
  const page = await response.text();
  expect(page).toContain('Tidemark');
  expect(page).toContain('<html');
});

it('a browser gets GraphiQL whatever the address holds for it, and nothing of that is run', async () => {
  const addresses = [
    { query: 'subscription { latest(series: ["X"]) { cursor } }' },
    { query: 'mutation { createSeries(input: { key: "FROM-ADDRESS" }) { id } }' },
    { query: '{ series(key: ' },
    { query: 'query ($key: String!) { series(key: $key) { id } }', variables: '{"key": ' },
  ];
  for (const parameters of addresses) {
    const response = await fetch(`${server.url}?${new URLSearchParams(parameters)}`, {
      headers: { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' },
    });
    expect([response.status, response.headers.get('content-type')], JSON.stringify(parameters)).toEqual([
      200,
      expect.stringMatching(/^text\/html/),
    ]);
    expect(await response.text()).toContain('<html');
  }
  expect(await ask(server.url, '{ series(key: "FROM-ADDRESS") { id } }')).toEqual({ series: null });
});

it('subscribers are counted, and forgotten as soon as they leave, however quiet their series is', async () => {
  await untilSubscribers(0);
  const client = socketClient(server.url);
  const events = client.iterate<Latest>({ query: latest, variables: { series: ['X'] } });
  const changes = client.iterate({ query: 'subscription { changes(series: ["X"]) { cursor } }' });
  await events.next();
  await changes.next();
  expect(await subscribers()).toBe(2);
  await events.return?.();
  await untilSubscribers(1);
  await client.dispose();
  await untilSubscribers(0);
  const ending = new AbortController();
  const sent = serverSent<Latest>(server.url, latest, { series: ['X'] }, ending.signal);
  await sent.next();
  expect(await subscribers()).toBe(1);
  ending.abort();
  await untilSubscribers(0);
}, 10_000);

it('stopping closes sockets with 1012, ends streams, answers what is under way, also where a client never answers', async () => {
  const stopping = await startServer({ databaseUrl: server.databaseUrl });
  const socket = new WebSocket(stopping.url.replace('http', 'ws'), 'graphql-transport-ws');
  await once(socket, 'open');
  const ended = once(socket, 'close');
  // A client that has hung: it opened a WebSocket, and reads and says nothing any more.
  const hung = connect(stopping.port, '127.0.0.1');
  hung.write(
    'GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
  );
  await once(hung, 'data');
  hung.pause();
  const events = serverSent<Latest>(stopping.url, latest, { series: ['X'] }, new AbortController().signal);
  await events.next();
  const underWay = gql(stopping.url, '{ revision }').catch(() => undefined);
  const stopped = stopping.stop();
  expect((await ended)[0]).toBe(1012);
  await events.next().catch(() => undefined);
  await underWay;
  await stopped;
  hung.destroy();
  await expect(fetch(stopping.url)).rejects.toThrow();
}, 12_000);
