import type { Random } from '../recompute/seeded-random.ts';
import type { Wanted } from './subscriber.ts';

export const start = Date.parse('2026-01-05T09:30:00Z');
export const second = 1_000;

/** So long are series at the beginning. */
export const seconds = 600;

export const sources = Array.from({ length: 8 }, (_, i) => `S${i}`);

/** More points than are sent with one event. */
export const long = 'LONG';
export const longPoints = 12_000;

/** Of each key the formulas that it has in turn. */
export const formulas: { readonly [key: string]: readonly [string, string] } = {
  MEAN: ['mean(S0, 30s)', 'mean(S0, 45s)'],
  EMA: ['ema(S1, 12)', 'ema(S1, 9)'],
  SPREAD: ['S2 - S3', 'S2 - 2 * S3'],
  NOISE: ['stddev(S4, 20p)', 'stddev(S4, 15p)'],
  PAIR: ['corr(S5, S6, 60s)', 'corr(S5, S7, 60s)'],
  CLOSES: ['ema(close(S7, 1m), 3)', 'ema(high(S7, 1m), 3)'],
  OVER: ['MEAN - EMA', 'MEAN + EMA'],
  ALL: ['OVER + mean(SPREAD, 20p) + greatest(NOISE, S0)', 'OVER - mean(SPREAD, 25p) + greatest(NOISE, S1)'],
};
export const derived = Object.keys(formulas);

/** Ends in the past, or not at all. */
export const ranges = [
  { from: start + 60 * second, to: start + 180 * second },
  { from: start + 400.5 * second },
] as const;

const buckets = ['10s', '1m'];
const intervals = ['30s', '5m', '1d'];

function anyOf<T>(list: readonly T[], random: Random): T {
  return list[random(list.length)];
}

function someSeries(random: Random): string[] {
  const all = [...sources, ...derived];
  return [...new Set(Array.from({ length: 2 + random(4) }, () => anyOf(all, random)))];
}

/** What one may follow by `changes`: of every kind in turn, of series at random. */
export function anyChanges(place: number, random: Random) {
  const range = random(3) === 0 ? anyOf(ranges, random) : undefined;
  const kinds = [
    () => ({ series: [anyOf(sources, random)], range }),
    () => ({ series: [anyOf(derived, random)], range }),
    () => ({ series: someSeries(random), range }),
    () => ({ series: someSeries(random), range, bucket: anyOf(buckets, random) }),
  ];
  return kinds[place % kinds.length]();
}

/** The same, and candles. */
export function anyWanted(place: number, random: Random): Wanted {
  if (place % 4 > 0) return { changes: anyChanges(Math.floor(place / 4), random) };
  const range = random(3) === 0 ? anyOf(ranges, random) : undefined;
  const series = anyOf([...sources, ...derived], random);
  return { candles: { series, interval: anyOf(intervals, random), timeZone: 'Europe/Berlin', range } };
}
