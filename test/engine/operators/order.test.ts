import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Arguments, RowOperator, Window } from '../../../src/engine/operator.ts';
import { count } from '../../../src/engine/operators/count.ts';
import { first, last } from '../../../src/engine/operators/ends.ts';
import { max, min } from '../../../src/engine/operators/extremes.ts';
import { median, quantile } from '../../../src/engine/operators/quantile.ts';
import { column, cuts, instants } from '../exact/data.ts';
import { round, toDouble, unitsOf } from '../exact/oracle.ts';
import { type Case, expectBits, expectExample, inOne, runInCalls } from './in-calls.ts';

function sortedOf(held: readonly number[]): number[] {
  return [...held].sort((a, b) => a - b);
}

function quantileByTheBook(held: readonly number[], q: number): number {
  const sorted = sortedOf(held);
  const position = (held.length - 1) * q;
  const below = Math.trunc(position);
  const f = position % 1;
  const a = sorted[below];
  const b = sorted[Math.ceil(position)];
  if (f === 0) return a;
  if (f === 0.5) return toDouble(round(unitsOf(a) + unitsOf(b), 2n, -1074));
  const value = Number.isFinite(b - a) ? a + (b - a) * f : a * (1 - f) + b * f;
  return Math.min(value, b);
}

const oracles: Readonly<Record<string, (held: readonly number[], q: number) => number>> = {
  min: (held) => sortedOf(held)[0],
  max: (held) => sortedOf(held)[held.length - 1],
  count: (held) => held.length,
  first: (held) => held[0],
  last: (held) => held[held.length - 1],
  median(held) {
    const sorted = sortedOf(held);
    const half = held.length / 2;
    if (held.length % 2 === 1) return sorted[Math.floor(half)];
    return toDouble(round(unitsOf(sorted[half - 1]) + unitsOf(sorted[half]), 2n, -1074));
  },
  quantile: quantileByTheBook,
};

/** At each row its window is looked up anew. */
function byTheBook(name: string, window: Window, q: number, t: Float64Array, x: Float64Array): Float64Array {
  const ts = Array.from(t, BigInt);
  return x.map((_, i) => {
    const held =
      'points' in window
        ? x.slice(Math.max(0, i + 1 - window.points), i + 1)
        : x.slice(0, i + 1).filter((_, j) => ts[j] > ts[i] - BigInt(window.micros));
    if ('points' in window && held.length < window.points) return Number.NaN;
    return oracles[name](Array.from(held), q);
  });
}

const windows: readonly Window[] = [
  { micros: 10 },
  { micros: 1 },
  { micros: 100 },
  { points: 1 },
  { points: 2 },
  { points: 3 },
  { points: 20 },
];
const shares = fc.oneof(
  fc.constantFrom(0, 1, 0.5, 0.25, 0.75, 0.9, 1 / 3, 1e-300),
  fc.double({ min: 0, max: 1, noNaN: true }),
);

interface WindowCase extends Case {
  readonly given: Arguments & { readonly window: Window; readonly q: number };
}

const cases: fc.Arbitrary<WindowCase> = column.chain((x) =>
  fc.record({
    t: instants(x.length),
    x: fc.constant(x),
    at: cuts(x.length),
    given: fc.record({ window: fc.constantFrom(...windows), q: shares }),
  }),
);

const operators: readonly RowOperator[] = [min, max, count, median, quantile, first, last];

