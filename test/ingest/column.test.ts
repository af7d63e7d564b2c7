import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutAtGaps, joinColumns, mergeColumns, sortColumn } from '../../src/ingest/column.ts';
import type { Column } from '../../src/store/block-columns.ts';
import { column } from '../store/world.ts';

const day = 86_400_000_000;
const pair = fc.tuple(fc.integer({ min: -5, max: 5 }), fc.integer());

test('sorting keeps of each instant the last value given, and counts the others', () => {
  fc.assert(
    fc.property(fc.array(pair), (pairs) => {
      const { column: sorted, duplicates } = sortColumn(column(pairs));
      const last = [...new Map(pairs)].sort((a, b) => a[0] - b[0]);
      expect(Array.from(sorted.t, (t, i) => [t, sorted.value[i]])).toStrictEqual(last);
      expect(duplicates).toBe(pairs.length - last.length);
    }),
  );
});

test('columns that are joined hold sizes where any of them does', () => {
  const joined = joinColumns([column([[1, 1]]), column([[2, 2, 5]])]);
  expect([...(joined.size ?? [])]).toStrictEqual([Number.NaN, 5]);
  expect(joinColumns([column([[1, 1]]), column([[2, 2]])]).size).toBeUndefined();
});

test('a column is cut where its gaps are longer than 30 days, at the 16 longest of them, and says the same', () => {
  const instant = fc.oneof(
    fc.integer({ min: 0, max: 100 }),
    fc.integer({ min: 0, max: 4000 }).map((d) => d * day),
  );
  fc.assert(
    fc.property(fc.uniqueArray(instant, { minLength: 1, maxLength: 40, size: 'max' }), (instants) => {
      const t = instants.sort((a, b) => a - b);
      const pieces = cutAtGaps(column(t.map((at) => [at, at])));
      expect(pieces.flatMap((piece) => [...piece.t])).toStrictEqual(t);
      expect(pieces.flatMap((piece) => [...piece.value])).toStrictEqual(t);
      const gaps = t.slice(1).map((at, i) => at - t[i]);
      const long = gaps.filter((gap) => gap > 30 * day).sort((a, b) => b - a);
      expect(pieces.length).toBe(1 + Math.min(16, long.length));
      const cut = pieces.slice(1).map((piece, i) => piece.t[0] - pieces[i].t[pieces[i].t.length - 1]);
      expect(cut.sort((a, b) => b - a)).toStrictEqual(long.slice(0, 16));
    }),
  );
});

test('long columns that follow one another stay apart, whatever their order; short or overlapping ones are joined', () => {
  const run = (from: number, length: number, value: number): Column => ({
    t: Float64Array.from({ length }, (_, i) => from + i),
    value: new Float64Array(length).fill(value),
    size: undefined,
  });
  const [early, late] = [run(0, 1_000, 1), run(1_000, 1_000, 2)];
  expect(mergeColumns([late, early])).toEqual([early, late]);
  const [joined, ...others] = mergeColumns([early, run(999, 1_000, 3)]);
  expect(others).toEqual([]);
  expect(joined.t.length).toBe(1_999);
  expect(joined.value[999]).toBe(3);
  expect(mergeColumns([run(0, 1, 1), run(5, 1, 2)])).toHaveLength(1);
});
