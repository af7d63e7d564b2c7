import type { Rows } from './rows.ts';

/**
 * The extent of an operator's memory. If rows before an instant c change, the outputs can differ up to:
 * - rows n: the n-th row at or after c, which is the first unaffected one (0: c itself, for a pointwise operator);
 * - time W: c + W, for windows (t - W, t];
 * - asOf d: the first row at or after c, plus d, for values as of t - d;
 * - forever: no limit, unless the state becomes the same again.
 */
export type Memory =
  | { readonly kind: 'rows'; readonly rows: number }
  | { readonly kind: 'time'; readonly micros: number }
  | { readonly kind: 'asOf'; readonly micros: number }
  | { readonly kind: 'forever' };

/**
 * Runs over rows once, from some row on, and gives the value at each; NaN means no point. Equal rows give equal bits,
 * however they are split into calls. The caller owns the rows, so a runner copies what it needs later. A runner with
 * limited memory gives the same as one from the beginning as soon as its memory is filled.
 */
export interface Runner {
  run(rows: Rows, out: Float64Array): void;
  /** The approximate number of bytes in memory. */
  bytes(): number;
  /**
   * The complete state of a runner with unlimited memory, as numbers. If two states are equal (Object.is), their future
   * outputs are equal.
   */
  state?(): number[];
  restore?(state: readonly number[]): void;
}

/**
 * Runs over the rows of one bucket. The caller reads the value when the bucket ends or the data ends inside it. NaN
 * means no point.
 */
export interface BucketRunner {
  /** Resets the runner for a new bucket. */
  clear(): void;
  add(column: Float64Array, from: number, to: number): void;
  value(): number;
}

/** `60s` is a duration in microseconds, `20p` a number of points. */
export type Window = { readonly micros: number } | { readonly points: number };

/** The type of the argument that a formula gives for a parameter. */
type ParameterType =
  /** A formula, which becomes an input. */
  | 'series'
  /** The key of a source series: an operator that needs sizes accepts nothing else. */
  | 'ticks'
  | 'window'
  | 'duration'
  /** A whole number. */
  | 'count'
  | 'number'
  /** One of `words`. */
  | 'word';

export interface Parameter {
  readonly name: string;
  readonly type: ParameterType;
  readonly meaning: string;
  /** Only for the last parameter of type 'series': the formula may give several. */
  readonly repeats?: boolean;
  /** The argument may be missing. Then the runner gets `fallback`, or `undefined` without one. */
  readonly optional?: boolean;
  readonly fallback?: Argument;
  /** For counts and numbers: inclusive bounds. For windows: the least number of points. */
  readonly min?: number;
  readonly max?: number;
  /** A bound that excludes `min` itself. */
  readonly aboveMin?: boolean;
  readonly words?: readonly string[];
}

/** Windows and durations as above, durations in microseconds. */
export type Argument = number | string | Window;

/** The arguments that are not series, by parameter name. A missing one without fallback is undefined. */
export type Arguments = Readonly<Record<string, Argument | undefined>>;

/** A worked example, which a test runs and the documentation shows. Its instants are in seconds for readability. */
export interface Example {
  readonly formula: string;
  readonly inputs: Readonly<Record<string, readonly (readonly [t: number, value: number, size?: number])[]>>;
  readonly output: readonly (readonly [t: number, value: number])[];
}

interface Declaration {
  readonly name: string;
  readonly group: 'arithmetic' | 'window' | 'pair' | 'recursive' | 'shift' | 'bucket' | 'join';
  /** The meaning, in one sentence. */
  readonly meaning: string;
  /** In the order of positional arguments. */
  readonly parameters: readonly Parameter[];
  /** The start: for recursive operators the seed, for windows the value of a window that is not full. */
  readonly warmUp: string;
  /** The conditions under which it gives no point. */
  readonly missing: string;
  readonly examples: readonly Example[];
  /** Traps, other conventions, the cost of a correction: one paragraph of Markdown each. A test parses the formulas in them. */
  readonly notes?: readonly string[];
  /** The reason why these arguments contradict each other; undefined when they do not. */
  readonly refuse?: (given: Arguments) => { readonly parameter: string; readonly problem: string } | undefined;
}

/** An operator with outputs at instants of its inputs. */
export interface RowOperator extends Declaration {
  readonly kind: 'row';
  /**
   * How rows are joined from several inputs. 'union' (the default): a row at every instant of any input, with last
   * known values. 'same': only instants at which every input has a point.
   */
  readonly join?: 'union' | 'same' | undefined;
  memory(given: Arguments): Memory;
  /**
   * The rows of its memory that a value is computed from, when it does not use all of them: the row at the far end, or
   * that one and the current row.
   */
  readonly counts?: 'farEnd' | 'bothEnds' | undefined;
  open(given: Arguments): Runner;
}

/** An operator that gives one point for each bucket [k * width, (k + 1) * width) that holds rows, at its start. */
export interface BucketOperator extends Declaration {
  readonly kind: 'bucket';
  widthMicros(given: Arguments): number;
  open(given: Arguments): BucketRunner;
}

/**
 * An operator of the formula language. A parameter of type 'ticks' stands for two inputs of a row operator, the values
 * and then the sizes; with `takes: 'size'` it stands for the sizes alone.
 */
export type Operator = (RowOperator | BucketOperator) & { readonly takes?: 'size' };
