import type { JobsOptions, Processor } from 'bullmq';
import type { Bell, JobHandlers, JobName, Jobs, Stoppable } from './bell.ts';

export const queueName = 'tidemark';

/** The common interface of BullMQ's queues and workers, whose types differ by backend. */
interface JobQueue {
  add(name: string, data: object, options: JobsOptions): Promise<unknown>;
  upsertJobScheduler(
    id: string,
    repeat: { every: number },
    template: { name: string; data: object; opts: object },
  ): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

interface JobWorker {
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'failed', listener: (job: { name: string } | undefined, error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

export const workerOptions = {
  /** The time after which the job of a dead worker goes to another one. */
  lockDuration: 30_000,
  removeOnComplete: { count: 0 },
  removeOnFail: { count: 100 },
};

export interface JobBellOptions {
  readonly openQueue: () => JobQueue;
  readonly openWorker: (run: Processor, concurrency: number) => JobWorker;
  readonly log: (line: string) => void;
}

/** The part of a bell that uses BullMQ, on any backend. */
export class JobBell implements Pick<Bell, 'wake' | 'every' | 'work' | 'stop'> {
  readonly #options: JobBellOptions;
  #queue: JobQueue | undefined;

  constructor(options: JobBellOptions) {
    this.#options = options;
  }

  #open(): JobQueue {
    if (!this.#queue) {
      this.#queue = this.#options.openQueue();
      this.#queue.on('error', (error) => this.#options.log(`job queue: ${error.message}`));
    }
    return this.#queue;
  }

  async wake<Name extends JobName>(name: Name, id: string, data: Jobs[Name], isUrgent = false): Promise<void> {
    await this.#open().add(name, data, {
      deduplication: { id: `${name}-${id}`, keepLastIfActive: true },
      removeOnComplete: true,
      removeOnFail: 100,
      lifo: isUrgent,
    });
  }

  async every<Name extends JobName>(name: Name, everyMillis: number, data: Jobs[Name]): Promise<void> {
    const template = { name, data, opts: { removeOnComplete: true, removeOnFail: 100 } };
    await this.#open().upsertJobScheduler(name, { every: everyMillis }, template);
  }

  async work(handlers: JobHandlers, concurrency: number): Promise<Stoppable> {
    const run = (name: string, data: unknown): Promise<void> => {
      const handler = Object.hasOwn(handlers, name) ? handlers[name as JobName] : undefined;
      if (!handler) throw new Error(`there is no job ${name}`);
      return (handler as (given: unknown) => Promise<void>)(data);
    };
    const worker = this.#options.openWorker((job) => run(job.name, job.data), concurrency);
    worker.on('error', (error) => this.#options.log(`worker: ${error.message}`));
    worker.on('failed', (job, error) => this.#options.log(`job ${job?.name ?? '?'} failed: ${error.message}`));
    await worker.waitUntilReady();
    return { stop: () => worker.close() };
  }

  async stop(): Promise<void> {
    await this.#queue?.close();
  }
}
