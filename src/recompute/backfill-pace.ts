import { wasWritten } from '../store/commit.ts';
import type { Database } from '../store/connect.ts';

/** A step has at least this number of changed points, or comes after this time: a kill loses at most one step. */
const stepPoints = 131_072;
const stepMillisMax = 2_000;

/** A backfill works this long before it lets the event loop run. */
const stretchMillis = 8;

/** While clients write, steps are smaller, stretches shorter, and after each the backfill rests for a multiple of its length. */
const writtenMillis = 250;
const politeStepPoints = 32_768;
const politeStretchMillis = 4;
const politeRests = 3;

/** When a backfill takes a step, and when it rests. */
export class BackfillPace {
  readonly #database: Database;
  #isPolite = false;
  #steppedAt = performance.now();
  #workingSince = performance.now();

  constructor(database: Database) {
    this.#database = database;
  }

  isStepDue(changes: number): boolean {
    return (
      changes >= (this.#isPolite ? politeStepPoints : stepPoints) || performance.now() - this.#steppedAt > stepMillisMax
    );
  }

  stepped(): void {
    this.#steppedAt = performance.now();
  }

  /** Looks whether clients have written a moment ago. */
  async look(): Promise<void> {
    this.#isPolite = await wasWritten(this.#database, writtenMillis);
  }

  /** Begins to count the time of a stretch anew. */
  works(): void {
    this.#workingSince = performance.now();
  }

  /** Rests when a stretch is over. */
  async rest(): Promise<void> {
    const workedMillis = performance.now() - this.#workingSince;
    if (workedMillis <= (this.#isPolite ? politeStretchMillis : stretchMillis)) return;
    if (this.#isPolite) await new Promise((resolve) => setTimeout(resolve, workedMillis * politeRests));
    else await new Promise((resolve) => setImmediate(resolve));
    this.works();
  }
}
