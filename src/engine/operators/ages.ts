import type { Arguments, Memory, Parameter } from '../operator.ts';
import type { Rows } from '../rows.ts';

/**
 * The age of an input needs no memory beyond that of the join: the join is certain of an input from its own first point
 * on, and so is its age.
 */
export const asTheJoin: Memory = { kind: 'rows', rows: 0 };

export const maxAgeParameter: Parameter = {
  name: 'max_age',
  type: 'duration',
  optional: true,
  meaning: 'A value that is older than this counts as unknown. A value of exactly this age still counts.',
};

/** Tracks the last own points of two inputs, and whether they are too old to count. */
export class Ages {
  readonly #maxMicros: number;
  /** -Infinity before the first point. */
  #x = Number.NEGATIVE_INFINITY;
  #y = Number.NEGATIVE_INFINITY;

  constructor({ max_age }: Arguments) {
    this.#maxMicros = max_age === undefined ? Number.POSITIVE_INFINITY : (max_age as number);
  }

  /** Takes rows in order. Bit 0 is set when x is young enough, bit 1 when y is. */
  young({ t, own }: Rows, i: number): number {
    const now = t[i];
    const bits = own === undefined ? 3 : own[i];
    if ((bits & 1) !== 0) this.#x = now;
    if ((bits & 2) !== 0) this.#y = now;
    return (now - this.#x <= this.#maxMicros ? 1 : 0) | (now - this.#y <= this.#maxMicros ? 2 : 0);
  }
}
