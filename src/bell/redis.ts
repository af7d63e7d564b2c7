import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { Fault } from '../engine/fault.ts';
import { type Bell, type BellOptions, parseNotice } from './bell.ts';
import { JobBell, queueName, workerOptions } from './jobs.ts';

const redisVersionMin = [6, 2] as const;

function describeUrl(url: string): string {
  try {
    const parsed = new URL(url);
    return `${parsed.hostname || 'localhost'}:${parsed.port || '6379'}`;
  } catch {
    return 'the given URL (which is not one: redis://host:6379)';
  }
}

/** Throws when Redis is unreachable, too old, or configured to evict keys. */
export async function checkRedis(url: string): Promise<void> {
  const where = describeUrl(url);
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 5_000,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  let problem: Error | undefined;
  client.on('error', (error) => {
    problem ??= error;
  });
  try {
    await client.connect();
    const info = await client.info();
    const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
    const version = field('redis_version') ?? '0';
    const [major, minor] = version.split('.').map(Number);
    if (major < redisVersionMin[0] || (major === redisVersionMin[0] && minor < redisVersionMin[1])) {
      throw new Fault(
        'UNAVAILABLE',
        `REDIS_URL: ${where} runs Redis ${version}; ${redisVersionMin.join('.')} or later is needed.`,
      );
    }
    const policy = field('maxmemory_policy');
    if (policy !== undefined && policy !== 'noeviction') {
      throw new Fault(
        'UNAVAILABLE',
        `REDIS_URL: ${where} may evict keys when its memory is full (maxmemory-policy ${policy}), and jobs with them. Set maxmemory-policy noeviction.`,
      );
    }
  } catch (error) {
    if (error instanceof Fault) throw error;
    const reason = problem?.message || (error instanceof Error ? error.message : String(error));
    throw new Fault(
      'UNAVAILABLE',
      `REDIS_URL: no answer from Redis at ${where} (${reason}). Start it, correct the URL, or leave REDIS_URL out to ring over PostgreSQL.`,
    );
  } finally {
    client.disconnect();
  }
}

/** The bell on Redis: BullMQ and pub/sub. */
export function redisBell(url: string, { storeId, log }: BellOptions): Bell {
  const prefix = `{tidemark-${storeId}}`;
  const channel = `${prefix}:commits`;
  const connect = (role: string) => {
    // ioredis leaves a rejection unhandled when its own resubscription is interrupted.
    const client = new Redis(url, { maxRetriesPerRequest: null, enableReadyCheck: false, autoResubscribe: false });
    client.on('error', (error) => log(`redis (${role}): ${error.message}`));
    return client;
  };
  const publisher = new Redis(url, { maxRetriesPerRequest: 1, enableOfflineQueue: false });
  publisher.on('error', (error) => log(`redis (publish): ${error.message}`));
  const opened: Redis[] = [publisher];
  const shared = (role: string) => {
    const client = connect(role);
    opened.push(client);
    return client;
  };
  const jobs = new JobBell({
    openQueue: () => new Queue(queueName, { connection: shared('jobs'), prefix }),
    openWorker: (run, concurrency) =>
      new Worker(queueName, run, { connection: shared('worker'), prefix, concurrency, ...workerOptions }),
    log,
  });
  return {
    name: 'redis',
    ringsInCommit: false,
    tell: (notice) => {
      publisher.publish(channel, JSON.stringify(notice)).catch(() => undefined);
    },
    listen: async (onNotice) => {
      const subscriber = connect('listen');
      subscriber.on('message', (_, payload) => onNotice(parseNotice(payload)));
      await subscriber.subscribe(channel);
      onNotice(undefined);
      subscriber.on('ready', () => {
        subscriber.subscribe(channel).then(
          () => onNotice(undefined),
          () => undefined,
        );
      });
      return {
        stop: async () => {
          subscriber.disconnect();
        },
      };
    },
    wake: (name, id, data, isUrgent) => jobs.wake(name, id, data, isUrgent),
    every: (name, everyMillis, data) => jobs.every(name, everyMillis, data),
    work: (handlers, concurrency) => jobs.work(handlers, concurrency),
    stop: async () => {
      await jobs.stop();
      for (const client of opened) client.disconnect();
    },
  };
}
