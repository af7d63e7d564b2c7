import type { Grid } from '../engine/bucket.ts';
import { Fault } from '../engine/fault.ts';
import { everything, type Range } from '../engine/ranges.ts';
import { readPoints } from '../store/block-reads.ts';
import type { Database } from '../store/connect.ts';
import { readTallies } from '../store/tallies.ts';
import { calendarGrid } from './calendar.ts';

export interface Candle {
  /** The start of the bucket, in microseconds. */
  readonly t: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  /** The sum of the sizes; undefined when no tick in the bucket has one. */
  readonly volume: number | undefined;
  readonly count: number;
  /** True when a tick at or after the end of the bucket exists. */
  readonly final: boolean;
}

export interface CandlesRequest {
  readonly series: number;
  readonly intervalMicros: number;
  readonly timeZone: string;
  readonly range: Range;
  /** The number of candles to return, from the end of the range. */
  readonly last: number | undefined;
  readonly asOf: number;
}

export interface CandleLimits {
  readonly candlesMax: number;
  /** The limit of buckets to scan, empty ones included; by default a hundred times the candles. */
  readonly bucketsMax?: number;
}

/** A range with too many buckets can still hold few candles. Above this limit the request is refused. */
export function bucketsMaxOf({ candlesMax, bucketsMax }: CandleLimits): number {
  return bucketsMax ?? candlesMax * 100;
}

/**
 * Reads the candles of a range. Only buckets with ticks have one, and each is complete even if the range cuts its
 * bucket.
 */
export async function readCandles(
  database: Database,
  request: CandlesRequest,
  limits: CandleLimits,
): Promise<Candle[]> {
  const { series, asOf, last } = request;
  const grid = candleGrid(request.intervalMicros, request.timeZone);
  const newestT = await readNewestInstant(database, series, asOf);
  if (newestT === undefined) return [];
  const whole = wholeBuckets(grid, request.range);
  if (last === undefined) return between(database, request, grid, whole, newestT, limits);
  if (last > limits.candlesMax) throw tooMany(limits.candlesMax);
  return lastOnes(database, request, grid, whole, newestT, last);
}

/** The buckets of candles. Throws a fault for an invalid interval or zone. */
export function candleGrid(intervalMicros: number, timeZone: string): Grid {
  const grid = calendarGrid(intervalMicros, timeZone);
  if (!('problem' in grid)) return grid;
  throw new Fault('BAD_USER_INPUT', grid.problem, [/no time zone/.test(grid.problem) ? 'timeZone' : 'interval']);
}

/** The last instant of a series. Candles that end at or before it are final. */
export async function readNewestInstant(database: Database, series: number, asOf: number): Promise<number | undefined> {
  const newest = await readPoints(database, series, everything, asOf, 1, 'last');
  return newest.t.length === 0 ? undefined : newest.t[0];
}

/** Widens a range to the buckets that it touches. An empty range touches none. */
export function wholeBuckets(grid: Grid, range: Range): Range {
  if (range.from >= range.to) return range;
  const from = range.from === everything.from ? range.from : grid.startOf(grid.indexOf(range.from));
  const to = range.to === everything.to ? range.to : grid.startOf(grid.indexOf(range.to - 1) + 1);
  return { from, to };
}

function tooMany(most: number): Fault {
  return new Fault(
    'TOO_EXPENSIVE',
    `This asks for more than ${most.toLocaleString('en')} candles: narrow the range, or ask for the last ones.`,
  );
}

async function between(
  database: Database,
  { series, asOf }: CandlesRequest,
  grid: Grid,
  range: Range,
  newestT: number,
  limits: CandleLimits,
): Promise<Candle[]> {
  const oldest = await readPoints(database, series, range, asOf, 1, 'first');
  if (oldest.t.length === 0) return [];
  const filled = { from: grid.startOf(grid.indexOf(oldest.t[0])), to: Math.min(range.to, newestT + 1) };
  const most = limits.candlesMax;
  if (grid.indexOf(filled.to - 1) - grid.indexOf(filled.from) >= bucketsMaxOf(limits)) throw tooMany(most);
  const tallies = await readTallies(database, series, filled, asOf, grid, 'ALL');
  if (tallies.size > most) throw tooMany(most);
  return [...tallies]
    .sort((a, b) => a[0] - b[0])
    .map(([index, tally]) => ({
      t: grid.startOf(index),
      open: tally.first,
      high: tally.max,
      low: tally.min,
      close: tally.last,
      volume: tally.sizes > 0 ? tally.volume.value() : undefined,
      count: tally.count,
      final: newestT >= grid.startOf(index + 1),
    }));
}

/** Reads backward from the end in growing steps, so that nights and weekends without ticks cost little. */
async function lastOnes(
  database: Database,
  request: CandlesRequest,
  grid: Grid,
  range: Range,
  newestT: number,
  count: number,
): Promise<Candle[]> {
  let candles: Candle[] = [];
  let to = range.to;
  for (let stride = count; candles.length < count && range.from < to; stride = Math.min(stride * 2, 100_000)) {
    const before = await readPoints(database, request.series, { from: range.from, to }, request.asOf, 1, 'last');
    if (before.t.length === 0) break;
    const end = grid.indexOf(before.t[0]) + 1;
    const from = Math.max(range.from, grid.startOf(end - stride));
    const part = await between(database, request, grid, { from, to: Math.min(to, grid.startOf(end)) }, newestT, {
      candlesMax: Number.POSITIVE_INFINITY,
    });
    candles = [...part, ...candles];
    to = from;
  }
  return count === 0 ? [] : candles.slice(-count);
}
