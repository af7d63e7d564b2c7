/**
 * The input of an operator: rows in ascending order of instants, with one column per input. Each value is the last
 * known one of its input; NaN before the input's first point.
 */
export interface Rows {
  readonly length: number;
  readonly t: Float64Array;
  readonly columns: readonly Float64Array[];
  /** Bit i is set when input i has its own point at this instant. Undefined: every input has one at every instant. */
  readonly own: Uint32Array | undefined;
}
