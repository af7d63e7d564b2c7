import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Arguments, RowOperator } from '../../../src/engine/operator.ts';
import { arithmetic } from '../../../src/engine/operators/arithmetic.ts';
import { comparisons } from '../../../src/engine/operators/compare.ts';
import { functions } from '../../../src/engine/operators/functions.ts';
import { logic } from '../../../src/engine/operators/logic.ts';
import { cuts } from '../exact/data.ts';
import { expectBits } from './in-calls.ts';

const none = Number.NaN;
const truth = (is: boolean) => (is ? 1 : 0);

interface Oracle {
  readonly inputs: number | readonly [least: number, most: number];
  /** Of a row in which every input is known. */
  readonly of: (values: readonly number[], given: Arguments) => number;
  readonly given?: fc.Arbitrary<Arguments>;
}

const bound = fc.double({ min: -100, max: 100, noNaN: true });

const oracles: Readonly<Record<string, Oracle>> = {
  '+': { inputs: 2, of: ([x, y]) => x + y },
  '-': { inputs: 2, of: ([x, y]) => x - y },
  '*': { inputs: 2, of: ([x, y]) => x * y },
  '/': { inputs: 2, of: ([x, y]) => (y === 0 ? none : x / y) },
  '^': { inputs: 2, of: ([x, y]) => (x === 0 && y < 0 ? none : x < 0 && !Number.isInteger(y) ? none : x ** y) },
  '<': { inputs: 2, of: ([x, y]) => truth(x < y) },
  '<=': { inputs: 2, of: ([x, y]) => truth(x <= y) },
  '>': { inputs: 2, of: ([x, y]) => truth(x > y) },
  '>=': { inputs: 2, of: ([x, y]) => truth(x >= y) },
  '==': { inputs: 2, of: ([x, y]) => truth(x === y) },
  '!=': { inputs: 2, of: ([x, y]) => truth(x !== y) },
  and: { inputs: 2, of: ([x, y]) => truth(x !== 0 && y !== 0) },
  or: { inputs: 2, of: ([x, y]) => truth(x !== 0 || y !== 0) },
  not: { inputs: 1, of: ([x]) => truth(x === 0) },
  least: { inputs: [2, 4], of: (values) => [...values].sort((a, b) => a - b)[0] },
  greatest: { inputs: [2, 4], of: (values) => [...values].sort((a, b) => b - a)[0] },
  abs: { inputs: 1, of: ([x]) => (x < 0 ? -x : x) },
  log: { inputs: 1, of: ([x]) => (x > 0 ? Math.log(x) : none) },
  exp: { inputs: 1, of: ([x]) => Math.exp(x) },
  sqrt: { inputs: 1, of: ([x]) => (x >= 0 ? Math.sqrt(x) : none) },
  round: {
    inputs: 1,
    // toFixed is exact, and takes the larger of two that are equally near; beyond 10^21 it does not round.
    of: ([x], { digits }) => (Math.abs(x) < 1e21 ? Math.sign(x) * Number(Math.abs(x).toFixed(digits as number)) : x),
    given: fc.record({ digits: fc.integer({ min: 0, max: 15 }) }),
  },
  clamp: {
    inputs: 1,
    of: ([x], { low, high }) => [x, low as number, high as number].sort((a, b) => a - b)[1],
    given: fc.tuple(bound, bound).map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) })),
  },
};

const value = fc
  .oneof(
    { arbitrary: fc.integer({ min: -3, max: 3 }), weight: 4 },
    { arbitrary: fc.integer({ min: -100_000, max: 100_000 }).map((n) => n / 8), weight: 2 },
    { arbitrary: fc.integer({ min: -1e7, max: 1e7 }).map((n) => n / 1000), weight: 2 },
    { arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }), weight: 2 },
    { arbitrary: fc.constantFrom(1 / 3, 0.5, -1, Number.MAX_VALUE, -1e308, 5e-324, 1.005, 2 ** 53 - 0.5), weight: 2 },
    { arbitrary: fc.constantFrom(2 ** 52 + 0.5, 2 ** 51 + 0.25, 0.49999999999999994, 2 ** 53 / 1e5), weight: 1 },
    { arbitrary: fc.constant(none), weight: 1 },
  )
  .map((x) => x + 0);

