import { Fault, type InputPath } from '../engine/fault.ts';
import { quoted } from '../engine/key.ts';

/** A tick of a call that is not written. */
export interface Rejected {
  readonly index: number;
  readonly series: string;
  readonly reason: string;
}

/** A fault lists at most this number of rejected ticks; with `partial` all are listed. */
const rejectedShownMax = 100;

/** The rejected ticks of one call. */
export class RejectedTicks {
  readonly #all: Rejected[] = [];
  #firstIndex = Number.POSITIVE_INFINITY;
  #firstPath: InputPath = [];

  get count(): number {
    return this.#all.length;
  }

  /** `path` gives the location of the wrong value in the input. */
  add(rejected: Rejected, path: () => InputPath): void {
    this.#all.push(rejected);
    if (rejected.index >= this.#firstIndex) return;
    this.#firstIndex = rejected.index;
    this.#firstPath = path();
  }

  /** In the order of the call. */
  list(): readonly Rejected[] {
    return this.#all.sort((a, b) => a.index - b.index);
  }

  /** The fault of a call without `partial`; it names the location of the first wrong value. */
  fault(): Fault {
    const rejected = this.list();
    const [first] = rejected;
    const others = rejected.length > 1 ? ` and ${rejected.length - 1} more` : '';
    return new Fault(
      'BAD_USER_INPUT',
      `Nothing was written: tick ${first.index} of ${quoted(first.series)} is refused (${first.reason})${others}. With partial: true the others are written.`,
      this.#firstPath,
      { rejected: rejected.slice(0, rejectedShownMax), rejectedCount: rejected.length },
    );
  }
}
