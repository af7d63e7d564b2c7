import { Weights } from '../exact/weights.ts';
import type { RowOperator, Runner, Window } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { skipUnknown, WindowRows, windowMemory, windowParameter } from './window.ts';

class Vwap implements Runner {
  readonly #held: WindowRows;
  readonly #weights = new Weights();

  constructor(window: Window) {
    this.#held = new WindowRows(window, 2);
  }

  run(rows: Rows, out: Float64Array): void {
    const held = this.#held;
    const weights = this.#weights;
    const { rowsMin } = held;
    for (let at = skipUnknown(rows, out); at < rows.length; ) {
      const count = held.take(rows, at);
      const { first, starts } = held;
      const [values, sizes] = held.columns;
      let leaving = held.head;
      weights.prepare(values, sizes, leaving, first, first + count);
      for (let k = 0; k < count; k++) {
        const start = starts[k];
        for (; leaving < start; leaving++) weights.remove(values[leaving], sizes[leaving]);
        weights.add(values[first + k], sizes[first + k]);
        const n = first + k + 1 - start;
        if (weights.tired(n)) weights.prepare(values, sizes, start, first + k + 1, first + count);
        out[at + k] = n < rowsMin ? Number.NaN : weights.mean();
      }
      at += count;
    }
  }

  bytes(): number {
    return this.#held.bytes() + this.#weights.bytes();
  }
}

export const vwap: RowOperator = {
  kind: 'row',
  name: 'vwap',
  group: 'window',
  meaning:
    'The volume-weighted average price: (sum of value * size) / (sum of sizes) over the window, both exact and rounded once.',
  parameters: [
    { name: 'x', type: 'ticks', meaning: 'The ticks that are averaged; only those with a size count.' },
    windowParameter(),
  ],
  warmUp: 'A window of time gives a point from the first tick with a size on; a window of n points from the n-th on.',
  missing:
    'At ticks without a size; where the sizes in the window sum up to 0; before the n-th tick, for a window of n points.',
  examples: [
    {
      formula: 'vwap(X, 2s)',
      inputs: {
        X: [
          [0, 100, 3],
          [1, 102, 1],
          [2, 110, 0],
          [4, 90, 0],
          [5, 96, 2],
        ],
      },
      output: [
        [0, 100],
        [1, 100.5],
        [2, 102],
        [5, 96],
      ],
    },
    {
      formula: 'vwap(X, 2p)',
      inputs: {
        X: [
          [0, 100, 3],
          [1, 102, 1],
          [2, 110, 1],
        ],
      },
      output: [
        [1, 100.5],
        [2, 106],
      ],
    },
  ],
  join: 'same',
  memory: ({ window }) => windowMemory(window as Window),
  open: ({ window }) => new Vwap(window as Window),
};
