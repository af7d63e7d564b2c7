import type { RowOperator, Window } from '../operator.ts';
import { windowMemory, windowParameter } from './window.ts';
import { WindowTotal } from './window-total.ts';

export const mean: RowOperator = {
  kind: 'row',
  name: 'mean',
  group: 'window',
  meaning: 'The mean of the values in the window: their exact sum, rounded once, divided by how many there are.',
  parameters: [{ name: 'x', type: 'series', meaning: 'What is averaged.' }, windowParameter()],
  warmUp: 'A window of time gives a point from the first value on; a window of n points from the n-th on.',
  missing: 'Before the n-th value, for a window of n points.',
  examples: [
    {
      formula: 'mean(X, 2s)',
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
        [1, 11.5],
        [2, 12],
        [5, 20],
      ],
    },
    {
      formula: 'mean(X, 3p)',
      inputs: {
        X: [
          [0, 10],
          [1, 13],
          [2, 11],
          [5, 20],
        ],
      },
      output: [
        [2, 34 / 3],
        [5, 44 / 3],
      ],
    },
  ],
  memory: ({ window }) => windowMemory(window as Window),
  open: ({ window }) => new WindowTotal(window as Window, 'mean'),
};
