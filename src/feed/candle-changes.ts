import type { Grid } from '../engine/bucket.ts';
import { Fault } from '../engine/fault.ts';
import { type Candle, candleGrid, readCandles, readNewestInstant, wholeBuckets } from '../market/candles.ts';
import type { VersionedSource } from '../query/diff.ts';
import type { Range } from '../store/block-reads.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import type { Feed } from './feed.ts';
import type { FoldedEvent, Store } from './followed.ts';
import { Following, type FollowOptions } from './following.ts';
import { FollowedSpans } from './spans.ts';

export interface CandleChange {
  readonly span: Range;
  readonly candles: readonly Candle[];
  /** There are more candles than are sent: fetch them. */
  readonly truncated: boolean;
}

export type CandleEvent = FoldedEvent<CandleChange>;

/** What of a series is followed. */
export interface FollowedCandles {
  readonly series: SeriesRow;
  readonly intervalMicros: number;
  readonly timeZone: string;
  readonly range: Range;
  /** Through so many buckets, most of them empty, a query goes. */
  readonly bucketsMax: number;
}

export interface CandleChangesRequest extends FollowedCandles {
  readonly after: number | undefined;
}

/** A change of more candles is sent without them. */
const candlesMax = 10_000;

/** Faults of the interval and the time zone come at once. */
export function followCandles(
  store: Store,
  feed: Feed,
  request: CandleChangesRequest,
  options: FollowOptions = {},
): Following<CandleChange> {
  return new Following(feed, followedCandles(store, request), request.after, options);
}

/** Candles of a series, each whole, as a query gives them. */
export function followedCandles(
  store: Store,
  { series, intervalMicros, timeZone, range, bucketsMax }: FollowedCandles,
): FollowedSpans<CandleChange> {
  const { database } = store;
  const grid = candleGrid(intervalMicros, timeZone);
  const whole = wholeBuckets(grid, range);
  return new FollowedSpans(store, {
    series: [series],
    range: whole,
    grid,
    further: (older, newer) => turned(database, grid, whole, older, newer),
    pointsMax: 0,
    read: async (_, { storage, asOf }, span) => {
      const asked = { series: storage, intervalMicros, timeZone, range: span, last: undefined, asOf };
      try {
        const candles = await readCandles(database, asked, { candlesMax, bucketsMax });
        return { span, candles, truncated: false };
      } catch (error) {
        if (error instanceof Fault && error.code === 'TOO_EXPENSIVE') return { span, candles: [], truncated: true };
        throw error;
      }
    },
    told: (_, __, span) => ({ span, candles: [], truncated: false }),
    truncated: (_, __, span) => ({ span, candles: [], truncated: true }),
    sizeOf: ({ candles }) => candles.length,
  });
}

/**
 * The candle that became final, or ceased to be, as the last tick of the series moved: of those that hold a tick before
 * and after, it can only be the one in which the earlier of the two last ticks lies. Told is an instant of it.
 */
async function turned(
  database: Database,
  grid: Grid,
  range: Range,
  older: VersionedSource,
  newer: VersionedSource,
): Promise<Range[]> {
  const [before, after] = await Promise.all([
    readNewestInstant(database, older.storage, older.asOf),
    readNewestInstant(database, newer.storage, newer.asOf),
  ]);
  if (before === undefined || after === undefined || before === after) return [];
  const lowest = Math.min(before, after);
  const isTurned = grid.startOf(grid.indexOf(lowest) + 1) <= Math.max(before, after);
  return isTurned && lowest >= range.from && lowest < range.to ? [{ from: lowest, to: lowest + 1 }] : [];
}
