import { operators } from '../../src/engine/operators/registry.ts';
import { tables } from '../derive/tables.ts';

/** What mixes that in one formula which goes through time in different ways. A, B and C stand for any series. */
const mixed = [
  'ema(close(A, 5s), 3) - mean(ema(A, 4), 6s)',
  'mean(close(A, 4s) - ema(B, 3), 3p) + cumsum(delta(C, 1p))',
  'close(ema(mean(A, 3p), 2), 6s) / close(B, 6s)',
  'high(A, 7s) - low(A, 7s) + lag(high(B, 3s), 1p)',
  'if(A > mean(A, 10s), ema(B, 2), lag(C, 3s))',
  'runmax(A) - runmax(mean(B, 4s)) + drawdown(C)',
  'rsi(resample(A + B, 3s, mean), 5)',
  'stddev(A - B, 8p) * corr(A, C, 10s)',
  'asof(A, ema(B, 3), 4s) - fill(C, lag(A, 1p))',
  'max(A, 20s) - min(B, 20s)',
  'mean(if(B > 2, cumsum(A)), 5p)',
  'greatest(zscore(A, 6p), slope(B, 9s), median(C, 5p))',
];

/** Formulas over A, B and C, of every operator there is; `sized` ones take source series only. */
export const templates: readonly { readonly formula: string; readonly sized: boolean }[] = [
  ...operators.flatMap(({ name }) => tables[name] ?? []),
  ...mixed,
].map((formula) => ({ formula, sized: /\b(size|vwap|volume)\(/.test(formula) }));

/** A template with series in place of A, B and C. */
export function filled(formula: string, keys: Readonly<Record<'A' | 'B' | 'C', string>>): string {
  return formula.replace(/\b[ABC]\b(?!\()/g, (letter) => keys[letter as 'A']);
}
