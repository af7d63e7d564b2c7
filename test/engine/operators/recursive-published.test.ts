import { expect, test } from 'vitest';
import type { Arguments, RowOperator } from '../../../src/engine/operator.ts';
import { ema } from '../../../src/engine/operators/ema.ts';
import { rsi } from '../../../src/engine/operators/rsi.ts';
import { wilder } from '../../../src/engine/operators/wilder.ts';
import { inOne, runInCalls } from './in-calls.ts';

/** Published values are rounded: the digits that are given are compared. */
function published(operator: RowOperator, given: Arguments, x: readonly number[], digits: number): number[] {
  const out = runInCalls(operator.open(given), inOne(Float64Array.from(x.keys()), Float64Array.from(x)));
  return Array.from(out)
    .filter((value) => !Number.isNaN(value))
    .map((value) => Number(value.toFixed(digits)));
}

test('rsi of 14 is that of StockCharts (ChartSchool, Relative Strength Index, cs-rsi.xls: daily closes of QQQQ)', () => {
  const closes = [
    44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931, 46.0328, 45.614,
    46.282, 46.282, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122, 46.2521, 45.7137, 46.4515, 45.7835, 45.3548,
    44.0288, 44.1783, 44.2181, 44.5672, 43.4205, 42.6628, 43.1314,
  ];
  expect(published(rsi, { span: 14 }, closes, 4)).toEqual([
    70.5328, 66.3186, 66.5498, 69.4063, 66.3552, 57.9749, 62.9296, 63.2571, 56.0593, 62.3771, 54.7076, 50.4228, 39.9898,
    41.4605, 41.8689, 45.4632, 37.304, 33.0795, 37.773,
  ]);
});

// Achelis, Technical Analysis from A to Z, as corrected in tests/atoz.txt of Tulip Indicators.
test('rsi of 5 is that of Achelis (page 299)', () => {
  const closes = [
    37.875, 39.5, 38.75, 39.8125, 40, 39.875, 40.1875, 41.25, 41.125, 41.625, 41.25, 40.1875, 39.9375, 39.9375, 40.5,
    41.9375, 42.25, 42.25, 41.875, 41.875,
  ];
  expect(published(rsi, { span: 5 }, closes, 4)).toEqual([
    76.6667, 78.8679, 84.9158, 81.4863, 84.5968, 73.0851, 49.3173, 45.0119, 45.0119, 57.9252, 75.9596, 78.4676, 78.4676,
    65.6299, 65.6299,
  ]);
});

test('ema of 5 is that of Achelis (page 209)', () => {
  const closes = [25, 24.875, 24.781, 24.594, 24.5, 24.625, 25.219, 27.25];
  expect(published(ema, { span: 5 }, closes, 3)).toEqual([25, 24.958, 24.899, 24.797, 24.698, 24.674, 24.856, 25.654]);
});

test('wilder of 5 is that of Achelis (page 366)', () => {
  const closes = [62.125, 61.125, 62.3438, 65.3125, 63.9688, 63.4375, 63, 63.7812, 63.4062, 63.4062, 62.4375, 61.8438];
  expect(published(wilder, { span: 5 }, closes, 4)).toEqual([
    62.975, 63.0675, 63.054, 63.1995, 63.2408, 63.2739, 63.1066, 62.854,
  ]);
});
