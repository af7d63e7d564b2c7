import { ExactSum } from '../exact-sum.ts';
import type { RowOperator, Runner } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { follow } from './exponential-average.ts';

class Wilder implements Runner {
  readonly #span: number;
  /** The number of values up to the span, and their sum. */
  #seen = 0;
  readonly #sum = new ExactSum();
  #last = 0;

  constructor(span: number) {
    this.#span = span;
  }

  run({ length, columns: [x] }: Rows, out: Float64Array): void {
    let i = 0;
    for (; i < length && this.#seen < this.#span; i++) {
      this.#sum.add(x[i]);
      this.#seen++;
      out[i] = Number.NaN;
      if (this.#seen < this.#span) continue;
      this.#last = this.#sum.mean(this.#span);
      this.#sum.clear();
      out[i] = this.#last;
    }
    this.#last = follow(x, i, length, 1 / this.#span, this.#last, out);
  }

  bytes(): number {
    return 200;
  }

  /** The number of values, up to the span. Then the terms of their sum, or from the span on the average. */
  state(): number[] {
    return this.#seen < this.#span ? [this.#seen, ...this.#sum.expansion()] : [this.#seen, this.#last];
  }

  restore([seen, ...known]: readonly number[]): void {
    this.#seen = seen;
    this.#sum.clear();
    if (seen < this.#span) this.#sum.addExpansion(known);
    else this.#last = known[0];
  }
}

export const wilder: RowOperator = {
  kind: 'row',
  name: 'wilder',
  group: 'recursive',
  meaning:
    "Wilder's moving average (RMA, SMMA): each value moves it by 1 / span of its distance. As an exponential average of " +
    'its kind it comes to rest: a step too small to move it brings it to x.',
  parameters: [
    { name: 'x', type: 'series', meaning: 'What is averaged.' },
    { name: 'span', type: 'count', min: 1, meaning: 'Over how many values; alpha = 1 / span.' },
  ],
  warmUp: 'The first point, at the span-th value, is the mean of the first `span` values: their exact sum / span.',
  missing: 'Before the span-th value.',
  notes: [
    'A correction changes the following points until its rest is too small for a double: with span 14 400 to 500 points. That includes a correction of one of the first `span` values, which changes the seed.',
  ],
  examples: [
    {
      formula: 'wilder(X, 2)',
      inputs: {
        X: [
          [0, 10],
          [1, 13],
          [2, 12.5],
          [3, 14],
        ],
      },
      output: [
        [1, 11.5],
        [2, 12],
        [3, 13],
      ],
    },
    {
      formula: 'wilder(X, 4)',
      inputs: {
        X: [
          [0, 1],
          [1, 2],
          [2, 3],
          [3, 6],
          [4, 11],
        ],
      },
      output: [
        [3, 3],
        [4, 5],
      ],
    },
  ],
  memory: () => ({ kind: 'forever' }),
  open: ({ span }) => new Wilder(span as number),
};
