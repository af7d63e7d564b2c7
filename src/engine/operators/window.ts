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
  /** Instants; empty for a window of points that did not ask for them. */
  t: Float64Array = new Float64Array(0);
  /** Of each row of the run: where the window begins once that row is in it. */
  starts: Int32Array = new Int32Array(0);
  /** The first row of the run; rows of earlier runs lie below. */
  first = 0;
  /** Where the window began before the run. */
  head = 0;
  /** How many rows were dropped before index 0. */
  origin = 0;
  /** So many rows must be in the window for it to give a point: all n of a window of points. */
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

  /** Takes rows in, from the one at `at` on, and says how many: at least one. All their values are known. */
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
    // Not exact past the last instant there is, but past it all the same.
    let end = t[start] + micros;
    for (let k = 0; k < count; k++) {
      const now = t[first + k];
      while (now >= end) end = t[++start] + micros;
      starts[k] = start;
    }
    return start;
  }

  /** Drops what has left; moves to arrays of another size when too few or too many rows had left for that to be worth it. */
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

/** The first row of which every value is known; the ones before give no point. An input once known stays known. */
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

/** The parameter that every operator over a window has. */
export function windowParameter(rowsMin = 1): Parameter {
  return {
    name: 'window',
    type: 'window',
    min: rowsMin,
    meaning: 'How far it looks back: (t - window, t], as 90s, or so many points, as 20p.',
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
