import type { Operator } from '../operator.ts';
import { arithmetic } from './arithmetic.ts';
import { asof } from './asof.ts';
import { buckets } from './buckets.ts';
import { delta, logReturn, relativeReturn } from './change.ts';
import { comparisons } from './compare.ts';
import { count } from './count.ts';
import { cumsum } from './cumsum.ts';
import { stddev, stddevSamp, variance, varianceSamp } from './deviation.ts';
import { drawdown } from './drawdown.ts';
import { ema } from './ema.ts';
import { first, last } from './ends.ts';
import { max, min } from './extremes.ts';
import { fill } from './fill.ts';
import { functions } from './functions.ts';
import { lag } from './lag.ts';
import { logic } from './logic.ts';
import { mean } from './mean.ts';
import { beta, corr, cov } from './pair.ts';
import { median, quantile } from './quantile.ts';
import { rsi } from './rsi.ts';
import { runmax } from './runmax.ts';
import { size } from './size.ts';
import { slope } from './slope.ts';
import { spread } from './spread.ts';
import { sum } from './sum.ts';
import { vwap } from './vwap.ts';
import { wilder } from './wilder.ts';
import { zscore } from './zscore.ts';

/** Every operator of the formula language. An operator in this list is parsed, documented and tested. */
export const operators: readonly Operator[] = [
  ...arithmetic,
  ...comparisons,
  ...logic,
  ...functions,
  mean,
  sum,
  min,
  max,
  count,
  variance,
  varianceSamp,
  stddev,
  stddevSamp,
  median,
  quantile,
  zscore,
  slope,
  first,
  last,
  vwap,
  corr,
  cov,
  beta,
  ema,
  wilder,
  rsi,
  cumsum,
  runmax,
  drawdown,
  lag,
  delta,
  relativeReturn,
  logReturn,
  ...buckets,
  asof,
  fill,
  spread,
  size,
];

export const operatorsByName: ReadonlyMap<string, Operator> = new Map(operators.map((each) => [each.name, each]));
