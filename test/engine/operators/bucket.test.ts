import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Arguments, BucketOperator, Operator } from '../../../src/engine/operator.ts';
import { buckets } from '../../../src/engine/operators/buckets.ts';
import { size } from '../../../src/engine/operators/size.ts';
import { exactMean, exactSum } from '../../support/model.ts';
import { column, cuts } from '../exact/data.ts';

const oracles: Readonly<Record<string, (values: readonly number[]) => number>> = {
  last: (values) => values[values.length - 1],
  first: (values) => values[0],
  mean: exactMean,
  sum: exactSum,
  min: (values) => [...values].sort((a, b) => a - b)[0],
  max: (values) => [...values].sort((a, b) => b - a)[0],
  count: (values) => values.length,
};

function bucketOperator(name: string): BucketOperator {
  const operator: Operator | undefined = buckets.find((each) => each.name === name);
  if (operator?.kind !== 'bucket') throw new Error(`${name} is no bucket operator`);
  return operator;
}

const methods = Object.keys(oracles);
const cases: { text: string; operator: BucketOperator; given: Arguments; method: string }[] = [
  ...methods.map((method) => ({
    text: `resample, ${method}`,
    operator: bucketOperator('resample'),
    given: { width: 10, method },
    method,
  })),
  ...Object.entries({ open: 'first', high: 'max', low: 'min', close: 'last', volume: 'sum' }).map(([name, method]) => ({
    text: name,
    operator: bucketOperator(name),
    given: { width: 10 },
    method,
  })),
];

describe.each(cases)('$text', ({ operator, given, method }) => {
  test('gives of a bucket what its definition says, however it is cut and as often as it is asked', () => {
    const rows = column.chain((x) => fc.tuple(fc.constant(x), cuts(x.length)));
    const runner = operator.open(given);
    fc.assert(
      fc.property(rows, ([x, at]) => {
        runner.clear();
        for (let k = 0; k + 1 < at.length; k++) {
          runner.add(x, at[k], at[k + 1]);
          const values = [...x.subarray(0, at[k + 1])];
          if (values.length === 0) continue;
          const wanted = oracles[method](values) + 0;
          expect(runner.value() + 0).toBe(Number.isFinite(wanted) ? wanted : Number.NaN);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('knows nothing of the bucket before', () => {
    const runner = operator.open(given);
    runner.add(Float64Array.of(1e300, -1e300, 5, 1e308, 1e308), 0, 5);
    runner.clear();
    runner.add(Float64Array.of(3, 4), 1, 2);
    expect(runner.value()).toBe(method === 'count' ? 1 : 4);
  });

  test('is as wide as it is told', () => {
    expect(operator.widthMicros(given)).toBe(10);
  });
});

test('resample gives the last value unless told otherwise, and has a word for each method', () => {
  const method = bucketOperator('resample').parameters.find(({ name }) => name === 'method');
  expect(method?.fallback).toBe('last');
  expect(method?.words).toEqual(methods);
});

test('a mean of values whose sum is too large for a double is exact all the same, the sum is no point', () => {
  const x = Float64Array.of(Number.MAX_VALUE, Number.MAX_VALUE);
  const of = (method: string) => {
    const runner = bucketOperator('resample').open({ width: 10, method });
    runner.add(x, 0, 2);
    return runner.value();
  };
  expect(of('mean')).toBe(Number.MAX_VALUE);
  expect(of('sum')).toBe(Number.NaN);
});

test('sizes are asked for by volume and size alone', () => {
  expect([...buckets, size].filter(({ takes }) => takes === 'size').map(({ name }) => name)).toEqual([
    'volume',
    'size',
  ]);
});

test('size gives the sizes as they are', () => {
  if (size.kind !== 'row') throw new Error('size has rows');
  const out = new Float64Array(3);
  const columns = [Float64Array.of(1, 0, 5e-324, 9)];
  size.open({}).run({ length: 3, t: Float64Array.of(1, 2, 3), columns, own: undefined }, out);
  expect([...out]).toEqual([1, 0, 5e-324]);
});
