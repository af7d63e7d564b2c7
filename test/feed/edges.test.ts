import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { Bell, CommitNotice } from '../../src/bell/bell.ts';
import { everything } from '../../src/engine/ranges.ts';
import { type ChangeEvent, type ChangesRequest, subscribeToPoints } from '../../src/feed/changes.ts';
import { Feed } from '../../src/feed/feed.ts';
import { subscribeToLatest } from '../../src/feed/latest.ts';
import { ask, gql, ingest, remove } from '../support/client.ts';
import { until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { Follower } from './follower.ts';

const t = Date.parse('2026-01-05T09:30:00Z');

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

/** Says nothing, ever: as if every notice were lost. */
const deaf: Bell = {
  name: 'postgres',
  ringsInCommit: true,
  tell: () => undefined,
  listen: async () => ({ stop: async () => undefined }),
  wake: async () => undefined,
  every: async () => undefined,
  work: async () => ({ stop: async () => undefined }),
  stop: async () => undefined,
};

/** The feed of another process, as it stands below every transport. */
async function feedOf(run: (feed: Feed) => Promise<void>, bell = deaf): Promise<void> {
  const feed = new Feed(server.app.catalogue, bell);
  await feed.start();
  try {
    await run(feed);
  } finally {
    await feed.stop();
  }
}

const changesOf = (feed: Feed, request: ChangesRequest, options?: { silenceMillis: number }) =>
  subscribeToPoints(server.app, feed, request, options)[Symbol.asyncIterator]();

async function rowOf(key: string) {
  const [row] = await server.app.catalogue.seriesByKeys([key]);
  return row;
}

const next = async (events: AsyncGenerator<ChangeEvent, void>): Promise<ChangeEvent> => {
  const { value, done } = await events.next();
  if (done) throw new Error('the events have ended');
  return value;
};

it('with every notice lost, polling finds every change', async () => {
  await ingest(server.url, [{ series: 'DEAF', t, value: 0 }]);
  await feedOf(async (feed) => {
    const request = { series: [await rowOf('DEAF')], after: undefined, range: everything, bucketMicros: undefined };
    const events = changesOf(feed, request);
    const lasts = subscribeToLatest(server.app, feed, request.series)[Symbol.asyncIterator]();
    await next(events);
    await lasts.next();
    for (let i = 1; i <= 2; i++) {
      const { revision } = await ingest(server.url, [{ series: 'DEAF', t: t + i, value: i }]);
      const event = await next(events);
      expect(event).toMatchObject({ kind: 'CHANGE', cursor: revision });
      expect([...event.changes[0].samples.value]).toEqual([i]);
      expect((await lasts.next()).value).toMatchObject({ cursor: revision, changes: [{ point: { value: i } }] });
    }
    await events.return();
    await lasts.return();
    expect(feed.subscribers).toBe(0);
  });
});

it('what this process commits and is announced before it is answered waits for the answer, and not for long', async () => {
  await ingest(server.url, [{ series: 'OWN', t, value: 0 }]);
  let ring: (notice: CommitNotice) => void = () => undefined;
  const bell: Bell = {
    ...deaf,
    listen: async (onNotice) => {
      ring = onNotice;
      return { stop: async () => undefined };
    },
  };
  let committing: Promise<unknown> | undefined;
  const feed = new Feed(server.app.catalogue, bell, { pollMillis: 3_600_000, committing: () => committing });
  await feed.start();
  const { id } = await rowOf('OWN');
  const noticeOf = (revision: number) => ({ previous: revision - 1, revision, series: [id] });
  let answered: () => void = () => undefined;
  committing = new Promise<void>((resolve) => {
    answered = resolve;
  });
  const first = feed.newest + 1;
  ring(noticeOf(first));
  expect(feed.newest).toBe(first - 1);
  feed.hear(noticeOf(first));
  answered();
  ring(noticeOf(first + 1));
  await committing;
  await until(async () => feed.newest === first + 1);
  // A commit of which nothing comes back holds up nobody else's.
  committing = new Promise(() => undefined);
  ring(noticeOf(first + 2));
  expect(feed.newest).toBe(first + 1);
  await until(async () => feed.newest === first + 2);
  await feed.stop();
});

it('a reader that was busy gets all revisions that it missed as one event', async () => {
  const { revision: first } = await ingest(server.url, [{ series: 'SLOW', t, value: 0 }]);
  await feedOf(async (feed) => {
    const request = { series: [await rowOf('SLOW')], after: first, range: everything, bucketMicros: undefined };
    const events = changesOf(feed, request);
    expect(await next(events)).toMatchObject({ kind: 'PROGRESS', cursor: first, changes: [] });
    let last = 0;
    for (let i = 1; i <= 20; i++) {
      last = (await ingest(server.url, [{ series: 'SLOW', t: t + (i % 4), value: i }])).revision;
      feed.hear({ previous: last - 1, revision: last, series: request.series.map(({ id }) => id) });
    }
    const event = await next(events);
    expect(event).toMatchObject({ kind: 'CHANGE', cursor: last });
    expect(event.changes.flatMap(({ samples }) => [...samples.value])).toEqual([20, 17, 18, 19]);
    await events.return();
  });
});

it('a reader of quiet series hears by PROGRESS that its cursor moved', async () => {
  const { revision: first } = await ingest(server.url, [{ series: 'QUIET', t, value: 0 }]);
  await feedOf(async (feed) => {
    const request = { series: [await rowOf('QUIET')], after: first, range: everything, bucketMicros: undefined };
    const events = changesOf(feed, request, { silenceMillis: 20 });
    await next(events);
    const { revision } = await ingest(server.url, [{ series: 'OTHER', t, value: 0 }]);
    let event = await next(events);
    while (event.cursor < revision) event = await next(events);
    expect(event).toEqual({ kind: 'PROGRESS', cursor: revision, changes: [], reason: null });
    await events.return();
  });
});

it('a WebSocket client that stops reading gets what it missed merged, and costs no more than that', async () => {
  await ingest(server.url, [{ series: 'HUGE', t, value: 0 }]);
  const socket = new WebSocket(server.url.replace('http', 'ws'), 'graphql-transport-ws');
  const messages: { type: string; payload?: { data: { changes: { kind: string; cursor: number } } } }[] = [];
  socket.on('message', (data) => messages.push(JSON.parse(String(data))));
  const said = async (enough: () => boolean) => {
    const closed = once(socket, 'close').then(([code]) => Promise.reject(new Error(`closed with ${code}`)));
    while (!enough()) await Promise.race([once(socket, 'message'), closed]);
    closed.catch(() => undefined);
  };
  await once(socket, 'open');
  socket.send('{"type":"connection_init"}');
  await said(() => messages.length === 1);
  const query = 'subscription { changes(series: ["HUGE"]) { kind cursor changes { points { t value } } } }';
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query } }));
  const events = () => messages.flatMap(({ payload }) => (payload?.data ? [payload.data.changes] : []));
  await said(() => events().length === 1);
  socket.pause();
  const writes = 45;
  const columns = (value: number) => [
    {
      series: 'HUGE',
      t: Array.from({ length: 9_000 }, (_, i) => t + i),
      value: Array.from({ length: 9_000 }, () => value + 0.123456789),
    },
  ];
  const ingestColumns = 'mutation ($input: IngestColumnsInput!) { ingestColumns(input: $input) { revision } }';
  let last = 0;
  for (let i = 1; i <= writes; i++)
    last = (
      await ask<{ ingestColumns: { revision: number } }>(server.url, ingestColumns, { input: { columns: columns(i) } })
    ).ingestColumns.revision;
  socket.resume();
  await said(() => events().at(-1)?.cursor === last);
  expect(events().every(({ kind }, i) => kind === (i === 0 ? 'SNAPSHOT' : 'CHANGE'))).toBe(true);
  expect(events().length).toBeLessThan(writes);
  socket.terminate();
});

