/** The points of one series in ascending order. */
export interface Columns {
  /** Milliseconds since 1970; the fraction holds microseconds. */
  readonly t: Float64Array;
  readonly value: Float64Array;
  /** NaN: this point has no size. Absent while no point has one. */
  readonly size?: Float64Array;
}

/** Points as JSON represents them. */
export interface JsonPoints {
  readonly t: readonly number[];
  readonly value: readonly number[];
  readonly size: readonly (number | null)[] | null;
}

const leastCapacity = 64;

/**
 * The points of one series in arrays that grow by doubling. A returned `view` never changes: appending writes behind
 * it, and any other change goes to new arrays.
 */
export class GrowingColumns {
  #t: Float64Array;
  #value: Float64Array;
  #size: Float64Array | undefined;
  #length: number;
  /** The length of the part that a view has exposed. */
  #shown = 0;
  #view: Columns | undefined;

  constructor(held?: Columns) {
    this.#t = held ? held.t.slice() : new Float64Array(leastCapacity);
    this.#value = held ? held.value.slice() : new Float64Array(leastCapacity);
    this.#size = held?.size?.slice();
    this.#length = held ? held.t.length : 0;
  }

  view(): Columns {
    const length = this.#length;
    this.#shown = Math.max(this.#shown, length);
    this.#view ??= {
      t: this.#t.subarray(0, length),
      value: this.#value.subarray(0, length),
      ...(this.#size && { size: this.#size.subarray(0, length) }),
    };
    return this.#view;
  }

  /** Replaces all points in [from, to). Returns the first changed index, or undefined when nothing changed. */
  replace(from: number | null, to: number | null, points: JsonPoints): number | undefined {
    const count = points.t.length;
    const start = from === null ? 0 : this.#indexOf(from);
    const end = to === null ? this.#length : Math.max(start, this.#indexOf(to));
    let same = 0;
    while (same < count && start + same < end && this.#isSame(start + same, points, same)) same++;
    if (same === count && start + same === end) return undefined;
    const changedFrom = start + same;
    this.#move(changedFrom, end, start + count);
    this.#t.set(same === 0 ? points.t : points.t.slice(same), changedFrom);
    this.#value.set(same === 0 ? points.value : points.value.slice(same), changedFrom);
    this.#setSizes(points.size, same, start, count);
    this.#view = undefined;
    return changedFrom;
  }

  /** Moves the points from `end` on to `newEnd`, and makes everything from `first` on writable. */
  #move(first: number, end: number, newEnd: number): void {
    const length = this.#length - end + newEnd;
    const capacity = this.#t.length;
    if (length > capacity || first < this.#shown) {
      const wanted = length > capacity ? Math.max(2 * capacity, length, leastCapacity) : capacity;
      const moved = (from: Float64Array) => {
        const into = new Float64Array(wanted);
        into.set(from.subarray(0, first));
        into.set(from.subarray(end, this.#length), newEnd);
        return into;
      };
      this.#t = moved(this.#t);
      this.#value = moved(this.#value);
      this.#size &&= moved(this.#size);
      this.#shown = 0;
    } else if (newEnd !== end) {
      for (const column of [this.#t, this.#value, this.#size]) column?.copyWithin(newEnd, end, this.#length);
    }
    this.#length = length;
  }

  #setSizes(size: JsonPoints['size'], same: number, start: number, count: number): void {
    if (size && !this.#size) this.#size = new Float64Array(this.#t.length).fill(Number.NaN);
    if (!this.#size) return;
    for (let i = same; i < count; i++) this.#size[start + i] = size?.[i] ?? Number.NaN;
  }

  #isSame(index: number, points: JsonPoints, i: number): boolean {
    return (
      this.#t[index] === points.t[i] &&
      Object.is(this.#value[index], points.value[i]) &&
      Object.is(this.#size?.[index] ?? Number.NaN, points.size?.[i] ?? Number.NaN)
    );
  }

  /** The first index at or after an instant. */
  #indexOf(t: number): number {
    let low = 0;
    let high = this.#length;
    // Most new points follow all present ones.
    if (high === 0 || this.#t[high - 1] < t) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#t[middle] < t) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
