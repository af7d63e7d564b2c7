import { narrowed, product, quotient, widened } from '../exact/wide.ts';
import type { RowOperator, Window } from '../operator.ts';
import { windowMemory, windowParameter } from './window.ts';
import { type PairForm, WindowPair } from './window-pair.ts';

const microsPerSecond = 1e6;

const slopeForm: PairForm = {
  squares: { x: false, y: true },
  overTime: true,
  value(moments, n) {
    if (moments.condense()) {
      const slope = (moments.spreadXY(n) * microsPerSecond) / moments.spreadYY(n);
      if (!Number.isNaN(slope)) return slope;
    }
    const { xy, yy } = moments.exactSpreads(n);
    return narrowed(quotient(product(xy, widened(microsPerSecond)), yy));
  },
};

export const slope: RowOperator = {
  kind: 'row',
  name: 'slope',
  group: 'window',
  meaning:
    'How fast x rises, per second: the slope of the straight line that fits the n values in the window best (least ' +
    'squares). With t in microseconds n * (sum of x t) - (sum of x) (sum of t), times 10^6, over n * (sum of t t) - ' +
    '(sum of t)^2, both exact and rounded once.',
  parameters: [{ name: 'x', type: 'series', meaning: 'What rises or falls.' }, windowParameter(2)],
  warmUp: 'A window of time gives a point from the second value in it on; a window of n points from the n-th on.',
  missing: 'Where the window holds a single value; before the n-th value, for a window of n points.',
  examples: [
    {
      formula: 'slope(X, 1m)',
      inputs: {
        X: [
          [0, 10],
          [1, 13],
          [2, 16],
          [4, 22],
        ],
      },
      output: [
        [1, 3],
        [2, 3],
        [4, 3],
      ],
    },
    {
      formula: 'slope(X, 3p)',
      inputs: {
        X: [
          [0, 10],
          [1, 20],
          [2, 15],
          [3, 15],
        ],
      },
      output: [
        [2, 2.5],
        [3, -2.5],
      ],
    },
  ],
  memory: ({ window }) => windowMemory(window as Window),
  open: ({ window }) => new WindowPair(window as Window, slopeForm),
};
