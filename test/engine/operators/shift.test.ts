import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RowOperator, Window } from '../../../src/engine/operator.ts';
import { delta, logReturn, relativeReturn } from '../../../src/engine/operators/change.ts';
import { lag } from '../../../src/engine/operators/lag.ts';
import { column, cuts, instants } from '../exact/data.ts';
import { type Case, expectBits, expectExample, inOne, runInCalls } from './in-calls.ts';

const oracles: Readonly<Record<string, (x: number, was: number) => number>> = {
  lag: (_, was) => was,
  delta: (x, was) => x - was,
  return: (x, was) => (was === 0 ? Number.NaN : Number.isFinite(x - was) ? (x - was) / was : x / was - 1),
  logreturn: (x, was) => {
    const times = x / was;
    if (times > 0.5 && times < 2) return Math.log1p((x - was) / was);
    return times > 0 ? Math.log(times) : Number.NaN;
  },
};

/** At each row what was known so far back is looked up anew. */
function byTheBook(name: string, by: Window, t: Float64Array, x: Float64Array): Float64Array {
  const ts = Array.from(t, BigInt);
  return x.map((now, i) => {
    const was = 'points' in by ? x[i - by.points] : x.filter((_, j) => ts[j] <= ts[i] - BigInt(by.micros)).at(-1);
    const value = was === undefined ? Number.NaN : oracles[name](now, was);
    return Number.isFinite(value) ? value : Number.NaN;
  });
}

const bys: readonly Window[] = [
  { points: 1 },
  { points: 2 },
  { points: 7 },
  { points: 100 },
  { micros: 1 },
  { micros: 10 },
  { micros: 100 },
];

interface ShiftCase extends Case {
  readonly by: Window;
}

const cases: fc.Arbitrary<ShiftCase> = column.chain((x) =>
  fc.record({ t: instants(x.length), x: fc.constant(x), at: cuts(x.length), by: fc.constantFrom(...bys) }),
);

const operators: readonly RowOperator[] = [lag, delta, relativeReturn, logReturn];

describe.each(operators.map((operator) => ({ name: operator.name, operator })))('$name', ({ name, operator }) => {
  test('is what its definition says of the value so far back, however the rows are cut into calls', () => {
    fc.assert(
      fc.property(cases, ({ by, ...rows }) => {
        expectBits(runInCalls(operator.open({ by }), rows), byTheBook(name, by, rows.t, rows.x));
      }),
      { numRuns: 400 },
    );
  });

  test('started later, gives the same bits as soon as its memory is filled', () => {
    fc.assert(
      fc.property(cases, fc.nat(60), ({ by, t, x }, skipped) => {
        const from = Math.min(skipped, t.length);
        const whole = runInCalls(operator.open({ by }), inOne(t, x));
        const later = runInCalls(operator.open({ by }), inOne(t, x, from));
        const memory = operator.memory({ by });
        for (let i = from; i < t.length; i++) {
          const filled =
            memory.kind === 'asOf'
              ? BigInt(t[i]) >= BigInt(t[from]) + BigInt(memory.micros)
              : memory.kind === 'rows' && i - from + 1 >= memory.rows;
          if (filled) expect(later[i - from]).toBe(whole[i]);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('remembers no more rows than it must', () => {
    const { by } = { by: { points: 3 } };
    const memory = operator.memory({ by });
    if (memory.kind !== 'rows') throw new Error('rows expected');
    const t = Float64Array.from({ length: 10 }, (_, i) => i);
    const one = runInCalls(operator.open({ by }), inOne(t, Float64Array.of(1, 2, 4, 8, 16, 32, 64, 128, 256, 512)));
    const other = runInCalls(operator.open({ by }), inOne(t, Float64Array.of(1, 2, 4, 9, 16, 32, 64, 128, 256, 512)));
    const differing = Array.from(one.keys()).filter((i) => !Object.is(one[i], other[i]));
    // The row behind the changed one is the first that counts.
    expect(differing.at(-1)).toBe(4 + memory.rows - 2);
  });

  test('looks back by one point when not told how far', () => {
    const by = operator.parameters.find((parameter) => parameter.name === 'by');
    expect(by?.fallback).toEqual({ points: 1 });
  });

  test('gives what its examples say', () => {
    // Examples with several inputs need other operators as well: document.test.ts runs all examples as formulas.
    const ofOneInput = operator.examples.filter(({ inputs }) => Object.keys(inputs).length === 1);
    expect(ofOneInput.length).toBeGreaterThan(0);
    for (const example of ofOneInput) expectExample(operator, example);
  });
});

test('a value exactly so old is known, one a microsecond younger is not yet', () => {
  const t = Float64Array.of(0, 59_999_999, 60_000_000, 60_000_001, 120_000_000, 1e12);
  const x = Float64Array.of(1, 2, 3, 4, 5, 6);
  const out = runInCalls(lag.open({ by: { micros: 60_000_000 } }), inOne(t, x));
  expect(Array.from(out)).toEqual([Number.NaN, Number.NaN, 1, 1, 3, 5]);
});

test('a lag of very many points holds no more than there are', () => {
  const runner = lag.open({ by: { points: 1e9 } });
  runInCalls(runner, inOne(new Float64Array(1000), new Float64Array(1000)));
  expect(runner.bytes()).toBeLessThan(20_000);
});

test('a lag by time holds no more than the rows that can still be asked for', () => {
  const runner = lag.open({ by: { micros: 10 } });
  const t = Float64Array.from({ length: 100_000 }, (_, i) => i);
  runInCalls(runner, { t, x: t, at: [0, 10, 50_000, 100_000] });
  expect(runner.bytes()).toBeLessThan(2000);
});
