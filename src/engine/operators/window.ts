import type { Memory, Parameter, Window } from '../operator.ts';
import type { Rows } from '../rows.ts';

/**
 * The rows of a window, (t - W, t] or the last n, in columns. Rows are taken in by runs of up to `runMax`, so that a
 * loop goes through plain arrays whatever the window is and however the rows were cut into calls:
 *
 *     for (let at = skipUnknown(rows, out); at < rows.length; ) {
 *       const count = held.take(rows, at);
 *       const { first, starts, columns: [x] } = held;
 *       let leaving = held.head;
 *       for (let k = 0; k < count; k++) {
 *         for (const start = starts[k]; leaving < start; leaving++) { ... x[leaving] leaves ... }
 *         ... x[first + k] enters: the window is x[starts[k]] to x[first + k] ...
 *         out[at + k] = ...;
 *       }
 *       at += count;
 *     }
 *
 * Indices are valid until the next `take`, as are the arrays; `origin + index` counts rows for ever.
 */
export class WindowRows {
  /** One array for each column of the rows. */
  readonly columns: Float64Array[] = [];
  /** Instants; empty for a window of points whose operator does not need them. */
  t: Float64Array = new Float64Array(0);
  /** For each row of the run, the start of the window that ends with it. */
  starts: Int32Array = new Int32Array(0);
  /** The first row of the run; earlier rows have lower indices. */
  first = 0;
  /** The start of the window before the run. */
  head = 0;
  /** The number of rows dropped before index 0. */
  origin = 0;
  /** The number of rows that a window needs to give a point: all n for a window of points. */
  readonly rowsMin: number;

  readonly #micros: number;
  readonly #points: number;
  readonly #holdsT: boolean;
  #capacity = 0;
  #tail = 0;
  #start = 0;

  constructor(window: Window, columnCount: number, needs: { readonly t: boolean } = { t: false }) {
    this.#micros = 'micros' in window ? window.micros : 0;
    this.#points = 'points' in window ? window.points : 0;
    this.rowsMin = Math.max(1, this.#points);
    this.#holdsT = needs.t || this.#micros > 0;
    for (let i = 0; i < columnCount; i++) this.columns.push(new Float64Array(0));
  }

  /** Takes in rows from `at` on and returns their number, at least one. All their values must be known. */
  take(rows: Rows, at: number): number {
    const count = Math.min(runMax, rows.length - at);
    this.head = this.#start;
    if (this.#tail + count > this.#capacity) this.#makeRoom(count);
    if (this.starts.length < count) this.starts = new Int32Array(Math.min(runMax, count * 2));
    const tail = this.#tail;
    if (this.#holdsT) copy(rows.t, at, this.t, tail, count);
    for (let i = 0; i < this.columns.length; i++) copy(rows.columns[i], at, this.columns[i], tail, count);
    this.first = tail;
    this.#tail = tail + count;
    this.#start = this.#points > 0 ? this.#startsByPoints(count) : this.#startsByTime(count);
    return count;
  }

  bytes(): number {
    return 200 + this.t.byteLength + this.columns.length * (100 + this.#capacity * 8) + this.starts.byteLength;
  }

  #startsByPoints(count: number): number {
    const starts = this.starts;
    const before = this.first + 1 - this.#points;
    let start = this.head;
    for (let k = 0; k < count; k++) {
      if (before + k > start) start = before + k;
      starts[k] = start;
    }
    return start;
  }

  #startsByTime(count: number): number {
    const { t, starts, first } = this;
    const micros = this.#micros;
    let start = this.head;
    // Past the last instant this is not exact, but it stays past it.
    let end = t[start] + micros;
    for (let k = 0; k < count; k++) {
      const now = t[first + k];
      while (now >= end) end = t[++start] + micros;
      starts[k] = start;
    }
    return start;
  }

  /** Drops rows that have left the window, and resizes the arrays when that pays off. */
  #makeRoom(count: number): void {
    const held = this.#tail - this.#start;
    const needed = held + count;
    const capacity = this.#capacity;
    const fits = needed <= capacity * 0.75 && needed >= capacity * 0.125;
    const size = fits ? capacity : Math.max(roomMin, Math.ceil(needed * 1.5));
    if (this.#holdsT) this.t = moved(this.t, this.#start, this.#tail, size);
    for (let i = 0; i < this.columns.length; i++) {
      this.columns[i] = moved(this.columns[i], this.#start, this.#tail, size);
    }
    this.#capacity = size;
    this.origin += this.#start;
    this.#tail = held;
    this.#start = 0;
    this.head = 0;
  }
}

/** The first row whose values are all known. Earlier rows give no point. A known input stays known. */
export function skipUnknown({ length, columns }: Rows, out: Float64Array): number {
  let at = 0;
  for (const column of columns) {
    while (at < length && Number.isNaN(column[at])) at++;
  }
  out.fill(Number.NaN, 0, at);
  return at;
}

export function windowMemory(window: Window): Memory {
  return 'micros' in window ? { kind: 'time', micros: window.micros } : { kind: 'rows', rows: window.points };
}

/** The window parameter that all window operators share. */
export function windowParameter(rowsMin = 1): Parameter {
  return {
    name: 'window',
    type: 'window',
    min: rowsMin,
    meaning: 'The window (t - window, t], as 90s, or a number of points, as 20p.',
  };
}

const runMax = 256;
const roomMin = 16;

function copy(from: Float64Array, at: number, to: Float64Array, tail: number, count: number): void {
  if (count > 32) to.set(from.subarray(at, at + count), tail);
  else for (let k = 0; k < count; k++) to[tail + k] = from[at + k];
}

function moved(column: Float64Array, start: number, end: number, size: number): Float64Array {
  if (size === column.length) return column.copyWithin(0, start, end);
  const larger = new Float64Array(size);
  larger.set(column.subarray(start, end));
  return larger;
}
