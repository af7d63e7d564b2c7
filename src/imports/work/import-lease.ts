import type { Database } from '../../store/connect.ts';
import { type ImportHold, sendHeartbeat, type TakenImport } from '../../store/imports/import-work.ts';

const beatMillis = 1_000;

type Why = 'lost' | 'cancelled' | 'stopping' | 'waiting';

/**
 * The reason why a run ends early: another worker has the lease, the client cancelled, this process stops, or an
 * earlier import must be written first.
 */
export class Interrupted extends Error {
  readonly why: Why;

  constructor(why: Why) {
    super(`work on the import was interrupted: ${why}`);
    this.why = why;
  }
}

/** A worker's lease on an import. It renews itself every second and learns of a cancellation. */
export class ImportLease implements ImportHold {
  readonly id: number;
  readonly epoch: number;
  /** True when some of its revisions are visible. From then on the import runs to its end. */
  isPublished: boolean;
  readonly #database: Database;
  readonly #isStopping: () => boolean;
  readonly #timer: NodeJS.Timeout;
  #beating = false;
  #ended: 'lost' | 'cancelled' | undefined;

  constructor(database: Database, { id, epoch, isPublished }: TakenImport, isStopping: () => boolean) {
    this.id = id;
    this.epoch = epoch;
    this.isPublished = isPublished;
    this.#database = database;
    this.#isStopping = isStopping;
    this.#timer = setInterval(() => void this.#beat(), beatMillis);
  }

  /** Throws Interrupted when the run must end. */
  check(): void {
    if (this.#ended) throw new Interrupted(this.#ended);
    if (this.#isStopping()) throw new Interrupted('stopping');
  }

  /** Renews the lease now, then checks it. */
  async renew(): Promise<void> {
    this.#hear(await sendHeartbeat(this.#database, this));
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
      this.#hear(await sendHeartbeat(this.#database, this));
    } catch {
      // The database is unreachable. The next write fails with the reason.
    } finally {
      this.#beating = false;
    }
  }

  #hear(answer: Awaited<ReturnType<typeof sendHeartbeat>>): void {
    if (!answer) {
      this.#ended = 'lost';
      return;
    }
    this.isPublished ||= answer.isPublished;
    if (answer.cancelAsked && !this.isPublished) this.#ended ??= 'cancelled';
  }
}
