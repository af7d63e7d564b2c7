import type { RowOperator, Runner } from '../operator.ts';
import type { Rows } from '../rows.ts';

class RunningMax implements Runner {
  #top = Number.NEGATIVE_INFINITY;

  run({ length, columns: [x] }: Rows, out: Float64Array): void {
    let top = this.#top;
    for (let i = 0; i < length; i++) {
      if (x[i] > top) top = x[i];
      out[i] = top;
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

export const runmax: RowOperator = {
  kind: 'row',
  name: 'runmax',
  group: 'recursive',
  meaning: 'The greatest value so far.',
  parameters: [{ name: 'x', type: 'series', meaning: 'What is looked at.' }],
  warmUp: 'None: the first point is the first value.',
  missing: 'Nowhere: it has a point wherever x has one.',
  notes: [
    'A correction changes the following points up to the first one at which the greatest value is the same as before. A new greatest value of all, or a removed one, changes every later point up to the next greater value.',
  ],
  examples: [
    {
      formula: 'runmax(X)',
      inputs: {
        X: [
          [0, 10],
          [1, 12],
          [2, 11],
          [3, 13],
        ],
      },
      output: [
        [0, 10],
        [1, 12],
        [2, 12],
        [3, 13],
      ],
    },
  ],
  memory: () => ({ kind: 'forever' }),
  open: () => new RunningMax(),
};
