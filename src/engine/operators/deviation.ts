import { Moments } from '../exact/moments.ts';
import { narrowed, quotient, root, widened } from '../exact/wide.ts';
import type { Example, RowOperator, Runner, Window } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { skipUnknown, WindowRows, windowMemory, windowParameter } from './window.ts';

/** The number subtracted from n in the divisor n (n - left), and whether to take the root: D / (n (n - left)). */
interface Form {
  readonly left: 0 | 1;
  readonly root: boolean;
}

class Deviation implements Runner {
  readonly #held: WindowRows;
  readonly #moments = new Moments();
  readonly #form: Form;

  constructor(window: Window, form: Form) {
    this.#held = new WindowRows(window, 1);
    this.#form = form;
  }

  run(rows: Rows, out: Float64Array): void {
    const held = this.#held;
    const moments = this.#moments;
    const { left, root } = this.#form;
    const rowsMin = Math.max(held.rowsMin, 1 + left);
    for (let at = skipUnknown(rows, out); at < rows.length; ) {
      const count = held.take(rows, at);
      const { first, starts } = held;
      const x = held.columns[0];
      let leaving = held.head;
      moments.prepare(x, leaving, first, first + count);
      for (let k = 0; k < count; k++) {
        const start = starts[k];
        while (leaving < start) moments.add(x[leaving++], -1);
        moments.add(x[first + k], 1);
        const n = first + k + 1 - start;
        if (moments.tired(n)) moments.prepare(x, start, first + k + 1, first + count);
        if (n < rowsMin) {
          out[at + k] = Number.NaN;
          continue;
        }
        const spread = moments.spread(n);
        if (Number.isNaN(spread)) {
          out[at + k] = this.#slowly(n);
          continue;
        }
        const variance = spread / (n * (n - left));
        out[at + k] = root ? Math.sqrt(variance) : variance;
      }
      at += count;
    }
  }

  bytes(): number {
    return this.#held.bytes() + this.#moments.bytes();
  }

  #slowly(n: number): number {
    const variance = quotient(this.#moments.exactSpread(n), widened(n * (n - this.#form.left)));
    return narrowed(this.#form.root ? root(variance) : variance);
  }
}

function deviation(name: string, meaning: string, form: Form, examples: readonly Example[]): RowOperator {
  const rowsMin = 1 + form.left;
  return {
    kind: 'row',
    name,
    group: 'window',
    meaning,
    parameters: [{ name: 'x', type: 'series', meaning: 'What is measured.' }, windowParameter(rowsMin)],
    warmUp:
      form.left === 0
        ? 'A window of time gives a point from the first value on, which is 0; a window of n points from the n-th on.'
        : 'A window of time gives a point from the second value in it on; a window of n points from the n-th on.',
    missing:
      form.left === 0
        ? 'Before the n-th value, for a window of n points.'
        : 'Where the window holds a single value; before the n-th value, for a window of n points.',
    examples,
    memory: ({ window }) => windowMemory(window as Window),
    open: ({ window }) => new Deviation(window as Window, form),
  };
}

const rising = {
  X: [
    [0, 1],
    [1, 3],
    [2, 5],
    [3, 7],
  ],
} as const;

export const variance = deviation(
  'var',
  'The population variance of the n values in the window: n * (sum of squares) - (sum)^2, exact and rounded once, / n^2.',
  { left: 0, root: false },
  [
    {
      formula: 'var(X, 2p)',
      inputs: rising,
      output: [
        [1, 1],
        [2, 1],
        [3, 1],
      ],
    },
    {
      formula: 'var(X, 1h)',
      inputs: rising,
      output: [
        [0, 0],
        [1, 1],
        [2, 24 / 9],
        [3, 5],
      ],
    },
  ],
);

export const varianceSamp = deviation(
  'var_samp',
  'The sample variance of the n values in the window: n * (sum of squares) - (sum)^2, exact and rounded once, / (n (n - 1)).',
  { left: 1, root: false },
  [
    {
      formula: 'var_samp(X, 1h)',
      inputs: rising,
      output: [
        [1, 2],
        [2, 4],
        [3, 80 / 12],
      ],
    },
  ],
);

export const stddev = deviation(
  'stddev',
  'The population standard deviation of the values in the window: the square root of var.',
  { left: 0, root: true },
  [
    {
      formula: 'stddev(X, 2p)',
      inputs: rising,
      output: [
        [1, 1],
        [2, 1],
        [3, 1],
      ],
    },
    {
      formula: 'stddev(X, 3s)',
      inputs: {
        X: [
          [0, 65000.25],
          [1, 65001.25],
          [9, 65001.25],
        ],
      },
      output: [
        [0, 0],
        [1, 0.5],
        [9, 0],
      ],
    },
  ],
);

export const stddevSamp = deviation(
  'stddev_samp',
  'The sample standard deviation of the values in the window: the square root of var_samp.',
  { left: 1, root: true },
  [
    {
      formula: 'stddev_samp(X, 3p)',
      inputs: rising,
      output: [
        [2, 2],
        [3, 2],
      ],
    },
  ],
);
