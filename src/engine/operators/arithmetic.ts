import type { RowOperator } from '../operator.ts';
import { finite, pointwise, seriesParameter } from './pointwise.ts';

const operands = [
  seriesParameter('x', 'The left operand, a series or a number.'),
  seriesParameter('y', 'The right operand, a series or a number.'),
];

const plus = pointwise({
  name: '+',
  meaning: 'The sum of x and y.',
  parameters: operands,
  missing: 'Where x or y is not known yet; where the sum is too large for a double.',
  examples: [
    {
      formula: 'X + Y',
      inputs: {
        X: [
          [0, 1],
          [2, 2],
        ],
        Y: [
          [1, 10],
          [2, 20],
          [3, 30],
        ],
      },
      output: [
        [1, 11],
        [2, 22],
        [3, 32],
      ],
    },
  ],
  loop:
    () =>
    ({ length, columns: [x, y] }, out) => {
      for (let i = 0; i < length; i++) out[i] = finite(x[i] + y[i]);
    },
});

const minus = pointwise({
  name: '-',
  meaning: 'x less y. Before a single operand it is 0 less that.',
  parameters: operands,
  missing: 'Where x or y is not known yet; where the difference is too large for a double.',
  examples: [
    {
      formula: 'X - Y',
      inputs: {
        X: [
          [0, 5],
          [2, 8],
        ],
        Y: [[1, 2]],
      },
      output: [
        [1, 3],
        [2, 6],
      ],
    },
  ],
  loop:
    () =>
    ({ length, columns: [x, y] }, out) => {
      for (let i = 0; i < length; i++) out[i] = finite(x[i] - y[i]);
    },
});

const times = pointwise({
  name: '*',
  meaning: 'x times y.',
  parameters: operands,
  missing: 'Where x or y is not known yet; where the product is too large for a double.',
  examples: [
    {
      formula: 'X * 1.5',
      inputs: {
        X: [
          [0, 2],
          [1, 1e308],
          [2, -4],
        ],
      },
      output: [
        [0, 3],
        [1, 1.5e308],
        [2, -6],
      ],
    },
  ],
  loop:
    () =>
    ({ length, columns: [x, y] }, out) => {
      for (let i = 0; i < length; i++) out[i] = finite(x[i] * y[i]);
    },
});

const over = pointwise({
  name: '/',
  meaning: 'x divided by y.',
  parameters: operands,
  missing: 'Where x or y is not known yet; where y is 0; where the quotient is too large for a double.',
  examples: [
    {
      formula: 'X / Y',
      inputs: {
        X: [
          [0, 1],
          [1, 3],
          [2, 3],
        ],
        Y: [
          [0, 4],
          [1, 0],
          [2, 2],
        ],
      },
      output: [
        [0, 0.25],
        [2, 1.5],
      ],
    },
  ],
  loop:
    () =>
    ({ length, columns: [x, y] }, out) => {
      for (let i = 0; i < length; i++) out[i] = finite(x[i] / y[i]);
    },
});

const power = pointwise({
  name: '^',
  meaning: 'x to the power of y. Anything to the power of 0 is 1, 0 too.',
  parameters: [
    seriesParameter('x', 'The base, a series or a number.'),
    seriesParameter('y', 'The exponent, a series or a number.'),
  ],
  missing:
    'Where x or y is not known yet; where x is 0 and y below 0; where x is below 0 and y no whole number; where the power is too large for a double.',
  examples: [
    {
      formula: 'X ^ 2',
      inputs: {
        X: [
          [0, 1.5],
          [1, -3],
          [2, 1e200],
        ],
      },
      output: [
        [0, 2.25],
        [1, 9],
      ],
    },
    {
      formula: '2 ^ X',
      inputs: {
        X: [
          [0, -1],
          [1, 0],
          [2, 10],
        ],
      },
      output: [
        [0, 0.5],
        [1, 1],
        [2, 1024],
      ],
    },
  ],
  loop:
    () =>
    ({ length, columns: [x, y] }, out) => {
      // A product rounds a square once on every version of Node.
      for (let i = 0; i < length; i++) out[i] = finite(y[i] === 2 ? x[i] * x[i] : powerOf(x[i], y[i]));
    },
});

/** NaN ^ 0 is 1 in JavaScript, but an unknown value gives no point. */
function powerOf(x: number, y: number): number {
  return Number.isNaN(x) ? x : x ** y;
}

export const arithmetic: readonly RowOperator[] = [plus, minus, times, over, power];
