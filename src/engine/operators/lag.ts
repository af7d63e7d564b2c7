import type { RowOperator, Window } from '../operator.ts';
import { byParameter, lagMemory, openLagged } from './lagged.ts';

export const lag: RowOperator = {
  kind: 'row',
  name: 'lag',
  group: 'shift',
  meaning: 'The value of x a number of points, or a duration, earlier: the last value at or before t - by.',
  parameters: [{ name: 'x', type: 'series', meaning: 'What is looked back at.' }, byParameter],
  warmUp: 'The first point stands where there is a value so far back.',
  missing: 'Where there was no value yet so far back.',
  notes: [
    '`explain` of `lag(A, 5s) - B`, where A has a point at t, lists of A the last point at or before t - 5s, whose value is taken, and not the point at t; of B it lists the last point at or before t.',
  ],
  examples: [
    {
      formula: 'lag(X, 2p)',
      inputs: {
        X: [
          [0, 10],
          [1, 13],
          [2, 11],
          [5, 20],
        ],
      },
      output: [
        [2, 10],
        [5, 13],
      ],
    },
    {
      formula: 'lag(X, 2s)',
      inputs: {
        X: [
          [0, 10],
          [1, 13],
          [2, 11],
          [5, 20],
        ],
      },
      output: [
        [2, 10],
        [5, 11],
      ],
    },
  ],
  memory: ({ by }) => lagMemory(by as Window),
  counts: 'farEnd',
  open: ({ by }) => openLagged(by as Window),
};
