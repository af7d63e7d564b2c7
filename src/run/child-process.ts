import { type ChildProcess, spawn } from 'node:child_process';
import type { Logger } from 'pino';

const pauseMillisMax = 10_000;

/** The time for a job to finish its step before the child is killed, which loses nothing. */
const stopMillis = 5_000;

/** A child process of this program. It is restarted when it ends, and it ends when this process does. */
export class Child {
  readonly #name: string;
  readonly #args: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  readonly #log: Logger;
  readonly #ending: AbortSignal;
  #process: ChildProcess | undefined;
  #pauseMillis = 200;
  #timer: NodeJS.Timeout | undefined;

  /** Once `ending` is aborted, which is before `stop`, the child is not started again. */
  constructor(
    name: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
    { log, ending }: { readonly log: Logger; readonly ending: AbortSignal },
  ) {
    this.#log = log;
    this.#name = name;
    this.#args = args;
    this.#env = env;
    this.#ending = ending;
    ending.addEventListener('abort', () => clearTimeout(this.#timer), { once: true });
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Resolves when the child reports that it is ready, or has ended. */
  async start(): Promise<void> {
    const startedAt = Date.now();
    const child = spawn(process.execPath, [...process.execArgv, ...this.#args], {
      env: this.#env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#process = child;
    // Kills the child if this process exits without waiting for it.
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.removeListener('exit', kill));
    child.on('error', (error) => this.#log.warn(`${this.#name}: ${error.message}`));
    child.on('exit', (code, signal) => {
      this.#process = undefined;
      if (this.#ending.aborted) return;
      if (Date.now() - startedAt > 60_000) this.#pauseMillis = 200;
      this.#log.warn(`the ${this.#name} ended (${signal ?? `exit code ${code}`}); it is started again`);
      this.#timer = setTimeout(() => void this.start(), this.#pauseMillis);
      this.#pauseMillis = Math.min(this.#pauseMillis * 2, pauseMillisMax);
    });
    await new Promise<void>((resolve) => {
      child.once('message', () => resolve());
      child.once('exit', () => resolve());
    });
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (!child) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMillis);
    await ended;
    clearTimeout(timer);
  }
}
