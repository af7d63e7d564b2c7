import type { Database } from '../../store/connect.ts';
import { beat, type Holder, type Taken } from '../../store/import-work.ts';

const beatMillis = 1_000;

type Why = 'lost' | 'cancelled' | 'stopping' | 'waiting';

/** Why work on an import ends early: somebody else has it, it is to be cancelled, this process stops, or an earlier one is to be written first. */
export class Interrupted extends Error {
  readonly why: Why;

  constructor(why: Why) {
    super(`work on the import was interrupted: ${why}`);
    this.why = why;
  }
}

/** The hold that a worker has on an import: signs of life as long as it works, and what was asked meanwhile. */
export class ImportLease implements Holder {
  readonly id: number;
  readonly epoch: number;
  /** Whether some of it can be read already: then it goes on to its end. */
  isPublished: boolean;
  readonly #database: Database;
  readonly #isStopping: () => boolean;
  readonly #timer: NodeJS.Timeout;
  #beating = false;
  #ended: 'lost' | 'cancelled' | undefined;

  constructor(database: Database, { id, epoch, isPublished }: Taken, isStopping: () => boolean) {
    this.id = id;
    this.epoch = epoch;
    this.isPublished = isPublished;
    this.#database = database;
    this.#isStopping = isStopping;
    this.#timer = setInterval(() => void this.#beat(), beatMillis);
  }

  /** Throws when work is to end here. */
  check(): void {
    if (this.#ended) throw new Interrupted(this.#ended);
    if (this.#isStopping()) throw new Interrupted('stopping');
  }

  /** Asks now, and not only once a second. */
  async renew(): Promise<void> {
    this.#hear(await beat(this.#database, this));
    this.check();
  }

  lost(): never {
    throw new Interrupted('lost');
  }

  end(): void {
    clearInterval(this.#timer);
  }

  async #beat(): Promise<void> {
    if (this.#beating) return;
    this.#beating = true;
    try {
      this.#hear(await beat(this.#database, this));
    } catch {
      // The database is away: whoever writes next is told.
    } finally {
      this.#beating = false;
    }
  }

  #hear(answer: Awaited<ReturnType<typeof beat>>): void {
    if (!answer) {
      this.#ended = 'lost';
      return;
    }
    this.isPublished ||= answer.isPublished;
    if (answer.cancelAsked && !this.isPublished) this.#ended ??= 'cancelled';
  }
}
