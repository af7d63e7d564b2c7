import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Joined, rowsFrom, SameJoin, UnionJoin } from '../../src/engine/join.ts';
import type { Rows } from '../../src/engine/rows.ts';
import type { Values } from '../../src/engine/values.ts';

function line(...points: (readonly [t: number, value: number])[]): Values {
  return { t: Float64Array.from(points, ([t]) => t), value: Float64Array.from(points, ([, value]) => value) };
}

/** Rows as [instant, value of each column]. */
function listed({ length, t, columns }: Rows): number[][] {
  return Array.from({ length }, (_, i) => [t[i], ...columns.map((column) => column[i])]);
}

describe('the union of instants', () => {
  test('has each input as last known, and as unknown before its first point', () => {
    const rows = new UnionJoin(2).rows([line([1, 10], [3, 30]), line([2, 200], [3, 300], [5, 500])]);
    expect(listed(rows)).toEqual([
      [1, 10, Number.NaN],
      [2, 10, 200],
      [3, 30, 300],
      [5, 30, 500],
    ]);
    expect([...(rows.own ?? [])]).toEqual([0b01, 0b10, 0b11, 0b10]);
  });

  test('has a number wherever there is a point', () => {
    expect(listed(new UnionJoin(2).rows([line([1, 10], [2, 20]), 7]))).toEqual([
      [1, 10, 7],
      [2, 20, 7],
    ]);
  });

  test('of inputs at the same instants is theirs, without a copy', () => {
    const a = line([1, 10], [2, 20]);
    const rows = new UnionJoin(2).rows([a, { t: a.t.slice(), value: Float64Array.of(5, 6) }]);
    expect(rows.t).toBe(a.t);
    expect(rows.columns[0]).toBe(a.value);
    expect(rows.own).toBeUndefined();
  });

  test('knows at the next chunk what each input was last', () => {
    const join = new UnionJoin(2);
    join.rows([line([1, 10]), line([1, 100])]);
    expect(listed(join.rows([line(), line([2, 200])]))).toEqual([[2, 10, 200]]);
    expect(listed(join.rows([line([3, 30]), line()]))).toEqual([[3, 30, 200]]);
  });
});

describe('the same instants', () => {
  test('are only those at which every input has a point', () => {
    const rows = new SameJoin().rows([line([1, 10], [3, 30], [4, 40]), line([2, 200], [3, 300]), 7]);
    expect(listed(rows)).toEqual([[3, 30, 300, 7]]);
    expect(rows.own).toBeUndefined();
  });

  test('are none where one input has none', () => {
    expect(new SameJoin().rows([line([1, 10]), line()]).length).toBe(0);
  });
});

test('joins give the same rows however their inputs are cut into chunks', () => {
  const points = fc
    .uniqueArray(fc.nat(30), { maxLength: 15 })
    .map((instants) => line(...instants.sort((a, b) => a - b).map((t) => [t, t + 0.5] as const)));
  const clip = ({ t, value }: Values, from: number, to: number): Values => {
    const inside = t.map((instant) => (instant >= from && instant < to ? 1 : 0));
    return { t: t.filter((_, i) => inside[i] === 1), value: value.filter((_, i) => inside[i] === 1) };
  };
  fc.assert(
    fc.property(fc.array(points, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(31)), (lines, at) => {
      for (const open of [() => new UnionJoin(lines.length), () => new SameJoin()]) {
        const whole = listed(open().rows(lines));
        const join = open();
        const cuts = [0, ...at, 31].sort((a, b) => a - b);
        const parts: number[][] = [];
        for (let i = 0; i + 1 < cuts.length; i++) {
          const inputs: Joined[] = lines.map((each) => clip(each, cuts[i], cuts[i + 1]));
          parts.push(...listed(join.rows(inputs)));
        }
        expect(parts).toEqual(whole);
      }
    }),
  );
});

test('rows from an instant on keep what each input was', () => {
  const rows = new UnionJoin(2).rows([line([1, 10], [3, 30]), line([2, 200])]);
  const rest = rowsFrom(rows, 2);
  expect(listed(rest)).toEqual([
    [2, 10, 200],
    [3, 30, 200],
  ]);
  expect([...(rest.own ?? [])]).toEqual([0b10, 0b01]);
  expect(rowsFrom(rows, 0)).toBe(rows);
});