describe('where a subscription begins', () => {
  it('with a cursor from the future: a SNAPSHOT that says why', async () => {
    await ingest(server.url, [{ series: 'B-1', t, value: 1 }]);
    const follower = new Follower(server.url, { series: ['B-1'] });
    follower.cursor = 1_000_000_000;
    const event = await follower.next();
    expect(event).toMatchObject({
      kind: 'SNAPSHOT',
      cursor: await server.revision(),
      reason: expect.stringContaining('1000000000'),
    });
    await follower.compare();
    await follower.disconnect();
  });

  it('with a cursor from before a series was deleted and made anew: a SNAPSHOT, for the old points are gone', async () => {
    await ingest(server.url, [
      { series: 'B-2', t, value: 1 },
      { series: 'B-2', t: t + 1, value: 2 },
    ]);
    const follower = new Follower(server.url, { series: ['B-2'] });
    await follower.next();
    await follower.disconnect();
    await ask(server.url, 'mutation { deleteSeries(key: "B-2") { id } }');
    await ingest(server.url, [{ series: 'B-2', t: t + 5, value: 3 }]);
    expect(await follower.next()).toMatchObject({ kind: 'SNAPSHOT', reason: expect.stringContaining('B-2') });
    expect(follower.values('B-2')).toEqual([3]);
    await follower.compare();
    await follower.disconnect();
  });

  it('while one of several series was deleted and made anew: it ends with GONE, and the same cursor then gives a SNAPSHOT', async () => {
    const series = ['B-8', 'B-9'];
    const write = (at: number) =>
      ingest(
        server.url,
        series.map((key) => ({ series: key, t: t + at, value: at })),
      );
    await write(1);
    const follower = new Follower(server.url, { series });
    await follower.next();
    await ask(server.url, 'mutation { deleteSeries(key: "B-8") { id } }');
    expect(await follower.next()).toMatchObject({ kind: 'CHANGE', changes: [{ series: 'B-8', points: { t: [] } }] });
    await write(2);
    const another = new Follower(server.url, { series });
    expect(await another.next()).toMatchObject({ kind: 'SNAPSHOT', reason: null });
    await another.compare();
    await another.disconnect();
    await expect(follower.next()).rejects.toThrow(/GONE/);
    await follower.disconnect();
    expect(await follower.next()).toMatchObject({ kind: 'SNAPSHOT', reason: expect.stringContaining('B-8') });
    expect(follower.values('B-8')).toEqual([2]);
    await follower.compare();
    await follower.disconnect();
  });

  it('with a cursor older than the history that is kept: a SNAPSHOT that says why; asOf there is GONE', async () => {
    await ingest(server.url, [{ series: 'B-3', t, value: 1 }]);
    const { revision } = await ingest(server.url, [{ series: 'B-3', t, value: 2 }]);
    const follower = new Follower(server.url, { series: ['B-3'] });
    follower.cursor = revision - 1;
    const mark = `INSERT INTO marks (name, value, at) VALUES ('oldest_revision', $1, now()) ON CONFLICT (name) DO UPDATE SET value = $1`;
    await server.app.database.query(mark, [revision]);
    try {
      expect(await follower.next()).toMatchObject({
        kind: 'SNAPSHOT',
        reason: expect.stringContaining(`oldest is ${revision}`),
      });
      await follower.compare();
      const read = await gql(
        server.url,
        `{ oldestRevision series(key: "B-3") { last(asOf: ${revision - 1}) { value } } }`,
      );
      expect(read.errors?.[0]).toMatchObject({ extensions: { code: 'GONE', inputPath: ['asOf'] } });
      const edge = await ask(server.url, `{ oldestRevision series(key: "B-3") { last(asOf: ${revision}) { value } } }`);
      expect(edge).toEqual({ oldestRevision: revision, series: { last: { value: 2 } } });
    } finally {
      await follower.disconnect();
      await server.app.database.query(`DELETE FROM marks WHERE name = 'oldest_revision'`);
    }
  });

  it('with the newest cursor: nothing but that, then what comes', async () => {
    const { revision } = await ingest(server.url, [{ series: 'B-4', t, value: 1 }]);
    const follower = new Follower(server.url, { series: ['B-4'] });
    follower.cursor = revision;
    expect(await follower.next()).toMatchObject({ kind: 'PROGRESS', cursor: revision, changes: [] });
    const later = await ingest(server.url, [{ series: 'B-4', t: t + 1, value: 2 }]);
    expect(await follower.next()).toMatchObject({ kind: 'CHANGE', cursor: later.revision });
    await follower.disconnect();
  });

  it('with revision 0: everything, as changes', async () => {
    await ingest(server.url, [{ series: 'B-5', t, value: 1 }]);
    const follower = new Follower(server.url, { series: ['B-5'] });
    await follower.next();
    await follower.compare();
    expect(follower.values('B-5')).toEqual([1]);
    await follower.disconnect();
  });
});

