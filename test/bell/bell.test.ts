import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bell, type JobHandlers, type Notice, parseNotice } from '../../src/bell/bell.ts';
import { postgresBell } from '../../src/bell/postgres.ts';
import { checkRedis, redisBell } from '../../src/bell/redis.ts';
import { storeId } from '../../src/store/store-id.ts';
import { ingest } from '../support/client.ts';
import { admin, createDatabase } from '../support/database.ts';
import { describeWithRedis, freePort, startRedis, type TestRedis } from '../support/redis.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** What was said, in its order; `next` waits for one more. */
class Heard<T> {
  readonly all: T[] = [];
  #read = 0;
  #wake: (() => void) | undefined;

  readonly say = (item: T): void => {
    this.all.push(item);
    this.#wake?.();
  };

  async next(): Promise<T> {
    while (this.all.length <= this.#read)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.all[this.#read++];
  }
}

const nothing = async () => undefined;
const idle: JobHandlers = {
  seal: nothing,
  sweep: nothing,
  advance: nothing,
  build: nothing,
  import: nothing,
  summary: nothing,
};

function revisionOf(notice: Notice | undefined): number | undefined {
  return notice && 'revision' in notice ? notice.revision : undefined;
}

function rings(
  open: () => Promise<{
    server: TestServer;
    bell: (log?: (line: string) => void) => Promise<Bell>;
    cut: () => Promise<void>;
  }>,
): void {
  let server: TestServer;
  let openBell: (log?: (line: string) => void) => Promise<Bell>;
  let cut: () => Promise<void>;

  beforeAll(async () => {
    ({ server, bell: openBell, cut } = await open());
  });
  afterAll(() => server.stop());

  it('tells every other process of a commit: its revision, the one before, and the series', async () => {
    const bell = await openBell();
    const heard = new Heard<Notice | undefined>();
    const listening = await bell.listen(heard.say);
    expect(await heard.next(), 'it begins with: look for yourself').toBeUndefined();
    const t = Date.now();
    const created = await ingest(server.url, [{ series: 'R-1', t, value: 1 }]);
    const [{ id }] = await server.app.catalogue.seriesByKeys(['R-1']);
    const { revision } = await ingest(server.url, [{ series: 'R-1', t, value: 2 }]);
    let notice = await heard.next();
    while (revisionOf(notice) !== revision) notice = await heard.next();
    expect(notice).toMatchObject({ revision, previous: created.revision, series: [id] });
    await listening.stop();
    await bell.stop();
  });

  it('after the connection was cut it listens again, and says that something may have been missed', async () => {
    const bell = await openBell();
    const heard = new Heard<Notice | undefined>();
    const listening = await bell.listen(heard.say);
    expect(await heard.next()).toBeUndefined();
    await cut();
    while ((await heard.next()) !== undefined);
    const { revision } = await ingest(server.url, [{ series: 'R-2', t: Date.now(), value: 1 }]);
    let notice = await heard.next();
    while ((revisionOf(notice) ?? 0) < revision) notice = await heard.next();
    await listening.stop();
    await bell.stop();
  });

  it('a wake runs its job; wakes that wait are one; one that comes while the job runs makes it run again', async () => {
    const api = await openBell();
    const worker = await openBell();
    const runs = new Heard<number>();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const working = await worker.work(
      {
        ...idle,
        seal: async ({ partition }) => {
          runs.say(partition);
          if (runs.all.length === 1) await held;
        },
      },
      2,
    );
    await api.wake('seal', '7', { partition: 7 });
    expect(await runs.next()).toBe(7);
    for (let i = 0; i < 20; i++) await api.wake('seal', '7', { partition: 7 });
    await api.wake('seal', '8', { partition: 8 });
    expect(await runs.next(), 'another partition is not held up').toBe(8);
    release();
    expect(await runs.next()).toBe(7);
    await api.wake('seal', '9', { partition: 9 });
    expect(await runs.next()).toBe(9);
    expect(runs.all).toEqual([7, 8, 7, 9]);
    await working.stop();
    await worker.stop();
    await api.stop();
  });

  it('a job that fails is logged, and the next wake runs it again', async () => {
    const lines = new Heard<string>();
    const bell = await openBell(lines.say);
    const runs = new Heard<number>();
    const working = await bell.work(
      {
        ...idle,
        seal: async ({ partition }) => {
          runs.say(partition);
          if (runs.all.length === 1) throw new Error('on purpose');
        },
      },
      1,
    );
    await bell.wake('seal', '1', { partition: 1 });
    await runs.next();
    let line = await lines.next();
    while (!line.includes('on purpose')) line = await lines.next();
    await bell.wake('seal', '1', { partition: 1 });
    expect(await runs.next()).toBe(1);
    await working.stop();
    await bell.stop();
  });

  it('a job that is asked for again and again is run again and again, once for all who ask', async () => {
    const bell = await openBell();
    const other = await openBell();
    const runs = new Heard<object>();
    const working = await bell.work({ ...idle, sweep: async (data) => runs.say(data) }, 1);
    await bell.every('sweep', 200, {});
    await other.every('sweep', 200, {});
    for (let i = 0; i < 3; i++) await runs.next();
    await working.stop();
    await bell.stop();
    await other.stop();
  });
}

describe('PostgreSQL', () => {
  rings(async () => {
    const server = await startServer();
    const id = await storeId(server.app.database);
    const terminate = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidemark-bell' AND datname = current_database()`;
    return {
      server,
      bell: async (log = () => undefined) => postgresBell(server.databaseUrl, { storeId: id, log }),
      cut: async () => void (await server.app.database.query(terminate)),
    };
  });

  it('a listener that starts while the server is away hears once it is there', async () => {
    const database = await createDatabase();
    await admin((client) => client.query(`ALTER DATABASE ${database.name} ALLOW_CONNECTIONS false`));
    const bell = postgresBell(database.url, { storeId: 1, log: () => undefined });
    const heard = new Heard<Notice | undefined>();
    const listening = await bell.listen(heard.say);
    await admin((client) => client.query(`ALTER DATABASE ${database.name} ALLOW_CONNECTIONS true`));
    expect(await heard.next()).toBeUndefined();
    await listening.stop();
    await bell.stop();
    await database.drop();
  });
});

describeWithRedis('Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  rings(async () => {
    const server = await startServer({ redisUrl: redis.url });
    const id = await storeId(server.app.database);
    return {
      server,
      bell: async (log = () => undefined) => redisBell(redis.url, { storeId: id, log }),
      cut: async () => redis.cutSubscribers(),
    };
  });

  it('whoever leaves when the connection has just come back leaves no rejection to nobody', async () => {
    const bell = redisBell(redis.url, { storeId: 3, log: () => undefined });
    let [heard, leave] = [0, () => {}];
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const listening = await bell.listen(() => {
      if (++heard === 2) void listening.stop().then(leave);
    });
    await redis.cutSubscribers();
    // A rejection that nobody hears fails the run.
    await left;
    await bell.stop();
  });

  it('two stores that share a Redis do not hear one another', async () => {
    const one = redisBell(redis.url, { storeId: 1, log: () => undefined });
    const two = redisBell(redis.url, { storeId: 2, log: () => undefined });
    const heard = new Heard<Notice | undefined>();
    const listening = await two.listen(heard.say);
    expect(await heard.next()).toBeUndefined();
    const runs = new Heard<string>();
    const working = await two.work(
      { ...idle, seal: async () => runs.say('seal'), sweep: async () => runs.say('sweep') },
      1,
    );
    await one.wake('seal', '1', { partition: 1 });
    one.tell({ previous: 1, revision: 2, series: [] });
    await two.wake('sweep', '1', {});
    expect(await runs.next()).toBe('sweep');
    // A publisher that has only just connected drops what it cannot send: said until it is heard.
    const timer = setInterval(() => two.tell({ previous: 3, revision: 4, series: [5] }), 5);
    expect(await heard.next()).toEqual({ previous: 3, revision: 4, series: [5] });
    clearInterval(timer);
    await listening.stop();
    await working.stop();
    await one.stop();
    await two.stop();
  });

  it('a Redis that may evict keys is refused, with its policy and what to set', async () => {
    for (const policy of ['allkeys-lru', 'volatile-ttl']) {
      const evicting = await startRedis('--maxmemory', '50mb', '--maxmemory-policy', policy);
      await expect(checkRedis(evicting.url)).rejects.toThrow(new RegExp(`^REDIS_URL: .*${policy}.*noeviction`));
      await evicting.stop();
    }
    await checkRedis(redis.url);
  });

  it('a Redis that wants a password is refused by name', async () => {
    const locked = await startRedis('--requirepass', 'secret');
    await expect(checkRedis(locked.url)).rejects.toThrow(/^REDIS_URL: .*(NOAUTH|password|auth)/i);
    await checkRedis(locked.url.replace('redis://', 'redis://:secret@'));
    await locked.stop();
  });
});

it('a Redis that is not there is refused by name and place', async () => {
  const port = await freePort();
  await expect(checkRedis(`redis://127.0.0.1:${port}`)).rejects.toThrow(new RegExp(`^REDIS_URL: no answer.*${port}`));
});

it('a notice that is none is taken for: something may have been missed', () => {
  for (const text of ['', 'null', '7', '[]', '{}', '{"revision":"1","previous":0}', '{"revision":1', '{"series":[1]}'])
    expect(parseNotice(text)).toBeUndefined();
  expect(parseNotice('{"revision":2,"previous":1}')).toEqual({ revision: 2, previous: 1, series: undefined });
  expect(parseNotice('{"revision":2,"previous":1,"series":[3,"x"]}')).toEqual({
    revision: 2,
    previous: 1,
    series: [3],
  });
});