/** Calls of so many rows each, in columns that are longer than what is asked for. */
function run(operator: RowOperator, given: Arguments, columns: readonly number[][], at: readonly number[]): number[] {
  const runner = operator.open(given);
  const got: number[] = [];
  for (let k = 0; k + 1 < at.length; k++) {
    const [from, to] = [at[k], at[k + 1]];
    const length = to - from;
    const out = new Float64Array(length).fill(123);
    const parts = columns.map((column) => Float64Array.from([...column.slice(from, to), 7, 8]));
    const t = Float64Array.from({ length }, (_, i) => from + i);
    runner.run({ length, t, columns: parts, own: undefined }, out);
    got.push(...out);
  }
  return got;
}

const operators = [...arithmetic, ...comparisons, ...logic, ...functions];
const byName = new Map(operators.map((operator) => [operator.name, operator]));
const choice = byName.get('if')!;

test('every pointwise operator has an oracle', () => {
  expect(operators.map(({ name }) => name).filter((name) => name !== 'if')).toEqual(Object.keys(oracles));
});

describe.each(Object.entries(oracles).map(([name, oracle]) => ({ name, oracle })))('$name', ({ name, oracle }) => {
  const operator = byName.get(name)!;

  test('is at each row what it is of that row alone, and nothing where an input is unknown', () => {
    const [least, most] = typeof oracle.inputs === 'number' ? [oracle.inputs, oracle.inputs] : oracle.inputs;
    const rows = fc
      .tuple(fc.integer({ min: least, max: most }), fc.nat(20))
      .chain(([inputs, length]) =>
        fc.tuple(
          fc.array(fc.array(value, { minLength: length, maxLength: length }), { minLength: inputs, maxLength: inputs }),
          cuts(length),
        ),
      );
    fc.assert(
      fc.property(rows, oracle.given ?? fc.constant({}), ([columns, at], given) => {
        const wanted = columns[0].map((_, i) => {
          const row = columns.map((column) => column[i]);
          if (row.some(Number.isNaN)) return none;
          const result = oracle.of(row, given);
          return Number.isFinite(result) ? result : none;
        });
        expectBits(run(operator, given, columns, at), wanted);
      }),
      { numRuns: 500 },
    );
  });

  test('remembers nothing', () => {
    expect(operator.memory({})).toEqual({ kind: 'rows', rows: 0 });
    expect(operator.open(name === 'clamp' ? { low: 0, high: 1 } : { digits: 0 }).bytes()).toBe(0);
  });
});

test('the branch of an if that is not chosen need not be known', () => {
  const rows = fc.nat(20).chain((length) => {
    const column = fc.array(value, { minLength: length, maxLength: length });
    return fc.tuple(column, column, fc.option(column), cuts(length));
  });
  fc.assert(
    fc.property(rows, ([condition, then, otherwise, at]) => {
      const wanted = condition.map((is, i) => {
        if (Number.isNaN(is)) return none;
        return is !== 0 ? then[i] : otherwise ? otherwise[i] : none;
      });
      expectBits(run(choice, {}, otherwise ? [condition, then, otherwise] : [condition, then], at), wanted);
    }),
  );
});

test('what is not finite is no point', () => {
  const of = (name: string, ...values: number[]) =>
    run(
      byName.get(name)!,
      {},
      values.map((x) => [x]),
      [0, 1],
    )[0];
  expect(of('/', 1, 0)).toBe(none);
  expect(of('/', 0, 0)).toBe(none);
  expect(of('^', 0, -1)).toBe(none);
  expect(of('^', -8, 1 / 3)).toBe(none);
  expect(of('^', 0, 0)).toBe(1);
  expect(of('^', none, 0)).toBe(none);
  expect(of('*', 1e200, 1e200)).toBe(none);
  expect(of('+', Number.MAX_VALUE, Number.MAX_VALUE)).toBe(none);
  expect(of('log', 0)).toBe(none);
  expect(of('exp', 710)).toBe(none);
});

test('a clamp whose bounds are the wrong way round is refused, one at a single value is not', () => {
  const { refuse } = byName.get('clamp')!;
  expect(refuse?.({ low: 2, high: 1 })).toEqual({
    parameter: 'low',
    problem: 'the lower bound 2 is above the upper bound 1',
  });
  expect(refuse?.({ low: 1, high: 1 })).toBeUndefined();
});
