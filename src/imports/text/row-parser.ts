/** Finds the cells of one row after another in bytes that lie in memory. */
export interface RowParser {
  /** Where the cells of the row begin and end; of an object, the members that are columns. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly cells: number;
  /** How many lines the row takes. */
  readonly lines: number;
  /** The cell for which the row is refused, or the number of cells: the row as a whole; -1: it is in order. */
  readonly badCell: number;
  readonly problem: string;
  /** How many lines of the row lie before its quote that is not closed; -1: all are. */
  readonly openLines: number;
  /**
   * Gives where the next row begins, or -1: this one is not whole. `last`: there are no bytes behind `to`. At `to` a
   * line feed must stand that is not one of the bytes.
   */
  split(bytes: Uint8Array, from: number, to: number, last: boolean): number;
  /** Of a row that is whole, makes the cells what they mean. */
  unescape(bytes: Uint8Array): void;
}
