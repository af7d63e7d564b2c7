import type { RowOperator } from '../operator.ts';
import { pointwise, seriesParameter } from './pointwise.ts';

const operands = [
  seriesParameter('x', 'The left operand: 0 is false, anything else is true.'),
  seriesParameter('y', 'The right operand.'),
];

const and = pointwise({
  name: 'and',
  meaning: '1 where neither x nor y is 0, 0 elsewhere.',
  parameters: operands,
  missing: 'Where x or y is not known yet, even if the other is 0.',
  examples: [
    {
      formula: 'X > 1 and Y > 1',
      inputs: {
        X: [
          [0, 1],
          [1, 2],
          [2, 3],
        ],
        Y: [
          [1, 2],
          [2, 0],
        ],
      },
      output: [
        [1, 1],
        [2, 0],
      ],
    },
  ],
  loop:
    () =>
    ({ length, columns: [x, y] }, out) => {
      for (let i = 0; i < length; i++) {
        out[i] = Number.isNaN(x[i]) || Number.isNaN(y[i]) ? Number.NaN : x[i] !== 0 && y[i] !== 0 ? 1 : 0;
      }
    },
});

const or = pointwise({
  name: 'or',
  meaning: '1 where x or y is not 0, 0 where both are.',
  parameters: operands,
  missing: 'Where x or y is not known yet, even if the other is not 0.',
  examples: [
    {
      formula: 'X or Y',
      inputs: {
        X: [
          [0, 1],
          [1, 0],
          [2, 0],
        ],
        Y: [
          [1, 0],
          [2, -2],
        ],
      },
      output: [
        [1, 0],
        [2, 1],
      ],
    },
  ],
  loop:
    () =>
    ({ length, columns: [x, y] }, out) => {
      for (let i = 0; i < length; i++) {
        out[i] = Number.isNaN(x[i]) || Number.isNaN(y[i]) ? Number.NaN : x[i] !== 0 || y[i] !== 0 ? 1 : 0;
      }
    },
});

const not = pointwise({
  name: 'not',
  meaning: '1 where x is 0, 0 elsewhere.',
  parameters: [seriesParameter('x', 'What is turned round: 0 is false, anything else is true.')],
  missing: 'Nowhere: it has a point wherever x has one.',
  examples: [
    {
      formula: 'not X',
      inputs: {
        X: [
          [0, 0],
          [1, 1],
          [2, 0.5],
        ],
      },
      output: [
        [0, 1],
        [1, 0],
        [2, 0],
      ],
    },
  ],
  loop:
    () =>
    ({ length, columns: [x] }, out) => {
      for (let i = 0; i < length; i++) out[i] = Number.isNaN(x[i]) ? Number.NaN : x[i] === 0 ? 1 : 0;
    },
});

const choice = pointwise({
  name: 'if',
  meaning: 'then where the condition is not 0, else where it is 0.',
  parameters: [
    seriesParameter('condition', '0 is false, anything else is true.'),
    seriesParameter('then', 'What is given where the condition is true.'),
    { name: 'else', type: 'series', optional: true, meaning: 'What is given where it is false.' },
  ],
  missing:
    'Where the condition is not known yet, or the branch that it chooses is not; without else, where the condition is 0. The other branch need not be known.',
  examples: [
    {
      formula: 'if(X > 2, X, 0)',
      inputs: {
        X: [
          [0, 1],
          [1, 3],
          [2, 2],
        ],
      },
      output: [
        [0, 0],
        [1, 3],
        [2, 0],
      ],
    },
    {
      formula: 'if(X > 2, X)',
      inputs: {
        X: [
          [0, 1],
          [1, 3],
          [2, 2],
        ],
      },
      output: [[1, 3]],
    },
  ],
  loop:
    () =>
    ({ length, columns: [condition, then, otherwise] }, out) => {
      for (let i = 0; i < length; i++) {
        const truth = condition[i];
        if (truth === 0) out[i] = otherwise === undefined ? Number.NaN : otherwise[i];
        else out[i] = Number.isNaN(truth) ? Number.NaN : then[i];
      }
    },
});

export const logic: readonly RowOperator[] = [and, or, not, choice];
