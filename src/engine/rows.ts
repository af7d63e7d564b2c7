/**
 * What an operator is fed: rows in ascending order of their instants, a column for each of its inputs. In a column of
 * several inputs each value is the last known one; NaN where there is none (yet).
 */
export interface Rows {
  readonly length: number;
  readonly t: Float64Array;
  readonly columns: readonly Float64Array[];
  /** Bit i is set where input i has a point of its own at this very instant; undefined: all of them everywhere. */
  readonly own: Uint32Array | undefined;
}
