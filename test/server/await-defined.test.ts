import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { awaitDefined } from '../../src/feed/await-defined.ts';
import type { SeriesWatch } from '../../src/feed/feed.ts';
import { failing, withFailingOperator } from '../recompute/failing-operator.ts';
import { openRecomputeHarness, type RecomputeHarness } from '../recompute/recompute-harness.ts';
import { ask, ingest, serverSent, socketClient } from '../support/client.ts';
import { createDatabase } from '../support/database.ts';
import { until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';

const t = Date.parse('2026-01-05T09:30:00Z');

let server: TestServer;
let world: RecomputeHarness;
let drop: () => Promise<void>;

withFailingOperator();

beforeAll(async () => {
  const created = await createDatabase();
  drop = created.drop;
  server = await startServer({ databaseUrl: created.url });
  world = await openRecomputeHarness(created.url);
  await ingest(server.url, [
    { series: 'A', t, value: 1 },
    { series: 'A', t: t + 1000, value: 2 },
  ]);
});
afterAll(async () => {
  await server.stop();
  await world.stop();
  await drop();
});

/** What requests wait with. */
let watches: SeriesWatch[];

beforeEach(() => {
  watches = [];
  const watch = server.app.feed.watch.bind(server.app.feed);
  vi.spyOn(server.app.feed, 'watch').mockImplementation((...given) => {
    const made = watch(...given);
    watches.push(made);
    return made;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const startWorker = () => world.startWorker({ log: () => undefined });

async function withWorker<T>(run: () => Promise<T>): Promise<T> {
  const worker = await startWorker();
  try {
    return await run();
  } finally {
    await worker.stop();
  }
}

interface Defined {
  status: string;
  formula: string;
  nextFormula: string | null;
  problem: string | null;
  samples: { value: number[] };
}

const document = `mutation ($input: DefineSeriesInput!) { defineSeries(input: $input) {
  status formula nextFormula problem samples { value } } }`;

const inputOf = (key: string, formula: string, level = 'DERIVED') => ({ input: { key, formula, await: level } });

async function define(key: string, formula: string, level?: string): Promise<Defined> {
  return (await ask<{ defineSeries: Defined }>(server.url, document, inputOf(key, formula, level))).defineSeries;
}

const live = (formula: string, ...value: number[]): Defined => ({
  status: 'LIVE',
  formula,
  nextFormula: null,
  problem: null,
  samples: { value },
});

it('a new series is answered with its points, and then another formula with its own', async () => {
  await withWorker(async () => {
    expect(await define('NEW', 'A + 1')).toEqual(live('A + 1', 2, 3));
    expect(await define('NEW', 'A + 2')).toEqual(live('A + 2', 3, 4));
    expect(await define('NEW', 'A + 2'), 'nothing is to be computed').toEqual(live('A + 2', 3, 4));
  });
});

it('it waits for a whole chain of definitions, also for one that is under way already', async () => {
  for (const [key, formula] of [
    ['C1', 'A * 2'],
    ['C2', 'C1 * 2'],
    ['C3', 'C2 + C1'],
  ])
    await define(key, formula, 'STORED');
  const waiting = [define('C4', 'C3 - A'), define('C2', 'C1 * 2')];
  await until(() => watches.length === 2);
  expect(await withWorker(() => Promise.all(waiting))).toEqual([live('C3 - A', 5, 10), live('C1 * 2', 4, 8)]);
});

it('when another definition takes the place of the awaited one, that one is awaited', async () => {
  const first = define('REPLACED', 'A * 3');
  await until(() => watches.length === 1);
  await define('REPLACED', 'A * 4', 'STORED');
  expect(await withWorker(() => first)).toEqual(live('A * 4', 4, 8));
});

it('over a WebSocket and server-sent events as well', async () => {
  await withWorker(async () => {
    const client = socketClient(server.url);
    const results = client.iterate({ query: document, variables: inputOf('DOOR.ws', 'A * 2') });
    const { value: result } = await results.next();
    expect(result).toEqual({ data: { defineSeries: live('A * 2', 2, 4) } });
    await client.dispose();
    const events = serverSent(server.url, document, inputOf('DOOR.sse', 'A * 3'), AbortSignal.timeout(60_000));
    const { value: event } = await events.next();
    expect(event?.data).toEqual({ defineSeries: live('A * 3', 3, 6) });
    await events.return(undefined);
  });
});

it('a failure is answered at once, with its problem', async () => {
  failing.throws = true;
  await withWorker(async () => {
    const broken = await define('BROKEN', 'fragile(A)');
    expect(broken).toMatchObject({ status: 'FAILED', problem: 'it broke', samples: { value: [] } });
  });
});

it('the wait ends when the client disconnects, over HTTP and over a WebSocket; the definition stays', async () => {
  const hangUp = new AbortController();
  const variables = inputOf('GONE', 'A + 7');
  const request = fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: document, variables }),
    signal: hangUp.signal,
  });
  await until(() => watches.length === 1);
  hangUp.abort();
  await expect(request).rejects.toThrow('aborted');
  await until(() => watches[0].ended);
  const client = socketClient(server.url);
  const results = client.iterate({ query: document, variables });
  const next = results.next();
  await until(() => watches.length === 2);
  await results.return?.();
  await until(() => watches[1].ended);
  await next;
  await client.dispose();
  expect(await withWorker(() => define('GONE', 'A + 7'))).toEqual(live('A + 7', 8, 9));
});

it('a waiting request is no subscriber; it is answered when the time is over, and fails when the series is deleted', async () => {
  const { defineSeries } = await ask<{ defineSeries: { id: string } }>(
    server.url,
    'mutation { defineSeries(input: { key: "SLOW", formula: "A - 1" }) { id } }',
  );
  expect(defineSeries.id).toBeDefined();
  const [row] = await world.catalogue.seriesByKeys(['SLOW']);
  const { database, feed } = server.app;
  await awaitDefined(database, feed, row, { timeoutMillis: 20 });
  const waiting = define('SLOW', 'A - 1');
  await until(() => watches.length === 2);
  expect(feed.subscribers).toBe(0);
  await ask(server.url, 'mutation { deleteSeries(key: "SLOW") { id } }');
  await expect(waiting).rejects.toThrow("The series 'SLOW' was deleted before it was computed.");
});
