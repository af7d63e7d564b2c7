import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Config } from '../config.ts';
import { Fault, type FaultCode } from '../engine/fault.ts';

/** What the thread that takes jobs is asked. */
export type Asked = { readonly build: number } | { readonly stop: true };

/** What it tells. */
export type Told =
  | { readonly ready: true }
  | { readonly fault: { readonly code: FaultCode; readonly message: string } }
  | { readonly advance: true }
  | { readonly built: number };

export interface JobsOptions {
  readonly log: (line: string) => void;
  readonly onAdvance: () => void;
}

/** A thread cannot begin with TypeScript: from source, it is the one that was built. */
const file = import.meta.url.endsWith('.ts') ? '../../dist/jobs.js' : 'jobs.js';

/**
 * What is forgotten at once is collected when there is so much of it: also buffers, of which those who read files leave
 * gigabytes behind. Three times this is what V8 takes by itself.
 */
const maxYoungGenerationSizeMb = 12;

/** One that ended by itself is followed by another one after so long. */
const restartMillis = 1_000;

/** The thread of this process that takes jobs, and those that follow it when it ends. */
export class JobsThread {
  readonly #config: Config;
  readonly #url: string;
  readonly #options: JobsOptions;
  readonly #waiting = new Map<number, () => void>();
  #thread: Worker | undefined;
  #restart: NodeJS.Timeout | undefined;
  /** One that never took jobs is followed by none: whoever starts it is told why. */
  #wasReady = false;
  #stopping = false;

  constructor(config: Config, url: string, options: JobsOptions) {
    this.#config = config;
    this.#url = url;
    this.#options = options;
  }

  /** Resolves when it takes jobs; rejects when it cannot begin. */
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
      thread.on('message', (told: Told) => {
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

  /** Goes a long way there; resolves when it has ended, however that was. */
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

  #ask(asked: Asked): void {
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
