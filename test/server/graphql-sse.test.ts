import { type Client, type ClientOptions, createClient, type ExecutionResult } from 'graphql-sse';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { changesSubscription, type Event } from '../feed/follower.ts';
import { ask, ingest } from '../support/client.ts';
import { until } from '../support/program.ts';
import { freePort } from '../support/redis.ts';
import { startServer, type TestServer } from '../support/server.ts';

const t = Date.parse('2026-01-05T09:30:00Z');

let server: TestServer;
let clients: Client[] = [];

beforeAll(async () => {
  server = await startServer();
});
afterEach(() => {
  for (const client of clients) client.dispose();
  clients = [];
});
afterAll(() => server.stop());

/** The package's own client, in its mode of distinct connections. */
function clientOf(url: string, options: Partial<ClientOptions<false>> = {}): Client {
  const client = createClient({ url, retryAttempts: 0, ...options });
  clients.push(client);
  return client;
}

async function next(events: AsyncIterator<ExecutionResult<{ changes: Event }, unknown>>): Promise<Event | undefined> {
  const { value, done } = await events.next();
  if (done) throw new Error('the subscription has ended');
  expect(value.errors).toBeUndefined();
  return value.data?.changes;
}

it('a subscription gets a SNAPSHOT, then every CHANGE; who leaves is forgotten', async () => {
  await ingest(server.url, [{ series: 'SSE', t, value: 1 }]);
  const client = clientOf(server.url);
  const events = client.iterate<{ changes: Event }>({ query: changesSubscription, variables: { series: ['SSE'] } });
  expect(await next(events)).toMatchObject({ kind: 'SNAPSHOT', changes: [{ points: { value: [1] } }] });
  for (const value of [2, 3]) {
    const { revision } = await ingest(server.url, [{ series: 'SSE', t: t + value, value }]);
    expect(await next(events)).toMatchObject({
      kind: 'CHANGE',
      cursor: revision,
      changes: [{ points: { value: [value] } }],
    });
  }
  const subscribers = async () =>
    (await ask<{ health: { subscribers: number } }>(server.url, '{ health { subscribers } }')).health.subscribers;
  expect(await subscribers()).toBe(1);
  await events.return?.();
  await until(async () => (await subscribers()) === 0);
});

async function all(events: AsyncIterable<ExecutionResult>): Promise<ExecutionResult[]> {
  const results: ExecutionResult[] = [];
  for await (const result of events) results.push(result);
  return results;
}

it('a query and a mutation have one result each', async () => {
  const client = clientOf(server.url);
  const query = `mutation { createSeries(input: { key: "MADE" }) { key } }`;
  expect(await all(client.iterate({ query }))).toEqual([{ data: { createSeries: { key: 'MADE' } } }]);
  expect(await all(client.iterate({ query: '{ series(key: "MADE") { key } }' }))).toEqual([
    { data: { series: { key: 'MADE' } } },
  ]);
});

it('an error is told, and ends it', async () => {
  const client = clientOf(server.url);
  const cases = [
    { query: 'subscription { nope }', variables: {}, code: 'BAD_USER_INPUT' },
    { query: '{ nope }', variables: {}, code: 'BAD_USER_INPUT' },
    { query: changesSubscription, variables: { series: ['NOPE'] }, code: 'NOT_FOUND' },
  ];
  for (const { code, ...operation } of cases)
    expect(await all(client.iterate(operation))).toEqual([
      { errors: [expect.objectContaining({ extensions: expect.objectContaining({ code }) })] },
    ]);
});

it('it tries again after the server has cut it, and goes on behind its cursor when it names that as Last-Event-ID', async () => {
  await ingest(server.url, [{ series: 'CUT', t, value: 1 }]);
  const settings = { databaseUrl: server.databaseUrl, port: await freePort() };
  const first = await startServer(settings);
  let cursor: number | undefined;
  const options = { retryAttempts: 1_000, retry: () => new Promise<void>((resolve) => setTimeout(resolve, 10)) };
  const forgetful = clientOf(first.url, options);
  const mindful = clientOf(first.url, {
    ...options,
    headers: (): Record<string, string> => (cursor === undefined ? {} : { 'last-event-id': String(cursor) }),
  });
  const operation = { query: changesSubscription, variables: { series: ['CUT'] } };
  const [anew, further] = [forgetful, mindful].map((client) => client.iterate<{ changes: Event }>(operation));
  await next(anew);
  cursor = (await next(further))?.cursor;
  await first.stop();
  const { revision } = await ingest(server.url, [{ series: 'CUT', t: t + 1, value: 2 }]);
  const second = await startServer(settings);
  expect(await next(anew)).toMatchObject({ kind: 'SNAPSHOT', changes: [{ points: { value: [1, 2] } }] });
  expect(await next(further)).toMatchObject({
    kind: 'CHANGE',
    cursor: revision,
    changes: [{ points: { value: [2] } }],
  });
  forgetful.dispose();
  mindful.dispose();
  await second.stop();
});
