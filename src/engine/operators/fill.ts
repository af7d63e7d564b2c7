import type { RowOperator, Runner } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { Ages, asTheJoin, maxAgeParameter } from './ages.ts';
import { seriesParameter } from './pointwise.ts';

class Fill implements Runner {
  readonly #ages: Ages;

  constructor(ages: Ages) {
    this.#ages = ages;
  }

  run(rows: Rows, out: Float64Array): void {
    const { length } = rows;
    const [x, y] = rows.columns;
    for (let i = 0; i < length; i++) {
      const isYoung = (this.#ages.young(rows, i) & 1) !== 0;
      out[i] = isYoung && !Number.isNaN(x[i]) ? x[i] : y[i];
    }
  }

  bytes(): number {
    return 48;
  }
}

export const fill: RowOperator = {
  kind: 'row',
  name: 'fill',
  group: 'join',
  meaning: 'x as last known, and y as last known where x is not; at the instants of both.',
  parameters: [
    seriesParameter('x', 'What is preferred.'),
    seriesParameter('y', 'What stands in for it; however old it is.'),
    maxAgeParameter,
  ],
  warmUp: 'None: it has a point as soon as x or y has one.',
  missing: 'Where y is not known yet, and x is not either or was last known longer ago than max_age.',
  examples: [
    {
      formula: 'fill(X, Y)',
      inputs: {
        X: [[2, 10]],
        Y: [
          [0, 1],
          [3, 2],
        ],
      },
      output: [
        [0, 1],
        [2, 10],
        [3, 10],
      ],
    },
    {
      formula: 'fill(X, Y, 1s)',
      inputs: {
        X: [
          [2, 10],
          [6, 30],
        ],
        Y: [
          [0, 1],
          [3, 2],
          [4, 3],
        ],
      },
      output: [
        [0, 1],
        [2, 10],
        [3, 10],
        [4, 3],
        [6, 30],
      ],
    },
  ],
  join: 'union',
  memory: () => asTheJoin,
  open: (given) => new Fill(new Ages(given)),
};
