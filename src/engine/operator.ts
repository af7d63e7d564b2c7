import type { Rows } from './rows.ts';

/**
 * How much of its past an operator remembers. If rows before an instant c were other ones, the outputs differ at most
 * up to:
 * - rows n: the n-th row at or after c is the first that does not see them (0: c itself, for a pointwise operator);
 * - time W: c + W, for windows (t - W, t];
 * - asOf d: the first row at or after c, and d later, for values as of t - d;
 * - forever: never, unless the state happens to be the same again.
 */
export type Memory =
  | { readonly kind: 'rows'; readonly rows: number }
  | { readonly kind: 'time'; readonly micros: number }
  | { readonly kind: 'asOf'; readonly micros: number }
  | { readonly kind: 'forever' };

/**
 * Goes through rows once, from some row on, and gives the value at each; NaN: no point there. The same rows give the
 * same bits however they are cut into calls. Rows belong to the caller: what is needed later is copied. A runner with
 * less memory than 'forever' gives what it would have given from the beginning as soon as its memory is filled.
 */
export interface Runner {
  run(rows: Rows, out: Float64Array): void;
  /** Roughly how many bytes it holds. */
  bytes(): number;
  /** Of one that remembers forever: all that it knows, as numbers that compare equal (Object.is) when the future is the same. */
  state?(): number[];
  restore?(state: readonly number[]): void;
}

/** Goes through the rows of one bucket; the value is asked at its end, or when the data ends within it. NaN: no point. */
export interface BucketRunner {
  /** Forgets everything: a new bucket begins. */
  clear(): void;
  add(column: Float64Array, from: number, to: number): void;
  value(): number;
}

/** `60s` is a duration in microseconds, `20p` a number of points. */
export type Window = { readonly micros: number } | { readonly points: number };

/** What stands for a parameter in a formula. */
export type ParameterType =
  /** A formula: an input. */
  | 'series'
  /** A reference to a source series by its key: an operator that needs sizes takes no other. */
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
  /** Only the last one of type 'series': it can be given again and again. */
  readonly repeats?: boolean;
  /** Can be left out: `fallback` is taken then, or, without one, `undefined` is given. */
  readonly optional?: boolean;
  readonly fallback?: Argument;
  /** Of counts and numbers: inclusive bounds. Of windows: the least number of points. */
  readonly min?: number;
  readonly max?: number;
  /** `min` itself is refused. */
  readonly aboveMin?: boolean;
  readonly words?: readonly string[];
}

/** Windows and durations as above, durations in microseconds. */
export type Argument = number | string | Window;

/** Arguments that are not series, by the name of their parameter; undefined where left out without a fallback. */
export type Arguments = Readonly<Record<string, Argument | undefined>>;

/** A worked example; a test runs each, the documentation shows it. Instants in seconds, to be read easily. */
export interface Example {
  readonly formula: string;
  readonly inputs: Readonly<Record<string, readonly (readonly [t: number, value: number, size?: number])[]>>;
  readonly output: readonly (readonly [t: number, value: number])[];
}

interface Declaration {
  readonly name: string;
  readonly group: 'arithmetic' | 'window' | 'pair' | 'recursive' | 'shift' | 'bucket' | 'join';
  /** One sentence: what it gives. */
  readonly meaning: string;
  /** In the order in which they can be written without their names. */
  readonly parameters: readonly Parameter[];
  /** How it starts: of recursive ones the seed, of windows what a window that is not full gives. */
  readonly warmUp: string;
  /** Where it gives no point. */
  readonly missing: string;
  readonly examples: readonly Example[];
  /** Why these arguments make no sense together; undefined when they do. */
  readonly refuse?: (given: Arguments) => { readonly parameter: string; readonly problem: string } | undefined;
}

/** An operator whose output stands at instants of its inputs. */
export interface RowOperator extends Declaration {
  readonly kind: 'row';
  /**
   * How the rows of several inputs are made: 'union' of their instants, each input as last known; 'same': only the
   * instants at which every input has a point. 'union' when left out.
   */
  readonly join?: 'union' | 'same' | undefined;
  memory(given: Arguments): Memory;
  /**
   * What of its memory a value is computed from, when that is not all of it: the row at its far end, or that one and the
   * row at hand.
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
 * What an operator of the formula language is. A parameter of type 'ticks' stands for two inputs: the values and, behind
 * them, the sizes, for a row operator; `takes: 'size'` gives the sizes alone.
 */
export type Operator = (RowOperator | BucketOperator) & { readonly takes?: 'size' };
