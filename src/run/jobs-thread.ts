import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Config } from '../config.ts';
import { Fault, type FaultCode } from '../engine/fault.ts';

/** A message to the thread that runs jobs. */
export type ThreadRequest = { readonly build: number } | { readonly stop: true };

/** A message from the thread. */
export type ThreadMessage =
  | { readonly ready: true }
  | { readonly fault: { readonly code: FaultCode; readonly message: string } }
  | { readonly advance: true }
  | { readonly built: number };

export interface JobsOptions {
  readonly log: (line: string) => void;
  readonly onAdvance: () => void;
}

/** A worker thread cannot start from TypeScript, so a run from source uses the built file. */
const file = import.meta.url.endsWith('.ts') ? '../../dist/jobs.js' : 'jobs.js';

/**
 * The size of the young generation. File readers produce gigabytes of short-lived buffers. V8's default is three
 * times as much.
 */
const maxYoungGenerationSizeMb = 12;

/** The delay before a thread that ended by itself is replaced. */
const restartMillis = 1_000;

/** The thread of this process that runs jobs, and its replacements. */
export class JobsThread {
  readonly #config: Config;
  readonly #url: string;
  readonly #options: JobsOptions;
  readonly #waiting = new Map<number, () => void>();
  #thread: Worker | undefined;
  #restart: NodeJS.Timeout | undefined;
  /** A thread that never became ready is not replaced: the caller gets its error. */
  #wasReady = false;
  #stopping = false;

  constructor(config: Config, url: string, options: JobsOptions) {
    this.#config = config;
    this.#url = url;
    this.#options = options;
  }

  /** Resolves when the thread runs jobs; rejects when it cannot start. */
  async start(): Promise<void> {
    const thread = new Worker(new URL(file, import.meta.url), {
      workerData: { config: this.#config, url: this.#url },
      resourceLimits: { maxYoungGenerationSizeMb },
    });
    this.#thread = thread;
    let failure: Error | undefined;
    thread.on('error', (error) => {
      failure = error;
    });
    const ready = new Promise<void>((resolve, reject) => {
      thread.on('message', (told: ThreadMessage) => {
        if ('ready' in told) {
          this.#wasReady = true;
          resolve();
        } else if ('fault' in told) failure = new Fault(told.fault.code, told.fault.message);
        else if ('advance' in told) this.#options.onAdvance();
        else this.#end(told.built);
      });
      thread.once('exit', () => reject(failure ?? new Error('the thread that takes jobs has ended')));
    });
    thread.once('exit', () => this.#ended(failure));
    await ready;
  }

  /** Runs a backfill in the thread. Resolves when it has ended, for any reason. */
  build(definition: number): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#thread) {
        resolve();
        return;
      }
      this.#waiting.set(definition, resolve);
      this.#ask({ build: definition });
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    if (!this.#thread) return;
    const gone = once(this.#thread, 'exit');
    this.#ask({ stop: true });
    await gone;
  }

  #ask(asked: ThreadRequest): void {
    this.#thread?.postMessage(asked);
  }

  #end(definition: number): void {
    this.#waiting.get(definition)?.();
    this.#waiting.delete(definition);
  }

  #ended(failure: Error | undefined): void {
    this.#thread = undefined;
    for (const definition of [...this.#waiting.keys()]) this.#end(definition);
    if (this.#stopping || !this.#wasReady) return;
    this.#options.log(
      `the thread that takes jobs has ended, another one follows${failure ? `: ${failure.message}` : ''}`,
    );
    this.#restart = setTimeout(() => void this.start().catch(() => undefined), restartMillis);
  }
}
