import type { Column } from '../src/store/block-columns.ts';
import { prices, seconds } from './points.ts';

/** One derived series: what we are told, and what DuckDB is told. */
export interface Derived {
  readonly key: string;
  readonly formula: string;
  /** DuckDB's expression for it. */
  readonly sql: string;
  /** Read from: the source and the series before it, or another derived series that it is nested on. */
  readonly of: 'a' | 'nested' | 'ema' | 'rsi';
}

export const sourceKey = 'A';
export const points = 1_000_000;

/** (t - window, t]: DuckDB's ranges have both of their ends. */
function over(seconds: number): string {
  return `OVER (ORDER BY t RANGE BETWEEN INTERVAL '${seconds * 1_000_000 - 1} microseconds' PRECEDING AND CURRENT ROW)`;
}

function windowed(key: string, formula: string, call: string, seconds: number): Derived {
  return { key, formula, sql: `${call} ${over(seconds)}`, of: 'a' };
}

const hour = 3_600;
const day = 86_400;

const others: readonly Derived[] = [
  windowed('MEDIAN', 'median(A, 1h)', 'median(value)', hour),
  windowed('HOUR', 'mean(A, 1h)', 'avg(value)', hour),
  { key: 'EMA', formula: 'ema(A, 12)', sql: 'ema', of: 'ema' },
  { key: 'RSI', formula: 'rsi(A, 14)', sql: 'rsi', of: 'rsi' },
  { key: 'GAP', formula: 'A - HOUR', sql: 'value - hour', of: 'nested' },
  { key: 'SIGNAL', formula: 'mean(GAP, 5m)', sql: `avg(value - hour) ${over(300)}`, of: 'nested' },
];

/** Ten series with windows up to an hour, and ten of which four have windows of a day. */
export const sets = {
  hours: [
    windowed('MEAN', 'mean(A, 10m)', 'avg(value)', 600),
    windowed('DEVIATION', 'stddev(A, 1h)', 'stddev_pop(value)', hour),
    windowed('LOWEST', 'min(A, 1h)', 'min(value)', hour),
    windowed('HIGHEST', 'max(A, 1h)', 'max(value)', hour),
    ...others,
  ],
  days: [
    windowed('MEAN', 'mean(A, 24h)', 'avg(value)', day),
    windowed('DEVIATION', 'stddev(A, 24h)', 'stddev_pop(value)', day),
    windowed('LOWEST', 'min(A, 24h)', 'min(value)', day),
    windowed('HIGHEST', 'max(A, 24h)', 'max(value)', day),
    ...others,
  ],
} satisfies Readonly<Record<string, readonly Derived[]>>;

export type SetName = keyof typeof sets;

/** Where corrections are made, one after another: each is then the highest of its day, where it was the lowest. */
export const corrected: readonly number[] = [500_000, 200_000, 800_000, 350_000, 650_000, 110_000];
const lowest = 0.5;
export const highest = 200_000;

/** A price a second, with a slip at each instant that will be corrected. */
export function sourceColumn(): Column {
  const value = prices(points, 7);
  for (const at of corrected) value[at] = lowest;
  return { t: seconds(points, 0), value, size: undefined };
}
