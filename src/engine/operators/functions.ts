import type { RowOperator } from '../operator.ts';
import { finite, pointwise, seriesParameter } from './pointwise.ts';
import { round } from './round.ts';

const several = [
  seriesParameter('x', 'A series or a number.'),
  { ...seriesParameter('y', 'Another one; any number of them can follow.'), repeats: true },
];

const three = {
  X: [
    [0, 1],
    [1, 5],
  ],
  Y: [
    [0, 4],
    [2, 0],
  ],
} as const;

const least = pointwise({
  name: 'least',
  meaning: 'The least of what several series are at the same instant. (The least within a window is `min`.)',
  parameters: several,
  missing: 'Where any of them is not known yet.',
  examples: [
    {
      formula: 'least(X, Y, 3)',
      inputs: three,
      output: [
        [0, 1],
        [1, 3],
        [2, 0],
      ],
    },
  ],
  loop:
    () =>
    ({ length, columns }, out) => {
      out.set(columns[0].subarray(0, length));
      for (let k = 1; k < columns.length; k++) {
        const column = columns[k];
        for (let i = 0; i < length; i++) out[i] = Math.min(out[i], column[i]);
      }
    },
});

const greatest = pointwise({
  name: 'greatest',
  meaning: 'The greatest of what several series are at the same instant. (The greatest within a window is `max`.)',
  parameters: several,
  missing: 'Where any of them is not known yet.',
  examples: [
    {
      formula: 'greatest(X, Y, 3)',
      inputs: three,
      output: [
        [0, 4],
        [1, 5],
        [2, 5],
      ],
    },
  ],
  loop:
    () =>
    ({ length, columns }, out) => {
      out.set(columns[0].subarray(0, length));
      for (let k = 1; k < columns.length; k++) {
        const column = columns[k];
        for (let i = 0; i < length; i++) out[i] = Math.max(out[i], column[i]);
      }
    },
});

const abs = pointwise({
  name: 'abs',
  meaning: 'How far x is from 0.',
  parameters: [seriesParameter('x', 'A series or a number.')],
  missing: 'Nowhere: it has a point wherever x has one.',
  examples: [
    {
      formula: 'abs(X)',
      inputs: {
        X: [
          [0, -1.5],
          [1, 2],
        ],
      },
      output: [
        [0, 1.5],
        [1, 2],
      ],
    },
  ],
  loop:
    () =>
    ({ length, columns: [x] }, out) => {
      for (let i = 0; i < length; i++) out[i] = Math.abs(x[i]);
    },
});

const log = pointwise({
  name: 'log',
  meaning: 'The natural logarithm of x.',
  parameters: [seriesParameter('x', 'A series or a number.')],
  missing: 'Where x is 0 or below.',
  examples: [
    {
      formula: 'log(X)',
      inputs: {
        X: [
          [0, 1],
          [1, 0],
          [2, -1],
        ],
      },
      output: [[0, 0]],
    },
  ],
  loop:
    () =>
    ({ length, columns: [x] }, out) => {
      for (let i = 0; i < length; i++) out[i] = finite(Math.log(x[i]));
    },
});

const exp = pointwise({
  name: 'exp',
  meaning: 'e to the power of x.',
  parameters: [seriesParameter('x', 'A series or a number.')],
  missing: 'Where the power is too large for a double (x above 709.78).',
  examples: [
    {
      formula: 'exp(X)',
      inputs: {
        X: [
          [0, 0],
          [1, 710],
          [2, -1000],
        ],
      },
      output: [
        [0, 1],
        [2, 0],
      ],
    },
  ],
  loop:
    () =>
    ({ length, columns: [x] }, out) => {
      for (let i = 0; i < length; i++) out[i] = finite(Math.exp(x[i]));
    },
});

const sqrt = pointwise({
  name: 'sqrt',
  meaning: 'The square root of x.',
  parameters: [seriesParameter('x', 'A series or a number.')],
  missing: 'Where x is below 0.',
  examples: [
    {
      formula: 'sqrt(X)',
      inputs: {
        X: [
          [0, 2.25],
          [1, -1],
          [2, 0],
        ],
      },
      output: [
        [0, 1.5],
        [2, 0],
      ],
    },
  ],
  loop:
    () =>
    ({ length, columns: [x] }, out) => {
      for (let i = 0; i < length; i++) out[i] = Math.sqrt(x[i]);
    },
});

const clamp = pointwise({
  name: 'clamp',
  meaning: 'x, but low where it is below that, and high where it is above that.',
  parameters: [
    seriesParameter('x', 'What is kept within bounds.'),
    { name: 'low', type: 'number', meaning: 'The lower bound.' },
    { name: 'high', type: 'number', meaning: 'The upper bound, not below the lower one.' },
  ],
  missing: 'Nowhere: it has a point wherever x has one.',
  refuse: ({ low, high }) =>
    (low as number) > (high as number)
      ? { parameter: 'low', problem: `the lower bound ${low} is above the upper bound ${high}` }
      : undefined,
  examples: [
    {
      formula: 'clamp(X, -1, 1)',
      inputs: {
        X: [
          [0, -2],
          [1, 0.5],
          [2, 3],
        ],
      },
      output: [
        [0, -1],
        [1, 0.5],
        [2, 1],
      ],
    },
  ],
  loop: (given) => {
    const low = given.low as number;
    const high = given.high as number;
    return ({ length, columns: [x] }, out) => {
      for (let i = 0; i < length; i++) out[i] = Math.min(Math.max(x[i], low), high);
    };
  },
});

export const functions: readonly RowOperator[] = [least, greatest, abs, log, exp, sqrt, round, clamp];
