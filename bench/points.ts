import type { Column } from '../src/store/block-columns.ts';

export const startMillis = Date.UTC(2024, 0, 1);

/** The same numbers in every run. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 4294967296;
  };
}

/** A price: a random walk of cents. */
export function prices(count: number, seed: number): Float64Array {
  const random = randomOf(seed);
  const values = new Float64Array(count);
  let cents = 6_500_000;
  for (let i = 0; i < count; i++) {
    cents = Math.max(100, cents + Math.round((random() - 0.5) * 400));
    values[i] = cents / 100;
  }
  return values;
}

/** A point a second, from so many seconds after the start on; microseconds. */
export function seconds(count: number, firstSecond: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => (startMillis + (firstSecond + i) * 1000) * 1000);
}

/** What one call writes: the same number of points of each of some series, one a second. */
export interface Call {
  readonly columns: readonly { readonly series: number; readonly column: Column }[];
}

/** The calls with which `seriesCount` series grow, `points` in each call; series count from 0. */
export function callsOf(calls: number, points: number, seriesCount: number): Call[] {
  const each = points / seriesCount;
  const walks = Array.from({ length: seriesCount }, (_, series) => prices(calls * each, series + 1));
  return Array.from({ length: calls }, (_, call) => ({
    columns: walks.map((walk, series) => ({
      series,
      column: {
        t: seconds(each, call * each),
        value: walk.subarray(call * each, (call + 1) * each),
        size: undefined,
      },
    })),
  }));
}

export function keyOf(series: number): string {
  return `BENCH-${series}`;
}
