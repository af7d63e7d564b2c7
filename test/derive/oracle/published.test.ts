import { describe, expect, test } from 'vitest';
import { parseFormula } from '../../../src/engine/formula/parse.ts';
import { operatorsByName } from '../../../src/engine/operators/registry.ts';
import { planFormula } from '../../../src/engine/plan.ts';
import { atOnce, type Held } from '../memory.ts';

/**
 * The Statistical Reference Datasets of NIST (https://www.itl.nist.gov/div898/strd/), with values certified to 15 digits.
 * Published vectors of rsi, ema and wilder stand in test/engine/operators/recursive-published.test.ts.
 */

function held(values: readonly number[]): Held {
  return new Map(values.map((value, i) => [i * 1e6, { value, size: undefined }]));
}

/** The last point of a formula over ticks a second apart. */
function last(formula: string, a: readonly number[], b: readonly number[] = []): number {
  const series = new Map([
    ['A', held(a)],
    ['B', held(b)],
  ]);
  const outputs = atOnce(planFormula(parseFormula(formula, operatorsByName)), series);
  return [...(outputs.at(-1) ?? [])].at(-1)?.[1] ?? Number.NaN;
}

function relative(got: number, certified: number): number {
  return Math.abs(got - certified) / Math.abs(certified);
}

/** A certified value has 15 digits: it is right to half of the last one. */
const digits15 = 5e-15;

function alternating(first: number, low: number, high: number): number[] {
  return [first, ...Array.from({ length: 500 }, () => [low, high]).flat()];
}

const michelson = [
  850, 740, 900, 1070, 930, 850, 950, 980, 980, 880, 1000, 980, 930, 650, 760, 810, 1000, 1000, 960, 960, 960, 940, 960,
  940, 880, 800, 850, 880, 900, 840, 830, 790, 810, 880, 880, 830, 800, 790, 760, 800, 880, 880, 880, 860, 720, 720,
  620, 860, 970, 950, 880, 910, 850, 870, 840, 840, 850, 840, 840, 840, 890, 810, 810, 820, 800, 770, 760, 740, 750,
  760, 910, 920, 890, 860, 880, 720, 840, 850, 850, 780, 890, 840, 780, 810, 760, 810, 790, 810, 820, 850, 870, 870,
  810, 740, 810, 940, 950, 800, 810, 870,
].map((metres) => 299 + metres / 1000);

describe('univariate: mean and sample standard deviation are those certified', () => {
  /** `error` is what the data themselves lose when their decimals become doubles, relative to the deviation. */
  test.each([
    { name: 'NumAcc1', data: [10_000_001, 10_000_003, 10_000_002], mean: 10_000_002, deviation: 1, error: 0 },
    { name: 'NumAcc2', data: alternating(1.2, 1.1, 1.3), mean: 1.2, deviation: 0.1, error: 2 ** -53 / 0.1 },
    {
      name: 'NumAcc3',
      data: alternating(1_000_000.2, 1_000_000.1, 1_000_000.3),
      mean: 1_000_000.2,
      deviation: 0.1,
      error: 2 ** -34 / 0.1,
    },
    {
      name: 'NumAcc4',
      data: alternating(10_000_000.2, 10_000_000.1, 10_000_000.3),
      mean: 10_000_000.2,
      deviation: 0.1,
      error: 2 ** -30 / 0.1,
    },
    {
      name: 'Michelso',
      data: michelson,
      mean: 299.8524,
      deviation: 0.0790105478190518,
      error: 2 ** -45 / 0.079,
    },
  ])('$name', ({ data, mean, deviation, error }) => {
    const all = `${data.length}p`;
    expect(relative(last(`mean(A, ${all})`, data), mean)).toBeLessThanOrEqual(2 ** -51);
    expect(relative(last(`stddev_samp(A, ${all})`, data), deviation)).toBeLessThanOrEqual(digits15 + error);
    expect(relative(last(`var_samp(A, ${all})`, data), deviation ** 2)).toBeLessThanOrEqual(2 * (digits15 + error));
  });
});

describe('linear regression', () => {
  const y = [
    0.1, 338.8, 118.1, 888, 9.2, 228.1, 668.5, 998.5, 449.1, 778.9, 559.2, 0.3, 0.1, 778.1, 668.8, 339.3, 448.9, 10.8,
    557.7, 228.3, 998, 888.8, 119.6, 0.3, 0.6, 557.6, 339.3, 888, 998.5, 778.9, 10.2, 117.6, 228.9, 668.4, 449.2, 0.2,
  ];
  const x = [
    0.2, 337.4, 118.2, 884.6, 10.1, 226.5, 666.3, 996.3, 448.6, 777, 558.2, 0.4, 0.6, 775.5, 666.9, 338, 447.5, 11.6,
    556, 228.1, 995.8, 887.6, 120.2, 0.3, 0.3, 556.8, 339.1, 887.2, 999, 779, 11.1, 118.3, 229.2, 669.1, 448.9, 0.5,
  ];

  test('Norris: the slope, the intercept and the share that is explained are those certified', () => {
    expect(relative(last('beta(A, B, 36p)', y, x), 1.00211681802045)).toBeLessThanOrEqual(digits15);
    const intercept = last('mean(A, 36p) - beta(A, B, 36p) * mean(B, 36p)', y, x);
    // The difference of two numbers some 1,500 times as large.
    expect(relative(intercept, -0.262323073774029)).toBeLessThanOrEqual(1e-12);
    expect(relative(last('corr(A, B, 36p) ^ 2', y, x), 0.999993745883712)).toBeLessThanOrEqual(digits15);
  });
});
