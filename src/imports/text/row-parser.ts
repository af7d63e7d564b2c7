/** Finds the cells of one row after another in a buffer. */
export interface RowParser {
  /** The start and end of each cell; for an object, of the members that are columns. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly cells: number;
  /** The number of lines of the row. */
  readonly lines: number;
  /** The index of the invalid cell, the number of cells when the row as a whole is invalid, or -1. */
  readonly badCell: number;
  readonly problem: string;
  /** The number of lines before a quote that is not closed, or -1. */
  readonly openLines: number;
  /**
   * Returns the start of the next row, or -1 when this one is incomplete. With `last`, no bytes follow `to`. The byte
   * at `to` must be a line feed that is not part of the text.
   */
  split(bytes: Uint8Array, from: number, to: number, last: boolean): number;
  /** Unescapes the cells of a complete row in place. */
  unescape(bytes: Uint8Array): void;
}
