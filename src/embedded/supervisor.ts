import { isAlive, type RunningPostmaster } from './pid-file.ts';
import { type Launch, startPostmaster } from './postmaster.ts';

const lookMillis = 500;
const pauseMillisMax = 10_000;

/** Restarts a server that ended, on the same port, until it is told to stop. */
export class Supervisor {
  readonly #launch: Launch;
  #postmaster: RunningPostmaster;
  #timer: NodeJS.Timeout | undefined;
  #pauseMillis = lookMillis;
  #starting: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(launch: Launch, postmaster: RunningPostmaster) {
    this.#launch = { ...launch, choosePort: () => postmaster.port };
    this.#postmaster = postmaster;
    this.#lookLater();
  }

  #lookLater(): void {
    this.#timer = setTimeout(() => {
      this.#starting = this.#look();
    }, this.#pauseMillis);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    if (isAlive(this.#postmaster)) {
      this.#pauseMillis = lookMillis;
    } else {
      this.#launch.log(`PostgreSQL (pid ${this.#postmaster.pid}) is gone; it is started again`);
      try {
        this.#postmaster = await startPostmaster(this.#launch);
      } catch (error) {
        this.#launch.log(error instanceof Error ? error.message : String(error));
        this.#pauseMillis = Math.min(this.#pauseMillis * 2, pauseMillisMax);
      }
    }
    if (!this.#stopped) this.#lookLater();
  }

  /** Resolves with the server that is running. */
  async stop(): Promise<RunningPostmaster> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#starting;
    return this.#postmaster;
  }
}
