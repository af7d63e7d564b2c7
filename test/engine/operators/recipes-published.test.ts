import { expect, test } from 'vitest';
import { parseFormula } from '../../../src/engine/formula/parse.ts';
import { recipes } from '../../../src/engine/operators/recipes.ts';
import { operatorsByName } from '../../../src/engine/operators/registry.ts';
import { planFormula } from '../../../src/engine/plan.ts';
import { atOnce, type Held } from '../../derive/memory.ts';

/** Recipes give the values that books publish. */

const planOf = (formula: string) => planFormula(parseFormula(formula, operatorsByName));

type Points = readonly (readonly [second: number, value: number])[];

const held = (points: Points): Held => new Map(points.map(([t, value]) => [t * 1e6, { value, size: undefined }]));

function computed(formula: string, series: Readonly<Record<string, Points>>): [number, number][] {
  const given = new Map(Object.entries(series).map(([key, points]) => [key, held(points)]));
  const output = atOnce(planOf(formula), given).at(-1) ?? new Map<number, number>();
  return [...output].map(([t, value]): [number, number] => [t / 1e6, value]).sort((a, b) => a[0] - b[0]);
}

test('the recipe of the average true range is that of Achelis (page 70), who starts with high - low', () => {
  // Achelis, Technical Analysis from A to Z, as in tests/atoz.txt of Tulip Indicators.
  const high = [
    12.3125, 12.25, 12.3125, 12.2812, 12.375, 12.375, 12.3125, 12.375, 12.5, 12.5938, 12.3438, 12.4062, 12.375, 12.4062,
    12.375, 12.2812, 12.25, 12.0625, 12.3125, 12.3125,
  ];
  const low = [
    12.1875, 12.1562, 12.1875, 12.125, 12.125, 12.2812, 12.1875, 12.1875, 12.2812, 12.3125, 12.2812, 12.2812, 12.2812,
    12.2812, 11.9688, 12.0938, 12, 11.6562, 12.1562, 12.125,
  ];
  const close = [
    12.25, 12.1875, 12.25, 12.1875, 12.375, 12.3125, 12.2188, 12.3438, 12.5, 12.375, 12.3438, 12.3438, 12.2812, 12.375,
    12.0938, 12.1562, 12.0625, 11.9688, 12.1875, 12.1562,
  ];
  const X = high.flatMap((_, hour): [number, number][] => [
    [hour * 3_600, low[hour]],
    [hour * 3_600 + 1, high[hour]],
    [hour * 3_600 + 2, close[hour]],
  ]);
  const recipe = recipes.find(({ title }) => title === 'Average true range');
  const formula = recipe?.formulas.find(({ name }) => name === 'ATR')?.formula.replace(/, 14\)$/, ', 4)') ?? '';
  const atr = computed(formula, { X });
  expect(atr[0][0]).toBe(3 * 3_600);
  const published = [
    0.125, 0.1563, 0.1406, 0.1367, 0.1494, 0.1668, 0.1954, 0.17, 0.1587, 0.1425, 0.1381, 0.2052, 0.2007, 0.213, 0.2614,
    0.2819, 0.2583,
  ];
  expect(atr).toHaveLength(published.length);
  // The prices are rounded to four digits as well.
  for (const [i, [, value]] of atr.entries()) expect(Math.abs(value - published[i])).toBeLessThan(0.0001);
});
