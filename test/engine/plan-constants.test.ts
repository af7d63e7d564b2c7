import { expect, test } from 'vitest';
import { parseFormula } from '../../src/engine/formula/parse.ts';
import { operatorsByName } from '../../src/engine/operators/registry.ts';
import { planFormula } from '../../src/engine/plan.ts';

const plan = (formula: string) => planFormula(parseFormula(formula, operatorsByName));

test('what is made of numbers alone is a number', () => {
  expect(plan('X * sqrt(4)').stages[0].nodes.map(({ inputs }) => inputs)).toEqual([
    [
      { kind: 'leaf', leaf: 0 },
      { kind: 'constant', value: 2 },
    ],
  ]);
  expect(plan('X + (2 ^ 3 - 1) / 0').stages[0].nodes[0].inputs[1]).toEqual({ kind: 'constant', value: Number.NaN });
});

test('a window or a bucket of numbers alone is refused, with its place', () => {
  for (const formula of ['X + mean(3, 1h)', 'X + ema(4, 3)', 'X + close(3, 1h)', 'X + lag(3 + 4, 1p)']) {
    let thrown: unknown;
    try {
      plan(formula);
    } catch (error) {
      thrown = error;
    }
    expect(thrown, formula).toMatchObject({ code: 'BAD_USER_INPUT', details: { formula: { line: 1, column: 5 } } });
  }
});
