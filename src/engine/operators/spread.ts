import type { RowOperator, Runner } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { Ages, asTheJoin, maxAgeParameter } from './ages.ts';
import { finite, seriesParameter } from './pointwise.ts';

class Spread implements Runner {
  readonly #ages: Ages;

  constructor(ages: Ages) {
    this.#ages = ages;
  }

  run(rows: Rows, out: Float64Array): void {
    const { length } = rows;
    const [x, y] = rows.columns;
    for (let i = 0; i < length; i++) {
      out[i] = this.#ages.young(rows, i) === 3 ? finite(x[i] - y[i]) : Number.NaN;
    }
  }

  bytes(): number {
    return 48;
  }
}

export const spread: RowOperator = {
  kind: 'row',
  name: 'spread',
  group: 'join',
  meaning: 'x less y at the instants of both, each as last known; with max_age only while neither is stale.',
  parameters: [
    seriesParameter('x', 'What is subtracted from.'),
    seriesParameter('y', 'What is subtracted.'),
    maxAgeParameter,
  ],
  warmUp: 'None: it has a point as soon as x and y have one.',
  missing:
    'Where x or y is not known yet, or was last known longer ago than max_age; where the difference is too large for a double.',
  examples: [
    {
      formula: 'spread(X, Y)',
      inputs: {
        X: [
          [0, 10],
          [2, 12],
        ],
        Y: [
          [1, 9],
          [5, 8],
        ],
      },
      output: [
        [1, 1],
        [2, 3],
        [5, 4],
      ],
    },
    {
      formula: 'spread(X, Y, 2s)',
      inputs: {
        X: [
          [0, 10],
          [2, 12],
        ],
        Y: [
          [1, 9],
          [5, 8],
          [6, 7],
        ],
      },
      output: [
        [1, 1],
        [2, 3],
      ],
    },
  ],
  join: 'union',
  memory: () => asTheJoin,
  open: (given) => new Spread(new Ages(given)),
};
