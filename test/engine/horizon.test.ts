import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { always, Horizon, never } from '../../src/engine/horizon.ts';
import type { Memory } from '../../src/engine/operator.ts';

const rows = Float64Array.from([10, 20, 30, 40]);

function instantOf(memory: Memory, input: number): number {
  const horizon = new Horizon(memory);
  horizon.pass(input, rows, rows.length);
  return horizon.instant;
}

describe('what lay before an instant of the input is forgotten', () => {
  test.each<[string, Memory, number, number]>([
    ['at that instant, of a pointwise operator', { kind: 'rows', rows: 0 }, 15, 15],
    ['at the n-th row from there on, of a window of n points', { kind: 'rows', rows: 1 }, 15, 20],
    ['counted from a row at the instant itself', { kind: 'rows', rows: 3 }, 20, 40],
    ['not yet, while there are too few rows', { kind: 'rows', rows: 5 }, 10, never],
    ['a window later, whatever rows there are', { kind: 'time', micros: 100 }, 15, 115],
    ['so long behind the first row from there on', { kind: 'asOf', micros: 100 }, 15, 120],
    ['never, by what remembers forever', { kind: 'forever' }, 15, never],
  ])('%s', (_, memory, input, expected) => {
    expect(instantOf(memory, input)).toBe(expected);
  });

  test.each<Memory>([
    { kind: 'rows', rows: 3 },
    { kind: 'time', micros: 5 },
    { kind: 'asOf', micros: 5 },
    { kind: 'forever' },
  ])('from the beginning on, if the input was always as it is: %j', (memory) => {
    expect(instantOf(memory, always)).toBe(always);
  });
});

test('it is the same however rows are cut into chunks, and nothing is asked before the input is known', () => {
  const memory = fc.oneof(
    fc.record({ kind: fc.constant('rows' as const), rows: fc.nat(6) }),
    fc.record({ kind: fc.constant('asOf' as const), micros: fc.integer({ min: 1, max: 9 }) }),
  );
  fc.assert(
    fc.property(
      memory,
      fc.uniqueArray(fc.nat(60), { maxLength: 20 }),
      fc.nat(60),
      fc.array(fc.nat(20)),
      (given, instants, input, at) => {
        const t = Float64Array.from(instants).sort();
        const whole = new Horizon(given);
        whole.pass(input, t, t.length);
        const parts = new Horizon(given);
        const cuts = [0, ...at.map((each) => Math.min(each, t.length)), t.length].sort((a, b) => a - b);
        for (let i = 0; i + 1 < cuts.length; i++) {
          const part = t.subarray(cuts[i], cuts[i + 1]);
          const known = i + 2 === cuts.length || part.some((instant) => instant >= input);
          parts.pass(known ? input : never, part, part.length);
        }
        expect(parts.instant).toBe(whole.instant);
      },
    ),
  );
});

test('begun again, it counts the rows that come', () => {
  const horizon = new Horizon({ kind: 'rows', rows: 2 });
  horizon.pass(10, rows, rows.length);
  expect(horizon.instant).toBe(20);
  horizon.restart();
  expect(horizon.instant).toBe(never);
  horizon.pass(30, Float64Array.from([50, 60]), 2);
  expect(horizon.instant).toBe(60);
});

test('what remembers forever can be said to have forgotten', () => {
  const horizon = new Horizon({ kind: 'forever' });
  horizon.set(30);
  horizon.pass(10, rows, rows.length);
  expect(horizon.instant).toBe(30);
});
