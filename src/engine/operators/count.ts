import type { RowOperator, Runner, Window } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { skipUnknown, WindowRows, windowMemory, windowParameter } from './window.ts';

class Count implements Runner {
  readonly #held: WindowRows;

  constructor(window: Window) {
    this.#held = new WindowRows(window, 0);
  }

  run(rows: Rows, out: Float64Array): void {
    const held = this.#held;
    const { rowsMin } = held;
    for (let at = skipUnknown(rows, out); at < rows.length; ) {
      const taken = held.take(rows, at);
      const { first, starts } = held;
      for (let k = 0; k < taken; k++) {
        const n = first + k + 1 - starts[k];
        out[at + k] = n < rowsMin ? Number.NaN : n;
      }
      at += taken;
    }
  }

  bytes(): number {
    return this.#held.bytes();
  }
}

export const count: RowOperator = {
  kind: 'row',
  name: 'count',
  group: 'window',
  meaning: 'How many values are in the window.',
  parameters: [{ name: 'x', type: 'series', meaning: 'What is counted.' }, windowParameter()],
  warmUp:
    'A window of time gives a point from the first value on; a window of n points, which is always n, from the n-th on.',
  missing: 'Before the n-th value, for a window of n points.',
  examples: [
    {
      formula: 'count(X, 2s)',
      inputs: {
        X: [
          [0, 10],
          [1, 13],
          [2, 11],
          [5, 20],
        ],
      },
      output: [
        [0, 1],
        [1, 2],
        [2, 2],
        [5, 1],
      ],
    },
  ],
  memory: ({ window }) => windowMemory(window as Window),
  open: ({ window }) => new Count(window as Window),
};
