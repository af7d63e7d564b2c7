import type { RowOperator, Runner, Window } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { skipUnknown, WindowRows, windowMemory, windowParameter } from './window.ts';

class First implements Runner {
  readonly #held: WindowRows;

  constructor(window: Window) {
    this.#held = new WindowRows(window, 1);
  }

  run(rows: Rows, out: Float64Array): void {
    const held = this.#held;
    const { rowsMin } = held;
    for (let at = skipUnknown(rows, out); at < rows.length; ) {
      const count = held.take(rows, at);
      const { first, starts } = held;
      const x = held.columns[0];
      for (let k = 0; k < count; k++) {
        const start = starts[k];
        out[at + k] = first + k + 1 - start < rowsMin ? Number.NaN : x[start];
      }
      at += count;
    }
  }

  bytes(): number {
    return this.#held.bytes();
  }
}

/** The last value of a window is the current one, so only the count is kept. */
class Last implements Runner {
  readonly #rowsMin: number;
  #seen = 0;

  constructor(window: Window) {
    this.#rowsMin = 'points' in window ? window.points : 1;
  }

  run({ length, columns: [x] }: Rows, out: Float64Array): void {
    out.set(x.subarray(0, length));
    out.fill(Number.NaN, 0, Math.min(length, Math.max(0, this.#rowsMin - 1 - this.#seen)));
    this.#seen += length;
  }

  bytes(): number {
    return 16;
  }
}

const four = {
  X: [
    [0, 10],
    [1, 13],
    [2, 11],
    [5, 20],
  ],
} as const;

export const first: RowOperator = {
  kind: 'row',
  name: 'first',
  group: 'window',
  meaning: 'The oldest value in the window.',
  parameters: [{ name: 'x', type: 'series', meaning: 'What is looked at.' }, windowParameter()],
  warmUp: 'A window of time gives a point from the first value on; a window of n points from the n-th on.',
  missing: 'Before the n-th value, for a window of n points.',
  examples: [
    {
      formula: 'first(X, 2s)',
      inputs: four,
      output: [
        [0, 10],
        [1, 10],
        [2, 13],
        [5, 20],
      ],
    },
    {
      formula: 'first(X, 3p)',
      inputs: four,
      output: [
        [2, 10],
        [5, 13],
      ],
    },
  ],
  memory: ({ window }) => windowMemory(window as Window),
  open: ({ window }) => new First(window as Window),
};

export const last: RowOperator = {
  kind: 'row',
  name: 'last',
  group: 'window',
  meaning: 'The newest value in the window, which is x itself wherever the window gives a point.',
  parameters: [{ name: 'x', type: 'series', meaning: 'What is looked at.' }, windowParameter()],
  warmUp: 'A window of time gives a point from the first value on; a window of n points from the n-th on.',
  missing: 'Before the n-th value, for a window of n points.',
  examples: [
    {
      formula: 'last(X, 3p)',
      inputs: four,
      output: [
        [2, 11],
        [5, 20],
      ],
    },
  ],
  memory: ({ window }) => ('points' in (window as Window) ? windowMemory(window as Window) : { kind: 'rows', rows: 0 }),
  open: ({ window }) => new Last(window as Window),
};
