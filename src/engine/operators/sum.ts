import type { RowOperator, Window } from '../operator.ts';
import { windowMemory, windowParameter } from './window.ts';
import { WindowTotal } from './window-total.ts';

export const sum: RowOperator = {
  kind: 'row',
  name: 'sum',
  group: 'window',
  meaning: 'The sum of the values in the window, exact and rounded once.',
  parameters: [{ name: 'x', type: 'series', meaning: 'What is summed.' }, windowParameter()],
  warmUp: 'A window of time gives a point from the first value on; a window of n points from the n-th on.',
  missing: 'Before the n-th value, for a window of n points; where the sum is too large for a double.',
  examples: [
    {
      formula: 'sum(X, 2s)',
      inputs: {
        X: [
          [0, 10],
          [1, 13],
          [2, 11],
          [5, 20],
        ],
      },
      output: [
        [0, 10],
        [1, 23],
        [2, 24],
        [5, 20],
      ],
    },
    {
      formula: 'sum(X, 3p)',
      inputs: {
        X: [
          [0, 1e16],
          [1, 1],
          [2, -1e16],
          [3, 0.5],
        ],
      },
      output: [
        [2, 1],
        [3, -9999999999999998],
      ],
    },
  ],
  memory: ({ window }) => windowMemory(window as Window),
  open: ({ window }) => new WindowTotal(window as Window, 'sum'),
};
