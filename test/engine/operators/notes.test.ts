import { describe, expect, test } from 'vitest';
import { parseFormula } from '../../../src/engine/formula/parse.ts';
import { operatorsByName } from '../../../src/engine/operators/registry.ts';
import { planFormula } from '../../../src/engine/plan.ts';
import { atOnce, type Held, MemoryLane } from '../../derive/memory.ts';

/** The claims of the operators' notes. */

const planOf = (formula: string) => planFormula(parseFormula(formula, operatorsByName));

type Points = readonly (readonly [second: number, value: number])[];

const held = (points: Points): Held => new Map(points.map(([t, value]) => [t * 1e6, { value, size: undefined }]));

function computed(formula: string, series: Readonly<Record<string, Points>>): [number, number][] {
  const given = new Map(Object.entries(series).map(([key, points]) => [key, held(points)]));
  const output = atOnce(planOf(formula), given).at(-1) ?? new Map<number, number>();
  return [...output].map(([t, value]): [number, number] => [t / 1e6, value]).sort((a, b) => a[0] - b[0]);
}

describe('changes of series that tick at different instants', () => {
  // Each changes twice; the other one ticks in between.
  const A: Points = [
    [0, 100],
    [2, 110],
    [6, 121],
  ];
  const B: Points = [
    [0, 10],
    [3, 20],
    [5, 40],
    [7, 40],
  ];
  const total = (formula: string) => computed(formula, { A, B }).reduce((sum, [, value]) => sum + value, 0);

  test('as they are, the last change of one counts again at each tick of the other', () => {
    expect(computed('delta(A) + delta(B)', { A, B })).toEqual([
      [3, 20],
      [5, 30],
      [6, 31],
      [7, 11],
    ]);
    expect(total('delta(A) + delta(B)')).not.toBe(51);
  });

  test('resample does not help: where one has no tick in a bucket, its last change counts again', () => {
    const resampled = (key: string) => `delta(resample(${key}, 2s))`;
    // A has no tick in the bucket that starts at 4.
    expect(computed(resampled('A'), { A })).toEqual([
      [2, 10],
      [6, 11],
    ]);
    expect(computed(`${resampled('A')} + ${resampled('B')}`, { A, B })).toEqual([
      [2, 20],
      [4, 30],
      [6, 11],
    ]);
    expect(total(`${resampled('A')} + ${resampled('B')}`)).not.toBe(51);
  });

  test('with fill each change counts once', () => {
    expect(computed('delta(fill(A, A + B)) + delta(fill(B, A + B))', { A, B })).toEqual([
      [2, 10],
      [3, 10],
      [5, 20],
      [6, 11],
      [7, 0],
    ]);
    expect(total('delta(fill(A, A + B)) + delta(fill(B, A + B))')).toBe(51);
    const returns = computed('0.5 * return(fill(A, A + B)) + 0.5 * return(fill(B, A + B))', { A, B });
    expect(returns).toEqual([
      [2, 0.05],
      [3, 0.5],
      [5, 0.5],
      [6, 0.05],
      [7, 0],
    ]);
    const logs = 'logreturn(fill(A, A + B)) + logreturn(fill(B, A + B))';
    expect(total(logs)).toBeCloseTo(Math.log(1.21) + Math.log(4), 12);
  });
});

test('logreturn keeps the digits of a small change that the logarithm of a quotient loses', () => {
  const A: Points = [
    [0, 3],
    [1, 3 + 2 ** -51],
  ];
  const [[, kept]] = computed('logreturn(A)', { A });
  const [[, lost]] = computed('log(A / lag(A))', { A });
  expect(kept).toBeCloseTo(2 ** -51 / 3, 30);
  expect(Math.abs(lost - 2 ** -51 / 3)).toBeGreaterThan(2 ** -54);
});

test('of three values or fewer none is more than three times their mean', () => {
  expect(
    computed('if(X > 3 * mean(X, 1h), X)', {
      X: [
        [0, 1],
        [1, 1],
        [2, 1e9],
      ],
    }),
  ).toEqual([]);
});

test('of the seed of an ema of 26 less than 0.05 % is left after 100 points', () => {
  const values = Array.from({ length: 101 }, (_, i): [number, number] => [i, 50 + Math.sin(i)]);
  const [first, ...rest] = values;
  const last = (points: Points) => computed('ema(A, 26)', { A: points }).at(-1)?.[1] ?? Number.NaN;
  const left = last([[first[0], first[1] + 1], ...rest]) - last(values);
  expect(left).toBeGreaterThan(0.0004);
  expect(left).toBeLessThan(0.0005);
});

describe('how far a correction is felt', () => {
  /** How many points are written when the tick at 100 of 5,000 is corrected. */
  async function written(formula: string, by: number): Promise<number> {
    const A = held(Array.from({ length: 5_000 }, (_, i): [number, number] => [i, 100 + Math.sin(i * i) * 5]));
    const lane = new MemoryLane(planOf(formula));
    const series = new Map([['A', A]]);
    await lane.bring(series, new Map([['A', [{ from: 0, to: 5_000e6 }]]]), 500);
    A.set(100e6, { value: (A.get(100e6)?.value ?? 0) + by, size: undefined });
    return (await lane.bring(series, new Map([['A', [{ from: 100e6, to: 100e6 + 1 }]]]), 500)).written;
  }

  test.each([
    ['ema(A, 26)', 350, 500],
    ['wilder(A, 14)', 350, 500],
    ['rsi(A, 14)', 350, 500],
    ['cumsum(A)', 4_900, 4_900],
    ['sum(A, 30s)', 30, 30],
  ])('%s: %i to %i points are written again', async (formula, least, most) => {
    const count = await written(formula, 1);
    expect(count).toBeGreaterThanOrEqual(least);
    expect(count).toBeLessThanOrEqual(most);
  });

  test('runmax and drawdown are, only if the greatest value so far differs', async () => {
    expect(await written('runmax(A)', 1e-6)).toBe(0);
    expect(await written('drawdown(A)', 1e-6)).toBe(1);
    expect(await written('runmax(A)', 1_000)).toBe(4_900);
  });
});
