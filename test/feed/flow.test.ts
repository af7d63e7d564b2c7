import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { postgresBell } from '../../src/bell/postgres.ts';
import { everything } from '../../src/engine/ranges.ts';
import { type ChangeEvent, type SeriesChange, subscribeToPoints } from '../../src/feed/changes.ts';
import { Feed } from '../../src/feed/feed.ts';
import type { SharedSubscription, SharedSubscriptionOptions } from '../../src/feed/flow.ts';
import type { Subscriber } from '../../src/feed/subscriber.ts';
import { storeId } from '../../src/store/store-id.ts';
import { ask, ingest, remove } from '../support/client.ts';
import { until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { Follower } from './follower.ts';

const t = Date.parse('2026-01-05T09:30:00Z');

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

/** Keeps what it was sent; takes no more when it has so many events, until it is released. */
class Listener implements Subscriber<Buffer> {
  readonly events: ChangeEvent[] = [];
  readonly #most: number;
  ended: { readonly error: unknown } | undefined;
  #held: Promise<void> | undefined;
  release: () => void = () => undefined;

  constructor(most = Number.POSITIVE_INFINITY) {
    this.#most = most;
  }

  get cursor(): number {
    return this.events.at(-1)?.cursor ?? -1;
  }

  ready(): Promise<void> | undefined {
    return this.#held;
  }

  send(bytes: Buffer): void {
    this.events.push(JSON.parse(bytes.toString()) as ChangeEvent);
    if (this.events.length !== this.#most) return;
    this.#held = new Promise((resolve) => {
      this.release = () => {
        this.#held = undefined;
        resolve();
      };
    });
  }

  end(error: unknown): void {
    this.ended = { error };
  }
}

interface Opened {
  readonly shared: SharedSubscription<SeriesChange, Buffer>;
  readonly feed: Feed;
  readonly counts: { rendered: number; empty: number };
}

/** A shared subscription to one series, in a process of its own. */
async function withShared(
  key: string,
  run: (opened: Opened) => Promise<void>,
  options: Partial<SharedSubscriptionOptions<SeriesChange, Buffer>> = {},
): Promise<void> {
  const { database, catalogue } = server.app;
  const bell = postgresBell(server.databaseUrl, { storeId: await storeId(database), log: () => undefined });
  const feed = new Feed(catalogue, bell);
  await feed.start();
  const [row] = await catalogue.seriesByKeys([key]);
  const subscription = subscribeToPoints(server.app, feed, {
    series: [row],
    after: undefined,
    range: everything,
    bucketMicros: undefined,
  });
  const counts = { rendered: 0, empty: 0 };
  const shared = subscription.shared({
    render: async (event) => {
      counts.rendered++;
      return Buffer.from(JSON.stringify(event));
    },
    onEmpty: () => void counts.empty++,
    ...options,
  });
  try {
    await run({ shared, feed, counts });
  } finally {
    await feed.stop();
    await bell.stop();
  }
}

const tick = async (series: string, at: number, value: number) =>
  (await ingest(server.url, [{ series, t: t + at, value }])).revision;

it('many who follow the same are told the same, which is read and made ready once for all of them', async () => {
  await tick('SHARED', 0, 1);
  await withShared('SHARED', async ({ shared, feed, counts }) => {
    const listeners = Array.from({ length: 50 }, () => new Listener());
    const leaving = listeners.map((listener) => shared.join(listener, undefined));
    await until(() => listeners.every(({ events }) => events.length === 1));
    expect(counts.rendered).toBe(1);
    expect(feed.subscribers).toBe(50);
    for (let i = 1; i <= 10; i++) {
      const revision = await tick('SHARED', i, i);
      await until(() => listeners.every(({ cursor }) => cursor === revision));
    }
    expect(counts.rendered).toBe(11);
    for (const { events } of listeners) expect(events).toEqual(listeners[0].events);
    expect(listeners[0].events.map(({ kind }) => kind)).toEqual(['SNAPSHOT', ...Array(10).fill('CHANGE')]);
    for (const leave of leaving) leave();
    expect(counts.empty).toBe(1);
    expect(feed.subscribers).toBe(0);
  });
});

it('who comes with an older cursor is brought to where the others are, and nobody hears anything twice', async () => {
  const first = await tick('JOINED', 0, 1);
  const second = await tick('JOINED', 1, 2);
  await withShared('JOINED', async ({ shared }) => {
    const early = new Listener();
    shared.join(early, undefined);
    await until(() => early.cursor === second);
    const late = new Listener();
    const unborn = new Listener();
    shared.join(late, first);
    shared.join(unborn, second + 1_000_000);
    const third = await tick('JOINED', 2, 3);
    await until(() => [early, late, unborn].every(({ cursor }) => cursor === third));
    expect(late.events[0].kind).toBe('CHANGE');
    expect(unborn.events[0]).toMatchObject({ kind: 'SNAPSHOT', reason: expect.stringContaining('not of this store') });
    for (const { events } of [early, late, unborn])
      for (let i = 1; i < events.length; i++) expect(events[i].cursor).toBeGreaterThan(events[i - 1].cursor);
    const told = late.events.flatMap(({ changes }) => changes.map(({ samples }) => Object.values(samples.value)));
    expect(told.flat()).toEqual([2, 3]);
  });
});

