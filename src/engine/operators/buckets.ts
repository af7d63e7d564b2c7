import type { BucketOperator, Example, Operator, Parameter } from '../operator.ts';
import { type BucketMethod, bucketMethods } from './bucket-runners.ts';
import { seriesParameter } from './pointwise.ts';

const width: Parameter = {
  name: 'width',
  type: 'duration',
  meaning: 'How long a bucket is. One of them starts at 1970-01-01T00:00:00Z.',
};

type Told = Pick<BucketOperator, 'name' | 'meaning' | 'parameters' | 'examples'> &
  Partial<Pick<BucketOperator, 'missing'>>;

function bucket(told: Told, open: BucketOperator['open']): BucketOperator {
  return {
    kind: 'bucket',
    group: 'bucket',
    warmUp: 'None. The bucket in which the data ends has a point as of now, which changes while more comes.',
    missing: 'At buckets in which x has no point.',
    ...told,
    widthMicros: (given) => given.width as number,
    open,
  };
}

const inputs: Example['inputs'] = {
  X: [
    [0, 3],
    [4, 5],
    [9, 1],
    [10, 2],
    [31, 4],
  ],
};

const resample = bucket(
  {
    name: 'resample',
    meaning: 'One point for each bucket of time in which x has points, at its start.',
    parameters: [
      seriesParameter('x', 'What is gathered.'),
      width,
      {
        name: 'method',
        type: 'word',
        words: Object.keys(bucketMethods),
        optional: true,
        fallback: 'last',
        meaning: 'What is given of the points in a bucket; sums are exact and rounded once.',
      },
    ],
    missing: 'At buckets in which x has no point; where a sum is too large for a double.',
    examples: [
      {
        formula: 'resample(X, 10s)',
        inputs,
        output: [
          [0, 1],
          [10, 2],
          [30, 4],
        ],
      },
      {
        formula: 'resample(X, 10s, mean)',
        inputs,
        output: [
          [0, 3],
          [10, 2],
          [30, 4],
        ],
      },
    ],
  },
  ({ method }) => bucketMethods[method as BucketMethod](),
);

function candle(name: string, method: BucketMethod, meaning: string, first: number): BucketOperator {
  return bucket(
    {
      name,
      meaning,
      parameters: [seriesParameter('x', 'What is gathered.'), width],
      examples: [
        {
          formula: `${name}(X, 10s)`,
          inputs,
          output: [
            [0, first],
            [10, 2],
            [30, 4],
          ],
        },
      ],
    },
    bucketMethods[method],
  );
}

const open = candle('open', 'first', 'The first value in each bucket of time, at its start.', 3);
const high = candle('high', 'max', 'The greatest value in each bucket of time, at its start.', 5);
const low = candle('low', 'min', 'The least value in each bucket of time, at its start.', 1);
const close = candle('close', 'last', 'The last value in each bucket of time, at its start.', 1);

const volume: Operator = {
  ...bucket(
    {
      name: 'volume',
      meaning: 'The sum of the sizes in each bucket of time, at its start; exact and rounded once.',
      parameters: [{ name: 'x', type: 'ticks', meaning: 'The ticks whose sizes are summed.' }, width],
      missing: 'At buckets in which no tick has a size; where the sum is too large for a double.',
      examples: [
        {
          formula: 'volume(X, 10s)',
          inputs: {
            X: [
              [0, 100, 0.5],
              [4, 101],
              [9, 102, 2],
              [10, 103],
              [31, 104, 1],
            ],
          },
          output: [
            [0, 2.5],
            [30, 1],
          ],
        },
      ],
    },
    bucketMethods.sum,
  ),
  takes: 'size',
};

export const buckets: readonly Operator[] = [resample, open, high, low, close, volume];
