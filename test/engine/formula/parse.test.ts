import { expect, test } from 'vitest';
import type { Expression } from '../../../src/engine/formula/expression.ts';
import { parseFormula } from '../../../src/engine/formula/parse.ts';
import { operators, type Sketch, sketch } from './declarations.ts';

const micros = (seconds: number) => ({ window: { micros: seconds * 1e6 } });

const formulas: readonly (readonly [formula: string, tree: Sketch])[] = [
  ['A', 'A'],
  ['  A\n', 'A'],
  ['A + 1', ['+', 'A', 1]],
  ['A+1', ['+', 'A', 1]],

  // Keys.
  ['BTC-USD', 'BTC-USD'],
  ['A-1', 'A-1'],
  ['A - 1', ['-', 'A', 1]],
  ['A -1', ['-', 'A', 1]],
  ['A- 1', ['-', 'A', 1]],
  ['A--B', ['-', 'A', ['-', 0, 'B']]],
  ['2-A', ['-', 2, 'A']],
  ['a.b_c-1.d', 'a.b_c-1.d'],
  ['Zürich-Ölpreis', 'Zürich-Ölpreis'],
  ['金-円', '金-円'],
  ["'BTC/USDT'", 'BTC/USDT'],
  ["'BTC/USDT' - 'A--B'", ['-', 'BTC/USDT', 'A--B']],
  ["'and'", 'and'],
  ["'A'", 'A'],
  ["'7d'", '7d'],
  ['order - notional + iffy + trueish', ['+', ['+', ['-', 'order', 'notional'], 'iffy'], 'trueish']],
  ['mean + mean(mean, 3p)', ['+', 'mean', ['mean', 'mean', { window: { points: 3 } }]]],
  ['p20 + h + e3', ['+', ['+', 'p20', 'h'], 'e3']],

  // Numbers.
  ['A * 2.5', ['*', 'A', 2.5]],
  ['A * .5', ['*', 'A', 0.5]],
  ['A * 1e-3', ['*', 'A', 0.001]],
  ['A * 1E+3', ['*', 'A', 1000]],
  ['A * -5', ['*', 'A', -5]],
  ['A - -5', ['-', 'A', -5]],
  ['A * -0', ['*', 'A', 0]],
  ['A * --5', ['*', 'A', 5]],
  ['A * -(5)', ['*', 'A', -5]],
  ['24 * 2 + A', ['+', ['*', 24, 2], 'A']],

  // Precedence.
  ['a + b * c', ['+', 'a', ['*', 'b', 'c']]],
  ['(a + b) * c', ['*', ['+', 'a', 'b'], 'c']],
  ['a - b - c', ['-', ['-', 'a', 'b'], 'c']],
  ['a / b * c', ['*', ['/', 'a', 'b'], 'c']],
  ['a ^ b ^ c', ['^', 'a', ['^', 'b', 'c']]],
  ['-x^2', ['-', 0, ['^', 'x', 2]]],
  ['(-x)^2', ['^', ['-', 0, 'x'], 2]],
  ['x^-1', ['^', 'x', -1]],
  ['2^-x^2', ['^', 2, ['-', 0, ['^', 'x', 2]]]],
  ['2^-x * y', ['*', ['^', 2, ['-', 0, 'x']], 'y']],
  ['-2^x', ['-', 0, ['^', 2, 'x']]],
  ['-a * b', ['*', ['-', 0, 'a'], 'b']],
  ['a * -b ^ c', ['*', 'a', ['-', 0, ['^', 'b', 'c']]]],
  ['a < b + 1', ['<', 'a', ['+', 'b', 1]]],
  ['not a < b', ['not', ['<', 'a', 'b']]],
  ['not not a', ['not', ['not', 'a']]],
  ['a or b and c', ['or', 'a', ['and', 'b', 'c']]],
  ['a and not b or c', ['or', ['and', 'a', ['not', 'b']], 'c']],
  ['not a and b', ['and', ['not', 'a'], 'b']],
  ['not (a and b)', ['not', ['and', 'a', 'b']]],
  ['(a < b) == c', ['==', ['<', 'a', 'b'], 'c']],
  ['a <= b and a >= c', ['and', ['<=', 'a', 'b'], ['>=', 'a', 'c']]],
  ['a != b or a > -1', ['or', ['!=', 'a', 'b'], ['>', 'a', -1]]],

  // Calls.
  ['mean(A, 20p)', ['mean', 'A', { window: { points: 20 } }]],
  ['mean (A, 20p)', ['mean', 'A', { window: { points: 20 } }]],
  ['mean(A, 60s)', ['mean', 'A', micros(60)]],
  ['mean(A, 1.5h)', ['mean', 'A', micros(5400)]],
  ['mean(A, 250ms)', ['mean', 'A', micros(0.25)]],
  ['mean(A, 7d)', ['mean', 'A', micros(7 * 86400)]],
  ['mean(A, 50µs)', ['mean', 'A', micros(50e-6)]],
  ['mean(A, window: 20p)', ['mean', 'A', { window: { points: 20 } }]],
  ['mean(window: 20p, x: A)', ['mean', 'A', { window: { points: 20 } }]],
  ['mean(mean(A, 2p), (3p))', ['mean', ['mean', 'A', { window: { points: 2 } }], { window: { points: 3 } }]],
  ['ema(A, 12) - ema(A, 26)', ['-', ['ema', 'A', { span: 12 }], ['ema', 'A', { span: 26 }]]],
  ['ema(A, halflife: 20)', ['ema', 'A', { halflife: 20 }]],
  ['shift(A, -2.5)', ['shift', 'A', { amount: -2.5 }]],
  ['lag(A, 1h)', ['lag', 'A', { by: 3600e6 }]],
  ['greatest(A, 1, B, C + 1)', ['greatest', 'A', 1, 'B', ['+', 'C', 1]]],
  ['weighted(A, B, C, by: 3)', ['weighted', 'A', 'B', 'C', { by: 3 }]],
  ['weighted(A, B)', ['weighted', 'A', 'B', { by: 1 }]],
  ['if(A > 1, A, 0)', ['if', ['>', 'A', 1], 'A', 0]],
  ['if(A > 1, A)', ['if', ['>', 'A', 1], 'A']],
  ['vwap(A, 1h)', ['vwap', 'A', 'size of A', micros(3600)]],
  ["size('A/B')", ['size', 'size of A/B']],
  ['candle(A)', ['candle', 'A', { width: 60e6, what: 'close', span: { points: 1 } }]],
  ['candle(A, 1h, high)', ['candle', 'A', { width: 3600e6, what: 'high', span: { points: 1 } }]],
  ['candle(A, what: low)', ['candle', 'A', { width: 60e6, what: 'low', span: { points: 1 } }]],
];

