import { ExactSum } from './exact-sum.ts';
import type { Points } from './versions.ts';

/**
 * A summary of a set of points. The order of additions makes no difference to the bits: sums are exact, and of equal
 * extremes the earliest counts.
 */
export class Tally {
  count = 0;
  firstT = Number.POSITIVE_INFINITY;
  first = Number.NaN;
  lastT = Number.NEGATIVE_INFINITY;
  last = Number.NaN;
  lastRevision = 0;
  minT = Number.POSITIVE_INFINITY;
  min = Number.POSITIVE_INFINITY;
  maxT = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  /** The number of points with a size. */
  sizes = 0;
  readonly sum = new ExactSum();
  readonly volume = new ExactSum();

  /** Adds the point at an index of `points`. */
  add(points: Points, i: number): void {
    const value = points.value[i];
    this.addExtremes(points, i);
    this.sum.add(value);
    const size = points.size?.[i];
    if (size !== undefined && !Number.isNaN(size)) {
      this.sizes++;
      this.volume.add(size);
    }
  }

  /** Like `add`, without the sums. */
  addExtremes(points: Points, i: number): void {
    const t = points.t[i];
    const value = points.value[i];
    this.count++;
    if (t < this.firstT) {
      this.firstT = t;
      this.first = value;
    }
    if (t > this.lastT) {
      this.lastT = t;
      this.last = value;
      this.lastRevision = points.revision[i];
    }
    this.seeLow(t, value);
    this.seeHigh(t, value);
  }

  seeLow(t: number, value: number): void {
    if (value < this.min || (value === this.min && t < this.minT)) {
      this.min = value;
      this.minT = t;
    }
  }

  seeHigh(t: number, value: number): void {
    if (value > this.max || (value === this.max && t < this.maxT)) {
      this.max = value;
      this.maxT = t;
    }
  }

  /** Adds a tally that `packTally` packed, from an offset of an array on. */
  addPacked(packed: Float64Array): void {
    const [count, firstT, first, lastT, last, lastRevision, minT, min, maxT, max, sizes, terms] = packed;
    if (count === 0) return;
    this.count += count;
    if (firstT < this.firstT) {
      this.firstT = firstT;
      this.first = first;
    }
    if (lastT > this.lastT) {
      this.lastT = lastT;
      this.last = last;
      this.lastRevision = lastRevision;
    }
    this.seeLow(minT, min);
    this.seeHigh(maxT, max);
    this.sizes += sizes;
    this.sum.addExpansion(packed.subarray(12, 12 + terms));
    this.volume.addExpansion(packed.subarray(12 + terms));
  }

  /** Adds the part of a packed tally that the `packedExtremes` slice contains. */
  addPackedExtremes(extremes: Float64Array): void {
    if (extremes.length === 0) return;
    const [minT, min, maxT, max] = extremes;
    this.seeLow(minT, min);
    this.seeHigh(maxT, max);
  }

  mean(): number {
    return this.sum.mean(this.count);
  }
}

/** The slice of a packed tally that holds the extremes, in SQL. */
export const packedExtremes = '[7:10]';

/** Packs a tally into one array of numbers, so that a block's summary is one column. `Tally.addPacked` reads it. */
export function packTally(tally: Tally): number[] {
  const sum = tally.sum.expansion();
  const { count, firstT, first, lastT, last, lastRevision, minT, min, maxT, max, sizes } = tally;
  if (count === 0) return [0];
  return [
    count,
    firstT,
    first,
    lastT,
    last,
    lastRevision,
    minT,
    min,
    maxT,
    max,
    sizes,
    sum.length,
    ...sum,
    ...tally.volume.expansion(),
  ];
}

/** The lowest and highest point of a part of a block. A part ends where the next one starts. */
export interface Chunk {
  readonly fromT: number;
  readonly minT: number;
  readonly min: number;
  readonly maxT: number;
  readonly max: number;
}

const chunkFields = 5;

/**
 * The extremes of each chunk of versions of a block, packed into one array of numbers. A chunk never splits an instant.
 */
export function packChunks(instants: Float64Array, points: Points, chunkVersions: number): number[] {
  const packed: number[] = [];
  let p = 0;
  for (let start = 0; start < instants.length; ) {
    let end = Math.min(start + chunkVersions, instants.length);
    while (end < instants.length && instants[end] === instants[end - 1]) end++;
    const tally = new Tally();
    while (p < points.t.length && points.t[p] <= instants[end - 1]) tally.addExtremes(points, p++);
    packed.push(instants[start], tally.minT, tally.min, tally.maxT, tally.max);
    start = end;
  }
  return packed;
}

export function unpackChunks(packed: Float64Array): Chunk[] {
  const chunks: Chunk[] = [];
  for (let i = 0; i < packed.length; i += chunkFields) {
    const [fromT, minT, min, maxT, max] = packed.subarray(i, i + chunkFields);
    chunks.push({ fromT, minT, min, maxT, max });
  }
  return chunks;
}
