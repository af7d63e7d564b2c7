import type { Example, RowOperator } from '../operator.ts';
import { type Pointwise, pointwise, seriesParameter } from './pointwise.ts';

function comparison(name: string, truth: string, output: Example['output'], loop: Pointwise): RowOperator {
  return pointwise({
    name,
    meaning: `1 where x is ${truth} y, 0 where it is not.`,
    parameters: [
      seriesParameter('x', 'The left operand, a series or a number.'),
      seriesParameter('y', 'The right operand, a series or a number.'),
    ],
    missing: 'Where x or y is not known yet.',
    examples: [{ formula: `X ${name} Y`, inputs: sample, output }],
    loop: () => loop,
  });
}

const sample: Example['inputs'] = {
  X: [
    [0, 1],
    [1, 2],
    [3, 3],
  ],
  Y: [
    [1, 3],
    [2, 2],
  ],
};

const isNotKnown = Number.isNaN;

const less = comparison(
  '<',
  'less than',
  [
    [1, 1],
    [2, 0],
    [3, 0],
  ],
  ({ length, columns: [x, y] }, out) => {
    for (let i = 0; i < length; i++) out[i] = x[i] < y[i] ? 1 : x[i] >= y[i] ? 0 : Number.NaN;
  },
);

const atMost = comparison(
  '<=',
  'less than or equal to',
  [
    [1, 1],
    [2, 1],
    [3, 0],
  ],
  ({ length, columns: [x, y] }, out) => {
    for (let i = 0; i < length; i++) out[i] = x[i] <= y[i] ? 1 : x[i] > y[i] ? 0 : Number.NaN;
  },
);

const more = comparison(
  '>',
  'greater than',
  [
    [1, 0],
    [2, 0],
    [3, 1],
  ],
  ({ length, columns: [x, y] }, out) => {
    for (let i = 0; i < length; i++) out[i] = x[i] > y[i] ? 1 : x[i] <= y[i] ? 0 : Number.NaN;
  },
);

const atLeast = comparison(
  '>=',
  'greater than or equal to',
  [
    [1, 0],
    [2, 1],
    [3, 1],
  ],
  ({ length, columns: [x, y] }, out) => {
    for (let i = 0; i < length; i++) out[i] = x[i] >= y[i] ? 1 : x[i] < y[i] ? 0 : Number.NaN;
  },
);

const equal = comparison(
  '==',
  'equal (as doubles, with no tolerance) to',
  [
    [1, 0],
    [2, 1],
    [3, 0],
  ],
  ({ length, columns: [x, y] }, out) => {
    for (let i = 0; i < length; i++) out[i] = x[i] === y[i] ? 1 : isNotKnown(x[i]) || isNotKnown(y[i]) ? Number.NaN : 0;
  },
);

const unequal = comparison(
  '!=',
  'other than (as doubles, with no tolerance)',
  [
    [1, 1],
    [2, 0],
    [3, 1],
  ],
  ({ length, columns: [x, y] }, out) => {
    for (let i = 0; i < length; i++) out[i] = x[i] === y[i] ? 0 : isNotKnown(x[i]) || isNotKnown(y[i]) ? Number.NaN : 1;
  },
);

export const comparisons: readonly RowOperator[] = [less, atMost, more, atLeast, equal, unequal];