it('who is told at once and cannot be is ended with what went wrong; whoever woke it goes on', async () => {
  await tick('FAILING', 0, 1);
  const failure = new Error('an event that cannot be made ready');
  let changes = 0;
  const render = (event: ChangeEvent) => {
    // The first one is read, for it is not known yet where the series ends.
    if (event.kind === 'CHANGE' && ++changes > 1) throw failure;
    return Buffer.from(JSON.stringify(event));
  };
  await withShared(
    'FAILING',
    async ({ shared, feed, counts }) => {
      const listener = new Listener();
      shared.join(listener, undefined);
      await until(() => listener.events.length === 1);
      const first = await tick('FAILING', 1, 2);
      await until(() => listener.cursor === first);
      const revision = await tick('FAILING', 2, 3);
      feed.hear({ previous: revision - 1, revision, series: undefined });
      await until(() => listener.ended !== undefined);
      expect(listener.ended).toEqual({ error: failure });
      expect(counts.empty).toBe(1);
      expect(feed.newest).toBe(revision);
    },
    { render },
  );
});

it('who cannot take more holds up nobody, costs nothing, and gets what it missed as one event', async () => {
  await tick('SLOW', 0, 1);
  await withShared('SLOW', async ({ shared, counts }) => {
    const [quick, slow] = [new Listener(), new Listener(2)];
    shared.join(quick, undefined);
    shared.join(slow, undefined);
    await until(() => slow.events.length === 1 && quick.events.length === 1);
    const taken = await tick('SLOW', 1, 2);
    await until(() => quick.cursor === taken && slow.cursor === taken);
    let last = taken;
    for (let i = 2; i < 8; i++) {
      last = await tick('SLOW', i, i);
      await until(() => quick.cursor === last);
    }
    expect(slow.cursor).toBe(taken);
    const { rendered } = counts;
    slow.release();
    await until(() => slow.cursor === last);
    expect(counts.rendered).toBe(rendered + 1);
    expect(slow.events.at(-1)?.kind).toBe('CHANGE');
    expect(slow.events.length).toBe(3);
  });
});

it('who could not take more for too long gets a snapshot, with the reason', async () => {
  await tick('LATE', 0, 1);
  const run = async ({ shared }: Opened) => {
    const slow = new Listener(2);
    shared.join(slow, undefined);
    await until(() => slow.events.length === 1);
    const taken = await tick('LATE', 1, 2);
    await until(() => slow.cursor === taken);
    const last = await tick('LATE', 2, 3);
    slow.release();
    await until(() => slow.cursor === last);
    expect(slow.events.at(-1)).toMatchObject({ kind: 'SNAPSHOT', reason: expect.stringContaining('too slowly') });
  };
  await withShared('LATE', run, { lateMillis: 0 });
});

it('without news everybody hears that the cursor moves, once in each silence', async () => {
  await tick('SILENT', 0, 1);
  const run = async ({ shared, counts }: Opened) => {
    const listeners = [new Listener(), new Listener()];
    for (const listener of listeners) shared.join(listener, undefined);
    await until(() => listeners.every(({ events }) => events.length >= 1));
    const other = await tick('OTHER', 0, 1);
    await until(() => listeners.every(({ events }) => events.at(-1)?.kind === 'PROGRESS'));
    for (const { cursor } of listeners) expect(cursor).toBeGreaterThanOrEqual(other);
    expect(counts.rendered).toBeLessThan(20);
  };
  await withShared('SILENT', run, { silenceMillis: 300 });
});

it('a series that is deleted ends it for everybody, with the reason', async () => {
  await tick('GONE', 0, 1);
  await withShared('GONE', async ({ shared, counts }) => {
    const listeners = [new Listener(), new Listener()];
    for (const listener of listeners) shared.join(listener, undefined);
    await until(() => listeners.every(({ events }) => events.length === 1));
    await ask(server.url, 'mutation { deleteSeries(key: "GONE") { revision } }');
    await until(() => listeners.every(({ ended }) => ended !== undefined));
    for (const { ended } of listeners) expect(String(ended?.error)).toContain('was deleted');
    expect(counts.empty).toBe(1);
  });
});

const moment = fc.record({
  who: fc.nat(5),
  what: fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('write' as const), at: fc.nat(30), value: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), at: fc.nat(30) }) },
    { weight: 2, arbitrary: fc.constant({ kind: 'leave' as const }) },
  ),
});

let runs = 0;

it('whoever comes, goes and comes back over one operation, each holds what a query at its cursor gives', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(moment, { minLength: 10, maxLength: 25 }), async (moments) => {
      const key = `T${runs++}`;
      await tick(key, 0, 0);
      const followers = Array.from({ length: 6 }, () => new Follower(server.url, { series: [key] }));
      let last = Number.POSITIVE_INFINITY;
      const gone = new Set<number>();
      const follow = async (follower: Follower, who: number) => {
        while ((follower.cursor ?? 0) < last) {
          if (gone.delete(who)) await follower.disconnect();
          await follower.next();
          await follower.compare();
        }
        await follower.disconnect();
      };
      const following = Promise.all(followers.map(follow));
      for (const { who, what } of moments) {
        if (what.kind === 'write') await tick(key, what.at, what.value);
        else if (what.kind === 'delete') await remove(server.url, { series: key, at: [t + what.at] });
        else gone.add(who);
      }
      last = await tick(key, 100, 1_000);
      await following;
      for (const { seen } of followers) {
        const [first, ...rest] = seen;
        expect(first.kind).toBe('SNAPSHOT');
        for (const { kind } of rest) expect(kind).not.toBe('SNAPSHOT');
      }
    }),
    { numRuns: 6 },
  );
});
