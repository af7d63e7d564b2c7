import type { RowOperator, Runner, Window } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { SortedBlocks } from './sorted-blocks.ts';
import { skipUnknown, WindowRows, windowMemory, windowParameter } from './window.ts';

class Quantile implements Runner {
  readonly #held: WindowRows;
  readonly #sorted = new SortedBlocks();
  readonly #q: number;

  constructor(window: Window, q: number) {
    this.#held = new WindowRows(window, 1);
    this.#q = q;
  }

  run(rows: Rows, out: Float64Array): void {
    const held = this.#held;
    const sorted = this.#sorted;
    const q = this.#q;
    const { rowsMin } = held;
    for (let at = skipUnknown(rows, out); at < rows.length; ) {
      const count = held.take(rows, at);
      const { first, starts } = held;
      const x = held.columns[0];
      let leaving = held.head;
      for (let k = 0; k < count; k++) {
        const start = starts[k];
        while (leaving < start) sorted.remove(x[leaving++]);
        sorted.insert(x[first + k]);
        out[at + k] = sorted.size < rowsMin ? Number.NaN : quantileOf(sorted, q);
      }
      at += count;
    }
  }

  bytes(): number {
    return this.#held.bytes() + this.#sorted.bytes();
  }
}

function quantileOf(sorted: SortedBlocks, q: number): number {
  const position = (sorted.size - 1) * q;
  const rank = Math.floor(position);
  const share = position - rank;
  const a = sorted.at(rank);
  if (share === 0) return a;
  const b = sorted.at(rank + 1);
  return share === 0.5 ? middle(a, b) : between(a, b, share);
}

/** The mean of two numbers, rounded once. */
function middle(a: number, b: number): number {
  const sum = a + b;
  return sum - sum === 0 ? sum / 2 : a / 2 + b / 2;
}

function between(a: number, b: number, share: number): number {
  const gap = b - a;
  const value = gap - gap === 0 ? a + gap * share : a * (1 - share) + b * share;
  // Rounding could exceed the last index.
  return Math.min(value, b);
}

const x = { name: 'x', type: 'series', meaning: 'What is looked at.' } as const;

const five = {
  X: [
    [0, 10],
    [1, 14],
    [2, 11],
    [3, 12],
    [6, 30],
  ],
} as const;

export const median: RowOperator = {
  kind: 'row',
  name: 'median',
  group: 'window',
  meaning:
    'The middle one of the values in the window; of an even number of them the mean of the middle two, rounded once. ' +
    'The same as quantile with q 0.5.',
  parameters: [x, windowParameter()],
  warmUp: 'A window of time gives a point from the first value on; a window of n points from the n-th on.',
  missing: 'Before the n-th value, for a window of n points.',
  examples: [
    {
      formula: 'median(X, 3s)',
      inputs: five,
      output: [
        [0, 10],
        [1, 12],
        [2, 11],
        [3, 12],
        [6, 30],
      ],
    },
    {
      formula: 'median(X, 4p)',
      inputs: five,
      output: [
        [3, 11.5],
        [6, 13],
      ],
    },
  ],
  memory: ({ window }) => windowMemory(window as Window),
  open: ({ window }) => new Quantile(window as Window, 0.5),
};

export const quantile: RowOperator = {
  kind: 'row',
  name: 'quantile',
  group: 'window',
  meaning:
    'The value below which a share q of the n values in the window lies: in ascending order, counted from 0, the one at ' +
    '(n - 1) * q; if that lies between a and b, with f as its part after the point: a + (b - a) * f, at most b; for f 0.5 ' +
    '(a + b) / 2. (Where b - a is too large for a double: a * (1 - f) + b * f.)',
  parameters: [
    x,
    windowParameter(),
    {
      name: 'q',
      type: 'number',
      min: 0,
      max: 1,
      meaning: 'The share: 0 is the least value, 0.5 the median, 1 the greatest.',
    },
  ],
  warmUp: 'A window of time gives a point from the first value on; a window of n points from the n-th on.',
  missing: 'Before the n-th value, for a window of n points.',
  examples: [
    {
      formula: 'quantile(X, 5p, 0.75)',
      inputs: five,
      output: [[6, 14]],
    },
    {
      formula: 'quantile(X, 3s, 0.25)',
      inputs: five,
      output: [
        [0, 10],
        [1, 11],
        [2, 10.5],
        [3, 11.5],
        [6, 30],
      ],
    },
  ],
  memory: ({ window }) => windowMemory(window as Window),
  open: ({ window, q }) => new Quantile(window as Window, q as number),
};
