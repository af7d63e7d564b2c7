import type { Arguments, RowOperator, Runner } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { follow } from './exponential-average.ts';

function alphaOf(given: Arguments): number {
  if (given.alpha !== undefined) return given.alpha as number;
  if (given.halflife !== undefined) return 1 - 2 ** (-1 / (given.halflife as number));
  return 2 / ((given.span as number) + 1);
}

class Ema implements Runner {
  readonly #alpha: number;
  #last: number | undefined;

  constructor(alpha: number) {
    this.#alpha = alpha;
  }

  run({ length, columns: [x] }: Rows, out: Float64Array): void {
    if (length === 0) return;
    let from = 0;
    let last = this.#last;
    if (last === undefined) {
      last = x[0];
      out[0] = last;
      from = 1;
    }
    this.#last = follow(x, from, length, this.#alpha, last, out);
  }

  bytes(): number {
    return 16;
  }

  /** The last average; empty before the first point. */
  state(): number[] {
    return this.#last === undefined ? [] : [this.#last];
  }

  restore([last]: readonly number[]): void {
    this.#last = last;
  }
}

export const ema: RowOperator = {
  kind: 'row',
  name: 'ema',
  group: 'recursive',
  meaning:
    'The exponential moving average: each value moves it by alpha times its distance. It comes to rest: a step too small ' +
    'to move it brings it to x, so on flat data it is x before long (for alphas from 2^-20 on).',
  parameters: [
    { name: 'x', type: 'series', meaning: 'What is averaged.' },
    { name: 'span', type: 'number', optional: true, min: 1, meaning: 'alpha = 2 / (span + 1).' },
    {
      name: 'halflife',
      type: 'number',
      optional: true,
      min: 0,
      aboveMin: true,
      meaning: 'The number of points after which the weight of a value has halved: alpha = 1 - 2^(-1 / halflife).',
    },
    {
      name: 'alpha',
      type: 'number',
      optional: true,
      min: 0,
      max: 1,
      aboveMin: true,
      meaning: 'The weight of a new value itself.',
    },
  ],
  warmUp: 'The first point is its own average.',
  missing: 'Nowhere: it has a point wherever x has one.',
  refuse: ({ span, halflife, alpha }) =>
    [span, halflife, alpha].filter((one) => one !== undefined).length === 1
      ? undefined
      : { parameter: 'span', problem: 'exactly one of span, halflife and alpha is needed' },
  notes: [
    'Other programs often start an average of span n with the mean of the first n values, and give no point before. The difference shrinks by the share alpha at each point: with span 26, less than 0.05 % of it is left after 100 points.',
    'A correction changes the following points until its rest is too small for a double: with span 26 400 to 500 points. Later points are neither computed nor written again.',
  ],
  examples: [
    {
      formula: 'ema(X, 3)',
      inputs: {
        X: [
          [0, 10],
          [1, 12],
          [2, 11],
        ],
      },
      output: [
        [0, 10],
        [1, 11],
        [2, 11],
      ],
    },
    {
      formula: 'ema(X, alpha: 0.25)',
      inputs: {
        X: [
          [0, 8],
          [1, 0],
          [2, 14],
        ],
      },
      output: [
        [0, 8],
        [1, 6],
        [2, 8],
      ],
    },
  ],
  memory: () => ({ kind: 'forever' }),
  open: (given) => new Ema(alphaOf(given)),
};