test.each(formulas)('%j is read', (formula, tree) => {
  expect(sketch(parseFormula(formula, operators))).toEqual(tree);
});

test('a negative zero is never read', () => {
  const product = parseFormula('A * -0', operators) as Extract<Expression, { kind: 'call' }>;
  expect(product.inputs[1]).toMatchObject({ kind: 'number', value: 0 });
  expect(Object.is((product.inputs[1] as { value: number }).value, 0)).toBe(true);
});

test('what is left out is given as its fallback, or as undefined', () => {
  const { given } = parseFormula('ema(A, 3)', operators) as Extract<Expression, { kind: 'call' }>;
  expect(given).toStrictEqual({ span: 3, halflife: undefined, alpha: undefined });
});

test('every part knows its place', () => {
  const formula = "A +\n  (B - 'C/D') *\r\n-mean(E, 3p)";
  const places: string[] = [];
  const lines = formula.split(/\r?\n/);
  const visit = (part: Expression) => {
    const { line, column, length } = part.place;
    const offset = lines.slice(0, line - 1).reduce((sum, each, i) => sum + each.length + (i === 1 ? 2 : 1), 0);
    places.push(formula.slice(offset + column - 1, offset + column - 1 + length));
    if (part.kind === 'call') part.inputs.forEach(visit);
  };
  visit(parseFormula(formula, operators));
  expect(places).toEqual([
    formula,
    'A',
    "(B - 'C/D') *\r\n-mean(E, 3p)",
    "B - 'C/D'",
    'B',
    "'C/D'",
    '-mean(E, 3p)',
    '-',
    'mean(E, 3p)',
    'E',
  ]);
});

test('which series exist plays no part: operators alone do', () => {
  const few = new Map([...operators].filter(([name]) => name === 'mean'));
  expect(sketch(parseFormula('mean(anything, 3p)', few))).toEqual(['mean', 'anything', { window: { points: 3 } }]);
  expect(() => parseFormula('A + B', few)).toThrow('line 1, column 3: there is no operator +');
});
