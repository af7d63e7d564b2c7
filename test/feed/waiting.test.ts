import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { everything } from '../../src/engine/ranges.ts';
import { type ChangeEvent, subscribeToPoints } from '../../src/feed/changes.ts';
import { Feed } from '../../src/feed/feed.ts';
import { clientOf, record } from '../client/following.ts';
import { startNetwork } from '../client/network.ts';
import { type Tick, write as writeTo } from '../recompute/expected-points.ts';
import { failing, withFailingOperator } from '../recompute/failing-operator.ts';
import { openRecomputeHarness, type RecomputeHarness } from '../recompute/recompute-harness.ts';
import { ask } from '../support/client.ts';
import { createDatabase } from '../support/database.ts';
import { defineAt } from '../support/define.ts';
import { until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { Follower } from './follower.ts';

const second = 1_000_000;
const keys = ['STUCK', 'MOVED'];

let world: RecomputeHarness;
let server: TestServer;
let drop: () => Promise<void>;
/** A revision at which both were exact. */
let before: number;

withFailingOperator();

/** Two series that have no revision in common: one stands where it failed, the other was defined anew after that. No worker runs. */
beforeEach(async () => {
  const created = await createDatabase();
  drop = created.drop;
  world = await openRecomputeHarness(created.url);
  server = await startServer({ databaseUrl: created.url });
  const worker = await world.startWorker({ log: () => undefined });
  await write('A', [[0, 1]]);
  await write('B', [[0, 1]]);
  await defineAt(server.url, 'STUCK', 'fragile(A) + 1');
  await defineAt(server.url, 'MOVED', 'B + 1');
  before = await world.settled();
  failing.throws = true;
  await write('A', [[second, 2]]);
  await until(() => failing.thrown > 0);
  await defineAt(server.url, 'MOVED', 'B + 2');
  await worker.stop();
  failing.throws = false;
});
afterEach(async () => {
  vi.restoreAllMocks();
  await server.stop();
  await world.stop();
  await drop();
});

const write = (key: string, ticks: readonly Tick[]) => writeTo(world, key, ticks);

const subscribers = async () =>
  (await ask<{ health: { subscribers: number } }>(server.url, '{ health { subscribers } }')).health.subscribers;

/** A promise, and what resolves it. */
function once(): [Promise<void>, () => void] {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((take) => {
    resolve = take;
  });
  return [promise, resolve];
}

const rows = async () => (await Promise.all(keys.map((key) => world.catalogue.seriesByKeys([key])))).flat();

async function follow(
  run: (next: () => Promise<ChangeEvent>, feed: Feed) => Promise<void>,
  after?: number,
): Promise<void> {
  const feed = new Feed(world.catalogue, world.bell);
  await feed.start();
  const request = { series: await rows(), after, range: everything, bucketMicros: undefined };
  const events = subscribeToPoints(server.app, feed, request, { silenceMillis: 300 })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await events.next();
    if (done) throw new Error('the events have ended');
    return value;
  };
  try {
    await run(next, feed);
  } finally {
    await events.return();
    await feed.stop();
  }
}

it('who waits hears PROGRESS with 0, or the cursor that it came with, then gets a SNAPSHOT, or a CHANGE', async () => {
  const [started, start] = once();
  const cases = [
    { after: undefined, cursor: 0, kind: 'SNAPSHOT', stuck: [2, 3] },
    { after: before, cursor: before, kind: 'CHANGE', stuck: [3] },
  ];
  const heard = new Set<number>();
  const following = cases.map(({ after, cursor, kind, stuck }) =>
    follow(async (next, feed) => {
      const progress = { kind: 'PROGRESS', cursor, changes: [], reason: null, isBehind: true };
      for (let i = 0; i < 2; i++) expect(await next()).toEqual(progress);
      expect(feed.subscribers).toBe(1);
      heard.add(cursor);
      await started;
      let event = await next();
      while (event.kind === 'PROGRESS') event = await next();
      expect(event).toMatchObject({ kind, cursor: await world.settled(), reason: null, end: undefined });
      expect(event.changes.map(({ series, samples }) => [series, ...samples.value])).toEqual([
        ['STUCK', ...stuck],
        ['MOVED', 3],
      ]);
      expect(feed.subscribers).toBe(1);
    }, after),
  );
  const all = Promise.all(following);
  all.catch(() => undefined);
  await Promise.race([all, until(() => heard.size === 2)]);
  await world.startWorker({ log: () => undefined });
  start();
  await all;
});

