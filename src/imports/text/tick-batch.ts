/** Bytes that can be read from any place on, as often as need be. */
export interface ByteSource {
  /** For guesses: 'prices.csv.gz'. */
  readonly filename: string;
  readonly size: number;
  read(from: number): AsyncIterable<Buffer>;
}

/** A place between two rows, from which reading can go on later, in another process too. */
export interface FilePosition {
  /** Of the file as it was unpacked and made UTF-8, how many bytes lie before it. */
  readonly byte: number;
  /** The number of the next line, from 1 on. */
  readonly line: number;
  /** How many rows lie before it, the header not counted. */
  readonly row: number;
}

export const startOfFile: FilePosition = { byte: 0, line: 1, row: 0 };

export interface RejectedCell {
  readonly line: number;
  /** The name of the column; null: the row as a whole. */
  readonly column: string | null;
  readonly reason: string;
}

/** Rows that were read together: each tick is one value of one series. */
export interface TickBatch {
  /** How many rows these were, the refused ones among them. */
  readonly rows: number;
  /** Keys that `series` counts in; they only grow from batch to batch of one reader. */
  readonly keys: readonly string[];
  readonly count: number;
  /** Of each tick: the index of its key, its instant in microseconds, its value, its size (NaN: none), its line. */
  readonly series: Int32Array;
  readonly t: Float64Array;
  readonly value: Float64Array;
  /** undefined: none of them has one. */
  readonly size: Float64Array | undefined;
  readonly line: Float64Array;
  readonly rejects: readonly RejectedCell[];
  /** Where reading goes on behind them. */
  readonly end: FilePosition;
  /** How many bytes of the file as it lies there were read for it so far. */
  readonly bytes: number;
}