describe.each(operators.map((operator) => ({ name: operator.name, operator })))('$name', ({ name, operator }) => {
  test('is what its definition says of the rows in each window, however the rows are cut into calls', () => {
    fc.assert(
      fc.property(cases, ({ given, ...rows }) => {
        expectBits(runInCalls(operator.open(given), rows), byTheBook(name, given.window, given.q, rows.t, rows.x));
      }),
      { numRuns: 400 },
    );
  });

  test('started later, gives the same bits as soon as its memory is filled', () => {
    fc.assert(
      fc.property(cases, fc.nat(60), ({ given, t, x }, skipped) => {
        const from = Math.min(skipped, t.length);
        const whole = runInCalls(operator.open(given), inOne(t, x));
        const later = runInCalls(operator.open(given), inOne(t, x, from));
        const memory = operator.memory(given);
        for (let i = from; i < t.length; i++) {
          const filled =
            memory.kind === 'time'
              ? t[i] >= t[from] + memory.micros
              : memory.kind === 'rows' && i - from + 1 >= memory.rows;
          if (filled) expect(later[i - from]).toBe(whole[i]);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('is right over windows of thousands of rows with ties, that grow and shrink', () => {
    const { t, x } = bursts(6000);
    const q = 0.9;
    for (const window of [{ micros: 2000 }, { points: 1500 }]) {
      const out = runInCalls(operator.open({ window, q }), { t, x, at: [0, 1, 700, 5000, 6000] });
      const rows = sampled(t.length);
      const expected = rows.map((i) => {
        const from =
          'points' in window ? Math.max(0, i + 1 - window.points!) : t.findIndex((each) => each > t[i] - window.micros);
        const held = Array.from(x.subarray(from, i + 1));
        return 'points' in window && held.length < window.points! ? Number.NaN : oracles[name](held, q);
      });
      expectBits(
        rows.map((i) => out[i]),
        expected,
      );
    }
  });

  test('gives what its examples say', () => {
    expect(operator.examples.length).toBeGreaterThan(0);
    for (const example of operator.examples) expectExample(operator, example);
  });
});

/** Prices of one decimal that wander, at times dense and at times rare. */
function bursts(length: number): { t: Float64Array; x: Float64Array } {
  const t = new Float64Array(length);
  const x = new Float64Array(length);
  let seed = 7;
  let now = 0;
  let tenths = 1000;
  for (let i = 0; i < length; i++) {
    seed = (seed * 48271) % 2147483647;
    now += i % 3000 < 2000 ? 1 : 1 + (seed % 40);
    tenths += (seed % 21) - 10;
    t[i] = now;
    x[i] = tenths / 10;
  }
  return { t, x };
}

function sampled(length: number): number[] {
  return Array.from({ length }, (_, i) => i).filter((i) => i % 97 === 0 || i === length - 1);
}

test('a row exactly as old as the window is out of it, one a microsecond younger is in it', () => {
  const t = Float64Array.of(0, 1, 60_000_000, 60_000_001, 120_000_000);
  const x = Float64Array.of(5, 4, 6, 7, 8);
  const over = (operator: RowOperator) =>
    Array.from(runInCalls(operator.open({ window: { micros: 60_000_000 } }), inOne(t, x)));
  expect(over(min)).toEqual([5, 4, 4, 6, 7]);
  expect(over(max)).toEqual([5, 5, 6, 7, 8]);
  expect(over(count)).toEqual([1, 2, 2, 2, 2]);
  expect(over(first)).toEqual([5, 5, 4, 6, 7]);
  expect(over(median)).toEqual([5, 4.5, 5, 6.5, 7.5]);
});

test('a median of the largest doubles does not overflow, and one of the smallest is not lost', () => {
  const over = (...x: number[]) =>
    runInCalls(
      median.open({ window: { points: x.length } }),
      inOne(Float64Array.from(x.keys()), Float64Array.from(x)),
    ).at(-1);
  expect(over(Number.MAX_VALUE, Number.MAX_VALUE)).toBe(Number.MAX_VALUE);
  expect(over(Number.MAX_VALUE, -Number.MAX_VALUE)).toBe(0);
  expect(over(1.5e308, 1.25e308)).toBe(1.375e308);
  expect(over(3 * Number.MIN_VALUE, Number.MIN_VALUE)).toBe(2 * Number.MIN_VALUE);
});

test('a quantile is never past the values around it', () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(finite, finite, shares, (a, b, q) => {
      const x = Float64Array.of(a + 0, b + 0);
      const value = runInCalls(quantile.open({ window: { points: 2 }, q }), inOne(Float64Array.of(0, 1), x))[1];
      expect(value >= Math.min(a, b) && value <= Math.max(a, b)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('a median is the quantile 0.5', () => {
  fc.assert(
    fc.property(cases, ({ given: { window }, ...rows }) => {
      expectBits(runInCalls(median.open({ window }), rows), runInCalls(quantile.open({ window, q: 0.5 }), rows));
    }),
  );
});