const deleteSeries = (key: string) =>
  ask(server.url, 'mutation ($key: String!) { deleteSeries(key: $key) { revision } }', { key });

it('when the series are deleted that somebody waits for, it is NOT_FOUND', async () => {
  await follow(async (next, feed) => {
    expect(await next()).toMatchObject({ kind: 'PROGRESS', cursor: 0 });
    for (const key of keys) await deleteSeries(key);
    const toTheEnd = async () => {
      for (;;) await next();
    };
    await expect(toTheEnd()).rejects.toMatchObject({ code: 'NOT_FOUND', inputPath: ['series'] });
    expect(feed.subscribers).toBe(0);
  });
});

it('who waits counts as a subscriber; who leaves is forgotten', async () => {
  const followers = [1, 2].map(() => new Follower(server.url, { series: keys }));
  for (const follower of followers) follower.next().catch(() => undefined);
  for (const follower of followers) {
    await until(async () => (await subscribers()) === followers.length - followers.indexOf(follower));
    await follower.disconnect();
  }
  await until(async () => (await subscribers()) === 0);
});

it('a PROGRESS that is made ready when there is more to tell is not told', async () => {
  const feed = new Feed(world.catalogue, world.bell);
  await feed.start();
  const [gate, open] = once();
  let isAsked = false;
  const request = { series: await rows(), after: undefined, range: everything, bucketMicros: undefined };
  const shared = subscribeToPoints(server.app, feed, request).shared({
    silenceMillis: 300,
    onEmpty: () => undefined,
    render: async (event) => {
      if (event.kind !== 'PROGRESS') return event;
      isAsked = true;
      await gate;
      return event;
    },
  });
  const events: ChangeEvent[] = [];
  const send = (event: ChangeEvent) => void events.push(event);
  const leave = shared.join({ ready: () => undefined, send, end: () => undefined }, undefined);
  await until(() => isAsked);
  await world.startWorker({ log: () => undefined });
  await until(() => events.length > 0);
  open();
  const revision = await write('B', [[second, 5]]);
  await until(() => (events.at(-1)?.cursor ?? 0) >= revision);
  const [first, ...others] = events;
  expect(first.kind).toBe('SNAPSHOT');
  expect(others.filter(({ cursor }) => cursor < first.cursor)).toEqual([]);
  leave();
  await feed.stop();
});

it('a line that hears PROGRESS before anything else holds nothing, comes back with 0, and then has all', async () => {
  const network = await startNetwork(server.port);
  const tidemark = clientOf(network.url);
  const followed = record(tidemark, keys);
  await until(async () => (await subscribers()) === 1);
  // The silence is half over.
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + 8_000);
  await until(() => followed.line.cursor === 0);
  expect(followed.line.state?.series.size).toBe(0);
  expect(keys.map((key) => followed.line.get(key))).toEqual([undefined, undefined]);
  const inTurn = followed.line[Symbol.asyncIterator]().next();
  network.cut();
  await until(async () => network.connections === 2 && (await subscribers()) === 1);
  const further = clientOf(server.url);
  const resumed = record(further, keys, { state: structuredClone(followed.line.state) });
  await until(async () => (await subscribers()) === 2);
  expect([...followed.updates, ...resumed.updates]).toEqual([]);

  await world.startWorker({ log: () => undefined });
  const revision = await world.settled();
  for (const each of [followed, resumed]) {
    await each.reaches(revision);
    await each.compare(server.url);
    expect(each.updates.map(({ series }) => [...series.keys()])).toEqual([keys]);
  }
  const { value } = await inTurn;
  expect([...value.series.keys()], 'nothing is no update').toEqual(keys);
  tidemark.close();
  further.close();
  await network.stop();
});