describe('what a change holds', () => {
  it('a series named twice is told once; one of several that changed is told alone', async () => {
    await ingest(
      server.url,
      ['W-1', 'W-2'].map((series) => ({ series, t, value: 1 })),
    );
    const follower = new Follower(server.url, { series: ['W-1', 'W-2', 'W-1'] });
    expect((await follower.next()).changes.map(({ series }) => series)).toEqual(['W-1', 'W-2']);
    await ingest(server.url, [{ series: 'W-2', t, value: 2 }]);
    expect((await follower.next()).changes.map(({ series }) => series)).toEqual(['W-2']);
    await follower.disconnect();
  });

  it('writing again what is there already tells nothing', async () => {
    await ingest(server.url, [{ series: 'W-3', t, value: 1, size: 1 }]);
    const follower = new Follower(server.url, { series: ['W-3'] });
    await follower.next();
    await ingest(server.url, [{ series: 'W-3', t, value: 1, size: 1 }]);
    const { revision } = await ingest(server.url, [{ series: 'W-3', t, value: 1, size: 2 }]);
    const event = await follower.next();
    expect(event).toMatchObject({ cursor: revision, changes: [{ points: { value: [1], size: [2] } }] });
    await follower.disconnect();
  });

  it('what lies outside the range is not told', async () => {
    await ingest(server.url, [{ series: 'W-4', t, value: 1 }]);
    const follower = new Follower(server.url, { series: ['W-4'], range: { from: t, to: t + 10 } });
    await follower.next();
    await ingest(server.url, [{ series: 'W-4', t: t - 1, value: 2 }]);
    await ingest(server.url, [{ series: 'W-4', t: t + 10, value: 2 }]);
    const { revision } = await ingest(server.url, [{ series: 'W-4', t: t + 9, value: 3 }]);
    expect(await follower.next()).toMatchObject({ cursor: revision, changes: [{ points: { t: [t + 9] } }] });
    await follower.disconnect();
  });

  it('more than 10,000 points are left out, and said to be; exactly 10,000 are told', async () => {
    const columns = (from: number, count: number) => [
      {
        series: 'W-5',
        t: Array.from({ length: count }, (_, i) => t + from + i),
        value: Array.from({ length: count }, () => 1),
      },
    ];
    const query = 'mutation ($input: IngestColumnsInput!) { ingestColumns(input: $input) { revision } }';
    await ask(server.url, query, { input: { columns: columns(0, 10_000), createMissing: true } });
    const follower = new Follower(server.url, { series: ['W-5'] });
    expect(await follower.next()).toMatchObject({ changes: [{ truncated: false, points: { t: { length: 10_000 } } }] });
    await ask(server.url, query, { input: { columns: columns(20_000, 10_001) } });
    expect(await follower.next()).toMatchObject({ changes: [{ truncated: true, points: { t: [], value: [] } }] });
    await remove(server.url, { series: 'W-5', from: t, to: t + 20_000 });
    const emptied = await follower.next();
    expect(emptied).toMatchObject({ changes: [{ truncated: false, points: { t: [] } }] });
    await follower.disconnect();
  });

  it('a bad bucket or range is refused at its place', async () => {
    const cases = [
      { what: { bucket: '1 month' }, inputPath: ['bucket'] },
      { what: { range: { from: 5 } }, inputPath: ['range', 'from'] },
    ];
    for (const { what, inputPath } of cases) {
      const follower = new Follower(server.url, { series: ['W-1'], ...what });
      const told = await follower.next().then(
        () => 'an event',
        (thrown: unknown) => (thrown instanceof Error ? thrown.message : JSON.stringify(thrown)),
      );
      expect(told).toContain(`"inputPath":${JSON.stringify(inputPath)}`);
      expect(told).toContain('BAD_USER_INPUT');
      await follower.disconnect();
    }
  });
});
