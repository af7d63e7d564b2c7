import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RowOperator, Window } from '../../../src/engine/operator.ts';
import { stddev, stddevSamp, variance, varianceSamp } from '../../../src/engine/operators/deviation.ts';
import { mean } from '../../../src/engine/operators/mean.ts';
import { beta, corr, cov } from '../../../src/engine/operators/pair.ts';
import { slope } from '../../../src/engine/operators/slope.ts';
import { sum } from '../../../src/engine/operators/sum.ts';
import { vwap } from '../../../src/engine/operators/vwap.ts';
import { zscore } from '../../../src/engine/operators/zscore.ts';
import { column, cuts, instants } from '../exact/data.ts';
import { byTheBook } from './window-sums-oracle.ts';

const ofOne = [mean, sum, stddev, stddevSamp, variance, varianceSamp, zscore, slope];
const ofTwo = [vwap, corr, cov, beta];
const windows: readonly Window[] = [
  { micros: 10 },
  { micros: 1 },
  { micros: 100 },
  { points: 1 },
  { points: 2 },
  { points: 3 },
  { points: 20 },
];

interface Case {
  readonly t: Float64Array;
  readonly columns: readonly Float64Array[];
  readonly at: readonly number[];
}

function casesOf(operator: RowOperator): fc.Arbitrary<Case> {
  const columns = ofTwo.includes(operator)
    ? fc.tuple(column, column, fc.nat(4)).map(([x, y, unknown]) => {
        const length = Math.min(x.length, y.length);
        // The rows of a union begin before the second series is known.
        return [x.slice(0, length), y.slice(0, length).fill(Number.NaN, 0, unknown)];
      })
    : column.map((x) => [x]);
  return columns.chain((given) =>
    fc.record({ t: instants(given[0].length), columns: fc.constant(given), at: cuts(given[0].length) }),
  );
}

/** Runs the rows from the first cut on, a call for each two neighbouring cuts. */
function run(operator: RowOperator, window: Window, { t, columns, at }: Case): Float64Array {
  const runner = operator.open({ window });
  const out = new Float64Array(t.length - at[0]);
  for (let i = 0; i + 1 < at.length; i++) {
    const [from, to] = [at[i], at[i + 1]];
    const own = new Float64Array(to - from).fill(123);
    runner.run(
      { length: to - from, t: t.slice(from, to), columns: columns.map((each) => each.slice(from, to)), own: undefined },
      own,
    );
    out.set(own, from - at[0]);
  }
  return out;
}

function expectBits(actual: Float64Array, expected: Float64Array): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(actual[i], expected[i])) expect.fail(`row ${i}: ${actual[i]} instead of ${expected[i]}`);
  }
}

describe.each([...ofOne, ...ofTwo].map((operator) => ({ name: operator.name, operator })))('$name', ({ operator }) => {
  test('is what its definition says of the exact sums, to the bit, however the rows are cut into calls', () => {
    fc.assert(
      fc.property(casesOf(operator), fc.constantFrom(...windows), (given, window) => {
        const expected = byTheBook(operator.name, window, given.t, given.columns[0], given.columns[1]);
        expectBits(run(operator, window, given), expected);
      }),
      { numRuns: 400 },
    );
  });

  test('started later, gives the same bits as soon as its memory is filled', () => {
    fc.assert(
      fc.property(casesOf(operator), fc.constantFrom(...windows), fc.nat(60), (given, window, skipped) => {
        const { t, columns } = given;
        const from = Math.min(skipped, t.length);
        const whole = run(operator, window, { t, columns, at: [0, t.length] });
        const later = run(operator, window, { t, columns, at: [from, t.length] });
        const memory = operator.memory({ window });
        for (let i = from; i < t.length; i++) {
          const filled = memory.kind === 'time' ? t[i] - t[from] >= memory.micros : i - from >= windowRows(window);
          if (filled) expect(later[i - from]).toBe(whole[i]);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('gives what its examples say', () => {
    expect(operator.examples.length).toBeGreaterThan(0);
    for (const example of operator.examples) {
      const { window, rows } = parse(operator, example);
      const out = run(operator, window, { ...rows, at: [0, rows.t.length] });
      const points = Array.from(out, (value, i) => [rows.t[i] / 1e6, value]).filter(
        ([, value]) => !Number.isNaN(value),
      );
      expect(points).toEqual(example.output);
    }
  });
});

function windowRows(window: Window): number {
  return 'points' in window ? window.points : 0;
}

/** The rows of an example and its window, without the parser of formulas. */
function parse(operator: RowOperator, { formula, inputs }: RowOperator['examples'][number]) {
  const [, number, unit] = /(\d+)([smhp])\)$/.exec(formula)!;
  const micros = { s: 1e6, m: 60e6, h: 3600e6, p: 0 }[unit as 's' | 'm' | 'h' | 'p'] * Number(number);
  const window: Window = unit === 'p' ? { points: Number(number) } : { micros };
  const { X, Y } = inputs;
  if (Y === undefined) {
    const columns = [X.map(([, value]) => value)];
    if (operator === vwap) columns.push(X.map(([, , size]) => size!));
    const t = Float64Array.from(X, ([at]) => at * 1e6);
    return { window, rows: { t, columns: columns.map((each) => Float64Array.from(each)) } };
  }
  const seconds = [...new Set([...X, ...Y].map(([at]) => at))].sort((a, b) => a - b);
  const last = (points: typeof X) =>
    Float64Array.from(seconds, (at) => points.filter(([t]) => t <= at).at(-1)?.[1] ?? Number.NaN);
  return { window, rows: { t: Float64Array.from(seconds, (at) => at * 1e6), columns: [last(X), last(Y)] } };
}
