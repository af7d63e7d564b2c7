import { never } from './horizon.ts';
import { maxMicros, minMicros } from './instant.ts';

/**
 * A partition of time into numbered buckets: bucket i covers [startOf(i), startOf(i + 1)). Later buckets have larger
 * numbers. A bucket without instants is empty.
 */
export interface Grid {
  /** The number of the bucket that contains t. */
  indexOf(t: number): number;
  /** The first instant of a bucket. */
  startOf(index: number): number;
}

export interface UniformGrid extends Grid {
  readonly width: number;
}

/** The length of the whole range of instants. Beyond 2^53 only even numbers are valid widths. */
const widthMax = 2 ** 54;

/**
 * A grid of buckets of equal width, one of which starts at `origin` (by default the epoch). Any other origin needs a
 * width in whole seconds and must itself be in whole seconds, because starts of other buckets need not be exact at the
 * ends of the range.
 */
export function uniformGrid(width: number, origin = 0): UniformGrid {
  if (!Number.isInteger(width) || width <= 0 || width > widthMax)
    throw new RangeError(`${width} is not a width in microseconds`);
  const startOf = (index: number): number => index * width + origin;
  const indexOf = (t: number): number => {
    const index = Math.floor((t - origin) / width) + 0; // no -0
    // At the ends of the range, t - origin can round up to the next start.
    return startOf(index) > t ? index - 1 : index;
  };
  return { width, indexOf, startOf };
}

/**
 * Where the bucket of an instant stands, on the grid of a formula: at its start. The oldest one stands at the first
 * instant there is, so its end is not that plus the width: see endOfBucket. An instant before the first one is returned
 * as it is.
 */
export function startOfBucket(t: number, width: number): number {
  if (t < minMicros) return t;
  const grid = uniformGrid(width);
  return Math.max(minMicros, grid.startOf(grid.indexOf(t)));
}

/**
 * The end of the bucket that contains an instant, on the grid of a formula. Infinite when it lies behind the last
 * instant.
 */
export function endOfBucket(t: number, width: number): number {
  const grid = uniformGrid(width);
  const index = grid.indexOf(t);
  const start = grid.startOf(index);
  // Behind the last instant, a double can round the end down to an instant inside the bucket.
  return start >= 0 && width > maxMicros + 1 - start ? never : grid.startOf(index + 1);
}

/**
 * The epoch-aligned grid with the smallest width for which [from, to) touches at most `bucketsMax` buckets. A single
 * bucket across the epoch cannot be aligned: it starts at `from`.
 */
export function gridForPoints(from: number, to: number, bucketsMax: number): UniformGrid {
  if (!Number.isSafeInteger(bucketsMax) || bucketsMax < 1)
    throw new RangeError(`${bucketsMax} is not a count of buckets`);
  const last = to - 1;
  if (last <= from) return uniformGrid(1);
  let width = Math.max(1, Math.ceil((to - from) / bucketsMax));
  for (;;) {
    const firstIndex = Math.floor(from / width);
    const lastIndex = Math.floor(last / width);
    if (lastIndex - firstIndex < bucketsMax) return uniformGrid(width);
    // Nothing changes until one of the two instants moves to another bucket.
    width = Math.min(widthWithin(from, firstIndex), widthWithin(last, lastIndex)) + 1;
    // A difference that a double cannot hold may have been rounded down.
    if (width === Number.POSITIVE_INFINITY)
      return uniformGrid(to - from > Number.MAX_SAFE_INTEGER ? to - from + 2 : to - from, from);
  }
}

/** The largest width for which t still lies in bucket `index`. For some width it must lie there. */
function widthWithin(t: number, index: number): number {
  if (index === 0 || index === -1) return Number.POSITIVE_INFINITY;
  return index > 0 ? Math.floor(t / index) : Math.ceil(t / (index + 1)) - 1;
}
