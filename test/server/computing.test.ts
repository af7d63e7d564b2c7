import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { ask, type GraphError, gql, ingest, socketClient } from '../support/client.ts';
import { until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';

const t = Date.parse('2026-01-05T09:30:00Z');
const second = 1_000;
const count = 3_000;

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ evaluatePointsMax: 2 * count });
  await ingest(
    server.url,
    Array.from({ length: count }, (_, i) => ({ series: 'X', t: t + i * second, value: i })),
  );
  await server.startWorker();
  await define('X.before', `delta(X, ${count - 1}p)`);
});
afterAll(() => server.stop());

/** Nobody computes between two tests, nor waits to. */
beforeEach(() => until(() => idle()));

const idle = () => server.app.computing.running === 0 && server.app.computing.waiting === 0;

async function define(key: string, formula: string): Promise<void> {
  const input = { key, formula };
  await ask(server.url, 'mutation ($input: DefineSeriesInput!) { defineSeries(input: $input) { id } }', { input });
  await until(async () => {
    const { series } = await ask<{ series: { status: string } }>(
      server.url,
      'query ($key: String!) { series(key: $key) { ... on DerivedSeries { status } } }',
      { key },
    );
    return series.status === 'LIVE';
  });
}

async function faultOf(query: string): Promise<GraphError | undefined> {
  return (await gql(server.url, query)).errors?.[0];
}

const tooMuch = (path: string) => ({ extensions: { code: 'TOO_EXPENSIVE', inputPath: [path] } });
const explained = `explain(series: "X.before", t: ${t + (count - 1) * second}) { inputs { count } }`;

it('one operator over n points costs n, whatever it is asked with in other operations; k operators cost k times n', async () => {
  for (const formula of ['X', 'abs(X)', 'mean(X, 20p)', 'abs(X) + 1', 'ema(X, 12)'])
    expect(await faultOf(`{ evaluate(formula: "${formula}") { t } }`), formula).toBeUndefined();
  expect(await faultOf('{ evaluate(formula: "abs(X + 1) + 1") { t } }')).toMatchObject(tooMuch('range'));
});

it('all fields of an operation spend one budget, evaluate and explain alike; each is told what it can do', async () => {
  const computed = (name: string) => `${name}: evaluate(formula: "abs(X)") { t }`;
  expect(await faultOf(`{ ${computed('a')} ${computed('b')} }`)).toBeUndefined();
  expect(await faultOf(`{ ${computed('a')} ${computed('b')} ${computed('c')} }`)).toMatchObject(tooMuch('range'));
  expect(await faultOf(`{ ${explained} ${computed('a')} }`)).toBeUndefined();
  expect(await faultOf(`{ a: ${explained} b: ${explained} c: ${explained} }`)).toMatchObject({
    ...tooMuch('series'),
    message: expect.not.stringMatching(/range/),
  });
  const many = Array.from({ length: 60 }, (_, i) => computed(`a${i}`)).join(' ');
  expect(await faultOf(`{ ${many} }`)).toMatchObject(tooMuch('range'));
  expect(server.app.computing.waiting).toBe(0);
});

let leave = () => {};
afterEach(() => leave());

/** Takes all places, so that whoever wants to compute waits, until they are left. */
function occupy(): void {
  const stay = new Promise<void>((resolve) => {
    leave = resolve;
  });
  for (let i = 0; i < 2; i++) void server.app.computing.run(() => stay);
}

const waiting = (clients: number) => until(() => server.app.computing.waiting === clients);
const computing = '{ evaluate(formula: "abs(X)", maxPoints: 1) { value } }';
const answer = { evaluate: { value: [count - 1] } };

it('two are computed at a time; others wait for their turn, and what computes nothing does not', async () => {
  occupy();
  const asked = [1, 2, 3].map(() => ask(server.url, computing));
  await waiting(3);
  expect(server.app.computing.running).toBe(2);
  expect(await ask(server.url, '{ series(key: "X") { last { value } } }')).toEqual({
    series: { last: { value: count - 1 } },
  });
  leave();
  expect(await Promise.all(asked)).toEqual([answer, answer, answer]);
});

/** Who asks, and how they go away. */
const clients: Record<string, () => () => void> = {
  'an HTTP request': () => {
    const going = new AbortController();
    fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: computing }),
      signal: going.signal,
    }).catch(() => undefined);
    return () => going.abort();
  },
  'a GET': () => {
    const going = new AbortController();
    fetch(`${server.url}?query=${encodeURIComponent(computing)}`, { signal: going.signal }).catch(() => undefined);
    return () => going.abort();
  },
  'an operation over a WebSocket': () => {
    const client = socketClient(server.url);
    const events = client.iterate({ query: computing });
    void events.next();
    return () => void events.return?.();
  },
  'a WebSocket': () => {
    const client = socketClient(server.url);
    client
      .iterate({ query: computing })
      .next()
      .catch(() => undefined);
    return () => void client.dispose();
  },
};

it.each(Object.entries(clients))('%s that ends before its turn leaves the line', async (_, start) => {
  occupy();
  const others = ask(server.url, computing);
  await waiting(1);
  const end = start();
  await waiting(2);
  end();
  await waiting(1);
  leave();
  expect(await others).toEqual(answer);
});

it('what has not begun when its operation has failed stands in no line', async () => {
  occupy();
  const query = '{ a: evaluate(formula: "abs(X)") { t } b: evaluate(formula: "X", maxPoints: 0) { t } }';
  const client = socketClient(server.url);
  const { value } = await client.iterate({ query }).next();
  expect(value?.errors?.[0]).toMatchObject({ extensions: { inputPath: ['maxPoints'] } });
  // Time enough for the other field to have got there.
  for (let i = 0; i < 5; i++) await ask(server.url, '{ revision }');
  expect(server.app.computing.waiting).toBe(0);
  leave();
  await client.dispose();
});

it('a query over a WebSocket is answered once, and the socket goes on', async () => {
  const client = socketClient(server.url);
  for (let i = 0; i < 2; i++) {
    const events = client.iterate({ query: computing });
    expect((await events.next()).value).toEqual({ data: answer });
    expect((await events.next()).done).toBe(true);
  }
  await client.dispose();
});
