/** A source of bytes that can be read from any offset, any number of times. */
export interface ByteSource {
  /** Helps the guesses: 'prices.csv.gz'. */
  readonly filename: string;
  readonly size: number;
  read(from: number): AsyncIterable<Buffer>;
}

/** A position between two rows, from which any process can continue reading. */
export interface FilePosition {
  /** The number of bytes before it, in the unpacked UTF-8 text. */
  readonly byte: number;
  /** The number of the next line, starting at 1. */
  readonly line: number;
  /** The number of rows before it, without the header. */
  readonly row: number;
}

export const startOfFile: FilePosition = { byte: 0, line: 1, row: 0 };

export interface RejectedCell {
  readonly line: number;
  /** The name of the column; null for the whole row. */
  readonly column: string | null;
  readonly reason: string;
}

/** The ticks of consecutive rows. Each tick is one value of one series. */
export interface TickBatch {
  /** The number of rows, including rejected ones. */
  readonly rows: number;
  /** The keys that `series` refers to by index. A reader only appends to them. */
  readonly keys: readonly string[];
  readonly count: number;
  /** For each tick: the index of its key, its instant in microseconds, its value, its size (NaN for none), its line. */
  readonly series: Int32Array;
  readonly t: Float64Array;
  readonly value: Float64Array;
  /** Undefined when no tick has a size. */
  readonly size: Float64Array | undefined;
  readonly line: Float64Array;
  readonly rejects: readonly RejectedCell[];
  /** The position after these rows. */
  readonly end: FilePosition;
  /** The number of bytes read from the file, before unpacking. */
  readonly bytes: number;
}
