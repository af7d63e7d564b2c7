import type { RowOperator, Runner } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { Ages, asTheJoin, maxAgeParameter } from './ages.ts';
import { seriesParameter } from './pointwise.ts';

class AsOf implements Runner {
  readonly #ages: Ages;

  constructor(ages: Ages) {
    this.#ages = ages;
  }

  run(rows: Rows, out: Float64Array): void {
    const { length, own } = rows;
    const x = rows.columns[0];
    for (let i = 0; i < length; i++) {
      const isYoung = (this.#ages.young(rows, i) & 1) !== 0;
      out[i] = isYoung && (own === undefined || (own[i] & 2) !== 0) ? x[i] : Number.NaN;
    }
  }

  bytes(): number {
    return 48;
  }
}

export const asof: RowOperator = {
  kind: 'row',
  name: 'asof',
  group: 'join',
  meaning: 'x as last known at the instants of y.',
  parameters: [
    seriesParameter('x', 'Whose values are given.'),
    seriesParameter('y', 'Whose instants are taken.'),
    maxAgeParameter,
  ],
  warmUp: 'None: it has a point as soon as x has one.',
  missing: 'Where y has no point of its own; where x is not known yet, or was last known longer ago than max_age.',
  examples: [
    {
      formula: 'asof(X, Y)',
      inputs: {
        X: [
          [1, 10],
          [2, 20],
        ],
        Y: [
          [0, 1],
          [2, 1],
          [9, 1],
        ],
      },
      output: [
        [2, 20],
        [9, 20],
      ],
    },
    {
      formula: 'asof(X, Y, 2s)',
      inputs: {
        X: [
          [0, 10],
          [4, 20],
        ],
        Y: [
          [2, 1],
          [3, 1],
          [5, 1],
        ],
      },
      output: [
        [2, 10],
        [5, 20],
      ],
    },
  ],
  join: 'union',
  memory: () => asTheJoin,
  open: (given) => new AsOf(new Ages(given)),
};
