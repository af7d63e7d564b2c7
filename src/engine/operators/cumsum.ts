import { ExactSum } from '../exact-sum.ts';
import type { RowOperator, Runner } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { finite } from './pointwise.ts';

class CumulativeSum implements Runner {
  readonly #sum = new ExactSum();

  run({ length, columns: [x] }: Rows, out: Float64Array): void {
    const sum = this.#sum;
    for (let i = 0; i < length; i++) {
      sum.add(x[i]);
      out[i] = finite(sum.value());
    }
  }

  bytes(): number {
    return 200;
  }

  state(): number[] {
    return this.#sum.expansion();
  }

  restore(state: readonly number[]): void {
    this.#sum.clear();
    this.#sum.addExpansion(state);
  }
}

export const cumsum: RowOperator = {
  kind: 'row',
  name: 'cumsum',
  group: 'recursive',
  meaning: 'The sum of all values so far: exact, and rounded once at each.',
  parameters: [{ name: 'x', type: 'series', meaning: 'What is summed up.' }],
  warmUp: 'None: the first point is the first value.',
  missing: 'Where the sum is too large for a double; it goes on, and has points again when it has come back.',
  notes: [
    'A correction changes every later point: all of them are computed, written and sent to subscribers again. Where a part of the past is enough, take a window: `sum(A, 30d)` forgets a correction after 30 days.',
  ],
  examples: [
    {
      formula: 'cumsum(X)',
      inputs: {
        X: [
          [0, 0.1],
          [1, 0.2],
          [2, 0.3],
          [3, -0.6],
        ],
      },
      output: [
        [0, 0.1],
        [1, 0.1 + 0.2],
        [2, 0.6],
        [3, 2 ** -55],
      ],
    },
  ],
  memory: () => ({ kind: 'forever' }),
  open: () => new CumulativeSum(),
};
