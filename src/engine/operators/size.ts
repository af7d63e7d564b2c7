import type { Operator } from '../operator.ts';

/** Formulas read sizes directly. This declaration serves the catalogue. */
export const size: Operator = {
  kind: 'row',
  takes: 'size',
  name: 'size',
  group: 'arithmetic',
  meaning: 'The sizes of the ticks of x, as a series.',
  parameters: [{ name: 'x', type: 'ticks', meaning: 'The ticks whose sizes are taken.' }],
  warmUp: 'None: it has a point wherever a tick has a size.',
  missing: 'At ticks without a size.',
  examples: [
    {
      formula: 'size(X)',
      inputs: {
        X: [
          [0, 100, 3],
          [1, 101],
          [2, 102, 0.5],
        ],
      },
      output: [
        [0, 3],
        [2, 0.5],
      ],
    },
  ],
  memory: () => ({ kind: 'rows', rows: 0 }),
  open: () => ({
    run: ({ length, columns: [x] }, out) => out.set(x.subarray(0, length)),
    bytes: () => 0,
  }),
};
