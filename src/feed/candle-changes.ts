import type { Grid } from '../engine/bucket.ts';
import { Fault } from '../engine/fault.ts';
import type { Range } from '../engine/ranges.ts';
import { type Candle, candleGrid, readCandles, readNewestInstant, wholeBuckets } from '../market/candles.ts';
import type { VersionedSource } from '../query/diff.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import type { Feed } from './feed.ts';
import type { FeedStore, SubscriptionEvent } from './followed.ts';
import { Subscription, type SubscriptionOptions } from './following.ts';
import { seriesSource } from './series-source.ts';
import { SpanReader } from './spans.ts';

export interface CandleChange {
  readonly span: Range;
  readonly candles: readonly Candle[];
  /** There are more candles than are sent: fetch them. */
  readonly truncated: boolean;
}

export type CandleEvent = SubscriptionEvent<CandleChange>;

/** The candles of a series that a subscription follows. */
export interface CandleSelection {
  readonly series: SeriesRow;
  readonly intervalMicros: number;
  readonly timeZone: string;
  readonly range: Range;
  /** The limit of buckets that a query scans, empty ones included. */
  readonly bucketsMax: number;
}

export interface CandleChangesRequest extends CandleSelection {
  readonly after: number | undefined;
}

/** A change of more candles is sent without them. */
const candlesMax = 10_000;

/** Faults of the interval and the time zone come at once. */
export function subscribeToCandles(
  store: FeedStore,
  feed: Feed,
  request: CandleChangesRequest,
  options: SubscriptionOptions<CandleChange> = {},
): Subscription<CandleChange> {
  return new Subscription(seriesSource(feed, [request.series], candleReader(store, request)), request.after, options);
}

/** Candles of a series, each whole, as a query gives them. */
export function candleReader(
  store: FeedStore,
  { series, intervalMicros, timeZone, range, bucketsMax }: CandleSelection,
): SpanReader<CandleChange> {
  const { database } = store;
  const grid = candleGrid(intervalMicros, timeZone);
  const whole = wholeBuckets(grid, range);
  return new SpanReader(store, {
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
    known: (_, __, span) => ({ span, candles: [], truncated: false }),
    truncated: (_, __, span) => ({ span, candles: [], truncated: true }),
    sizeOf: ({ candles }) => candles.length,
  });
}

/**
 * The candle that became final, or ceased to be, as the last tick of the series moved: of those that hold a tick before
 * and after, it can only be the one in which the earlier of the two last ticks lies. Returns an instant of it.
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
