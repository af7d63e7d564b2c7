import type { RowOperator, Runner } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { finite, shareOf } from './pointwise.ts';

class Drawdown implements Runner {
  #top = Number.NEGATIVE_INFINITY;

  run({ length, columns: [x] }: Rows, out: Float64Array): void {
    let top = this.#top;
    for (let i = 0; i < length; i++) {
      const value = x[i];
      if (value > top) top = value;
      out[i] = top > 0 ? finite(shareOf(value, top)) : Number.NaN;
    }
    this.#top = top;
  }

  bytes(): number {
    return 16;
  }

  /** The highest value; empty before the first point. */
  state(): number[] {
    return this.#top === Number.NEGATIVE_INFINITY ? [] : [this.#top];
  }

  restore([top = Number.NEGATIVE_INFINITY]: readonly number[]): void {
    this.#top = top;
  }
}

export const drawdown: RowOperator = {
  kind: 'row',
  name: 'drawdown',
  group: 'recursive',
  meaning: 'How far x is below its greatest value so far, as a share of it: (x - greatest) / greatest, at most 0.',
  parameters: [{ name: 'x', type: 'series', meaning: 'What falls back.' }],
  warmUp: 'None: the first point is 0, if the first value is above 0.',
  missing: 'Where the greatest value so far is 0 or below, or the quotient is too large for a double.',
  notes: [
    'A correction changes its own point, and the following ones up to the first one at which `runmax(A)` is the same as before.',
  ],
  examples: [
    {
      formula: 'drawdown(X)',
      inputs: {
        X: [
          [0, 100],
          [1, 75],
          [2, 200],
          [3, 50],
        ],
      },
      output: [
        [0, 0],
        [1, -0.25],
        [2, 0],
        [3, -0.75],
      ],
    },
    {
      formula: 'drawdown(X)',
      inputs: {
        X: [
          [0, -2],
          [1, 0],
          [2, 4],
          [3, -2],
        ],
      },
      output: [
        [2, 0],
        [3, -1.5],
      ],
    },
  ],
  memory: () => ({ kind: 'forever' }),
  open: () => new Drawdown(),
};
