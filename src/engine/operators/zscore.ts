import { Moments } from '../exact/moments.ts';
import { narrowed, quotient, root } from '../exact/wide.ts';
import type { RowOperator, Runner, Window } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { skipUnknown, WindowRows, windowMemory, windowParameter } from './window.ts';

class Zscore implements Runner {
  readonly #held: WindowRows;
  readonly #moments = new Moments();

  constructor(window: Window) {
    this.#held = new WindowRows(window, 1);
  }

  run(rows: Rows, out: Float64Array): void {
    const held = this.#held;
    const moments = this.#moments;
    const { rowsMin } = held;
    for (let at = skipUnknown(rows, out); at < rows.length; ) {
      const count = held.take(rows, at);
      const { first, starts } = held;
      const x = held.columns[0];
      let leaving = held.head;
      moments.prepare(x, leaving, first, first + count);
      for (let k = 0; k < count; k++) {
        const start = starts[k];
        const last = x[first + k];
        while (leaving < start) moments.add(x[leaving++], -1);
        moments.add(last, 1);
        const n = first + k + 1 - start;
        if (moments.tired(n)) moments.prepare(x, start, first + k + 1, first + count);
        out[at + k] = n < rowsMin ? Number.NaN : this.#score(n, last);
      }
      at += count;
    }
  }

  bytes(): number {
    return this.#held.bytes() + this.#moments.bytes();
  }

  #score(n: number, x: number): number {
    const moments = this.#moments;
    const spread = moments.spread(n);
    if (spread === 0) return Number.NaN;
    const offset = moments.offset(n, x);
    if (!Number.isNaN(spread) && !Number.isNaN(offset)) return offset / Math.sqrt(spread);
    const exact = moments.exactSpread(n);
    if (exact.mantissa === 0) return Number.NaN;
    return narrowed(quotient(moments.exactOffset(n, x), root(exact)));
  }
}

export const zscore: RowOperator = {
  kind: 'row',
  name: 'zscore',
  group: 'window',
  meaning:
    'How many population standard deviations a value lies above the mean of the n values in its window, itself ' +
    'included: (n * x - sum) / sqrt(n * (sum of squares) - (sum)^2), both exact and rounded once.',
  parameters: [{ name: 'x', type: 'series', meaning: 'What is scored.' }, windowParameter(2)],
  warmUp:
    'A window of time gives a point from the first two values that differ on; a window of n points from the n-th on.',
  missing: 'Where all values in the window are equal; before the n-th value, for a window of n points.',
  examples: [
    {
      formula: 'zscore(X, 5p)',
      inputs: {
        X: [
          [0, 1],
          [1, 1],
          [2, 1],
          [3, 1],
          [4, 6],
        ],
      },
      output: [[4, 2]],
    },
    {
      formula: 'zscore(X, 2s)',
      inputs: {
        X: [
          [0, 10],
          [1, 12],
          [2, 12],
          [3, 11],
        ],
      },
      output: [
        [1, 1],
        [3, -1],
      ],
    },
  ],
  memory: ({ window }) => windowMemory(window as Window),
  open: ({ window }) => new Zscore(window as Window),
};
