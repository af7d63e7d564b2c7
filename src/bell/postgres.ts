import { createPostgresBackend, Queue, Worker } from 'bullmq';
import pg from 'pg';
import { type Bell, type BellOptions, type Notice, parseNotice, type Stoppable } from './bell.ts';
import { JobBell, queueName, workerOptions } from './jobs.ts';

const reconnectMillis = 500;

/**
 * The bell on PostgreSQL. The commit itself sends NOTIFY, and BullMQ keeps its jobs in its own schema. BullMQ's
 * sessions do not wait for the disk, because their NOTIFYs share a lock with our commits, and a lost job is queued
 * again.
 */
export function postgresBell(url: string, { log }: BellOptions): Bell {
  const connection = (max: number) => ({
    connectionString: url,
    schema: 'bullmq',
    migrate: true,
    max,
    options: '-c synchronous_commit=off',
    application_name: 'tidemark-jobs',
  });
  const jobs = new JobBell({
    openQueue: () => new Queue(queueName, { connection: connection(2) }, createPostgresBackend),
    openWorker: (run, concurrency) =>
      new Worker(queueName, run, { connection: connection(3), concurrency, ...workerOptions }, createPostgresBackend),
    log,
  });
  return {
    name: 'postgres',
    ringsInCommit: true,
    tell: () => undefined,
    listen: (onNotice) => listenTo(url, onNotice),
    wake: (name, id, data, isUrgent) => jobs.wake(name, id, data, isUrgent),
    every: (name, everyMillis, data) => jobs.every(name, everyMillis, data),
    work: (handlers, concurrency) => jobs.work(handlers, concurrency),
    stop: () => jobs.stop(),
  };
}

/** Listens on one connection, and on a new one after a loss. */
async function listenTo(url: string, onNotice: (notice: Notice | undefined) => void): Promise<Stoppable> {
  let stopped = false;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;

  const open = async (): Promise<void> => {
    const next = new pg.Client({ connectionString: url, application_name: 'tidemark-bell', keepAlive: true });
    next.on('error', () => undefined);
    next.on('end', () => {
      if (client === next) retry();
    });
    next.on('notification', ({ payload }) => onNotice(parseNotice(payload ?? '')));
    await next.connect();
    await next.query('LISTEN tidemark');
    if (stopped) {
      await next.end();
      return;
    }
    client = next;
    onNotice(undefined);
  };
  const retry = (): void => {
    client = undefined;
    if (stopped) return;
    timer = setTimeout(() => void open().catch(retry), reconnectMillis);
  };
  await open().catch(retry);
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    },
  };
}
