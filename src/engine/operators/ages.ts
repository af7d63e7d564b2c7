import type { Arguments, Memory, Parameter } from '../operator.ts';
import type { Rows } from '../rows.ts';

/**
 * What asks for the age of an input needs no more memory than the join that makes its rows: that is certain of an input
 * from the input's first own point on, and from there on its age is certain too.
 */
export const asTheJoin: Memory = { kind: 'rows', rows: 0 };

export const maxAgeParameter: Parameter = {
  name: 'max_age',
  type: 'duration',
  optional: true,
  meaning: 'A value last known longer ago than this counts as not known; exactly so long ago still counts.',
};

/** Knows when two inputs had their last own points, and so whether they are too old to count. */
export class Ages {
  readonly #maxMicros: number;
  /** -Infinity before the first one. */
  #x = Number.NEGATIVE_INFINITY;
  #y = Number.NEGATIVE_INFINITY;

  constructor({ max_age }: Arguments) {
    this.#maxMicros = max_age === undefined ? Number.POSITIVE_INFINITY : (max_age as number);
  }

  /** Of a row, in order: bit 0 is set when x is young enough, bit 1 when y is. */
  young({ t, own }: Rows, i: number): number {
    const now = t[i];
    const bits = own === undefined ? 3 : own[i];
    if ((bits & 1) !== 0) this.#x = now;
    if ((bits & 2) !== 0) this.#y = now;
    return (now - this.#x <= this.#maxMicros ? 1 : 0) | (now - this.#y <= this.#maxMicros ? 2 : 0);
  }
}
