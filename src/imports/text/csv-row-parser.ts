import type { RowParser } from './row-parser.ts';

const lf = 10;
const cr = 13;

/**
 * Finds the cells of CSV rows by RFC 4180, with any delimiter and quote of one byte. A quote of -1 disables quoting.
 */
export class CsvRowParser implements RowParser {
  starts = new Int32Array(64);
  ends = new Int32Array(64);
  cells = 0;
  lines = 0;
  badCell = -1;
  problem = '';
  openLines = -1;
  readonly #delimiter: number;
  readonly #quote: number;
  /** 1 for each byte that ends or invalidates an unquoted cell. */
  readonly #special = new Uint8Array(256);
  /** 1 for each byte with a meaning inside quotes. */
  readonly #inner = new Uint8Array(256);
  /** The cells that contain doubled quotes. */
  readonly #doubled: number[] = [];

  constructor(delimiter: number, quote: number) {
    this.#delimiter = delimiter;
    this.#quote = quote;
    for (const code of [delimiter, lf, cr]) this.#special[code] = 1;
    if (quote >= 0) this.#special[quote] = 1;
    for (const code of [quote, lf, cr]) this.#inner[code] = 1;
  }

  split(bytes: Uint8Array, from: number, to: number, last: boolean): number {
    const special = this.#special;
    const delimiter = this.#delimiter;
    let { starts, ends } = this;
    let at = from;
    let cell = 0;
    this.lines = 1;
    this.badCell = -1;
    this.openLines = -1;
    if (this.#doubled.length > 0) this.#doubled.length = 0;
    for (;;) {
      if (cell === starts.length) {
        this.#grow();
        ({ starts, ends } = this);
      }
      if (bytes[at] === this.#quote && at < to) {
        this.cells = cell + 1;
        at = this.#quoted(bytes, at, to, last, cell);
        if (at < 0) return -1;
      } else {
        starts[cell] = at;
        // The byte at `to` is a line feed, so this loop always ends.
        while (special[bytes[at]] === 0) at++;
        if (at < to && bytes[at] === this.#quote) at = this.#spoiled(bytes, at, to, cell);
        ends[cell] = at;
      }
      cell++;
      if (at >= to) {
        this.cells = cell;
        return last ? to : -1;
      }
      const code = bytes[at++];
      if (code === delimiter) continue;
      this.cells = cell;
      if (code === lf) return at;
      if (at === to) return last ? at : -1;
      return bytes[at] === lf ? at + 1 : at;
    }
  }

  /**
   * Parses a cell whose quote opens at `from`. Returns the position of the byte that ends the cell, or -1 when the cell
   * is incomplete.
   */
  #quoted(bytes: Uint8Array, from: number, to: number, last: boolean, cell: number): number {
    const quote = this.#quote;
    const inner = this.#inner;
    const openedAfter = this.lines - 1;
    let doubled = false;
    let at = from + 1;
    for (; ; at++) {
      while (inner[bytes[at]] === 0) at++;
      if (at >= to) {
        this.openLines = openedAfter;
        return -1;
      }
      if (bytes[at] === lf || (bytes[at] === cr && bytes[at + 1] !== lf)) this.lines++;
      if (bytes[at] !== quote) continue;
      if (at + 1 === to && !last) return -1;
      if (at + 1 === to || bytes[at + 1] !== quote) break;
      doubled = true;
      at++;
    }
    this.starts[cell] = from + 1;
    this.ends[cell] = at;
    const behind = at + 1;
    if (behind < to && this.#special[bytes[behind]] === 0) {
      this.#bad(cell, 'text stands behind the closing quote');
      return this.#plainEnd(bytes, behind, to);
    }
    // An incomplete row is parsed again later, so unescaping waits until the row is complete.
    if (doubled) this.#doubled.push(cell);
    return behind;
  }

  /** Replaces each doubled quote by one, in place. */
  unescape(bytes: Uint8Array): void {
    if (this.#doubled.length === 0) return;
    for (const cell of this.#doubled) {
      let out = this.starts[cell];
      for (let at = out; at < this.ends[cell]; at++) {
        bytes[out++] = bytes[at];
        if (bytes[at] === this.#quote) at++;
      }
      this.ends[cell] = out;
    }
    this.#doubled.length = 0;
  }

  #spoiled(bytes: Uint8Array, at: number, to: number, cell: number): number {
    this.#bad(
      cell,
      'a quote stands inside a cell that does not begin with one: put the whole cell in quotes and double it',
    );
    return this.#plainEnd(bytes, at, to);
  }

  #plainEnd(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    while (at < to && (this.#special[bytes[at]] === 0 || bytes[at] === this.#quote)) at++;
    return at;
  }

  #bad(cell: number, problem: string): void {
    if (this.badCell >= 0) return;
    this.badCell = cell;
    this.problem = problem;
  }

  #grow(): void {
    const length = this.starts.length * 2;
    const starts = new Int32Array(length);
    const ends = new Int32Array(length);
    starts.set(this.starts);
    ends.set(this.ends);
    this.starts = starts;
    this.ends = ends;
  }
}
