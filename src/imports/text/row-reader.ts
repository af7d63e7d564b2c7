import { Fault } from '../../engine/fault.ts';
import { type ReadBuffer, rowBytesMax } from './read-buffer.ts';
import type { RowParser } from './row-parser.ts';
import type { FilePosition } from './tick-batch.ts';

const lf = 10;
const cr = 13;

/** Reads the rows of a text in constant memory. It skips empty lines. */
export class RowReader {
  /** The cells of the last row. */
  readonly rows: RowParser;
  readonly window: ReadBuffer;
  /** The number of the first line of the last row. */
  line = 0;
  /** The number of the line after the last row. */
  nextLine: number;
  readonly #nameOf: (cell: number) => string;
  #row: number;
  /** True when the buffer must be filled before the next row can be read. */
  #wanting = true;

  constructor(window: ReadBuffer, rows: RowParser, from: FilePosition, nameOf: (cell: number) => string) {
    this.window = window;
    this.rows = rows;
    this.#nameOf = nameOf;
    this.nextLine = from.line;
    this.#row = from.row;
  }

  /** The position between the last row and the next one. */
  get place(): FilePosition {
    return { byte: this.window.place, line: this.nextLine, row: this.#row };
  }

  /** Reads the next row in memory. Returns false when there is none; `fill` may bring more. */
  next(): boolean {
    const { window, rows } = this;
    if (this.#wanting) return false;
    const { bytes, end, done } = window;
    let { at } = window;
    while (at < end && (bytes[at] === lf || bytes[at] === cr)) {
      const pair = bytes[at] === cr && bytes[at + 1] === lf;
      if (pair || bytes[at] === cr) {
        // A carriage return at the end of the buffer may be followed by a line feed.
        if (at + 1 === end && !done) break;
        if (pair && at + 1 < end) at++;
      }
      at++;
      this.nextLine++;
    }
    window.at = at;
    const next = at === end ? -1 : rows.split(bytes, at, end, done);
    if (next - at > rowBytesMax || next > window.badAt) this.#refuse(at);
    if (next < 0) {
      if (done && at < end) this.#refuse(at);
      if (end - at > rowBytesMax) this.#refuse(at);
      this.#wanting = true;
      return false;
    }
    rows.unescape(bytes);
    this.line = this.nextLine;
    this.nextLine += rows.lines;
    this.#row++;
    window.at = next;
    return true;
  }

  /** Skips a row of one line that another parser has read. It ends at `at` in the buffer. */
  leave(at: number): void {
    this.line = this.nextLine++;
    this.#row++;
    this.window.at = at;
  }

  /** Fills the buffer. Returns false when the text has ended and all rows were read. */
  async fill(): Promise<boolean> {
    if (this.window.done) return false;
    await this.window.fill();
    this.#wanting = false;
    return true;
  }

  /** Treats the last row as the header, which does not count as a row. */
  forgetHeader(): void {
    this.#row--;
  }

  /** True when the text ends with the last row, without a line break. */
  get atTornEnd(): boolean {
    const { bytes, at, end, done } = this.window;
    return done && at === end && at > 0 && bytes[at - 1] !== lf && bytes[at - 1] !== cr;
  }

  /** Throws the reason why the row at `at` cannot be read: invalid bytes, or no end within the buffer. */
  #refuse(at: number): never {
    const { rows, window } = this;
    const { bytes, badAt } = window;
    const limit = Math.min(window.end, at + rowBytesMax);
    if (badAt < limit) {
      const byte = bytes[badAt].toString(16).padStart(2, '0');
      const line = this.nextLine + breaksIn(bytes, at, badAt);
      bytes[badAt] = lf;
      rows.split(bytes, at, badAt, false);
      const cell = lastCell(rows, badAt);
      throw unreadable(
        `line ${line}, column ${this.#nameOf(cell)}: the byte 0x${byte} is not UTF-8: name the encoding of the file, such as windows-1252`,
      );
    }
    bytes[limit] = lf;
    rows.split(bytes, at, limit, false);
    const column = this.#nameOf(lastCell(rows, limit));
    if (rows.openLines >= 0) {
      const where = limit === window.end && window.done ? 'before the file ends' : 'within 1 MiB';
      throw unreadable(
        `line ${this.nextLine + rows.openLines}, column ${column}: the quote that opens here is not closed ${where}`,
      );
    }
    throw unreadable(`line ${this.nextLine}, column ${column}: the line is longer than 1 MiB`);
  }
}

function unreadable(problem: string): Fault {
  return new Fault('BAD_USER_INPUT', `This file cannot be read: ${problem}.`);
}

/** The cell in which a row that was split up to `limit` breaks off. */
function lastCell(rows: RowParser, limit: number): number {
  let cell = 0;
  while (cell + 1 < rows.cells && rows.starts[cell + 1] <= limit) cell++;
  return cell;
}

function breaksIn(bytes: Uint8Array, from: number, to: number): number {
  let breaks = 0;
  for (let at = from; at < to; at++) if (bytes[at] === lf || (bytes[at] === cr && bytes[at + 1] !== lf)) breaks++;
  return breaks;
}
