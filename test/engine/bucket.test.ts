import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gridForPoints, uniformGrid } from '../../src/engine/bucket.ts';
import { maxMicros, minMicros } from '../../src/engine/instant.ts';

const anyMicros = fc.integer({ min: minMicros, max: maxMicros });
const anyWidth = fc.oneof(
  fc.integer({ min: 1, max: 1000 }),
  fc.constantFrom(1000, 60e6, 86400e6, 7 * 86400e6),
  fc.integer({ min: 1, max: maxMicros }),
);

const floorDivision = (t: number, width: number): number =>
  Number((BigInt(t) - (((BigInt(t) % BigInt(width)) + BigInt(width)) % BigInt(width))) / BigInt(width));

describe('a uniform grid', () => {
  test('is floor division, exact over the whole range', () => {
    fc.assert(
      fc.property(anyMicros, anyWidth, (t, width) => {
        expect(uniformGrid(width).indexOf(t)).toBe(floorDivision(t, width));
      }),
      { numRuns: 2000 },
    );
  });

  test('puts a boundary into the later bucket and the microsecond before it into the earlier one', () => {
    fc.assert(
      fc.property(anyMicros, anyWidth, (t, width) => {
        const grid = uniformGrid(width);
        const index = floorDivision(t, width);
        const start = index * width;
        fc.pre(start > minMicros && start <= maxMicros);
        expect(grid.startOf(index)).toBe(start);
        expect(grid.indexOf(start)).toBe(index);
        expect(grid.indexOf(start - 1)).toBe(index - 1);
      }),
      { numRuns: 2000 },
    );
  });

  test('with an origin has a boundary there, exact to the ends of the range', () => {
    const width = 7 * 86400e6;
    const origin = 4 * 86400e6;
    const grid = uniformGrid(width, origin);
    expect(grid.startOf(0)).toBe(origin);
    expect(grid.indexOf(origin - 1)).toBe(-1);
    const shifted = (t: number): number =>
      Number((BigInt(t) - BigInt(origin) + 20_000n * BigInt(width)) / BigInt(width)) - 20_000;
    const ends = fc.oneof(fc.integer({ min: minMicros, max: minMicros + 2 * width }), anyMicros);
    fc.assert(
      fc.property(ends, (t) => {
        expect(grid.indexOf(t)).toBe(shifted(t));
      }),
    );
    for (const edge of [grid.startOf(grid.indexOf(maxMicros)), grid.startOf(grid.indexOf(minMicros) + 1)]) {
      expect(grid.indexOf(edge)).toBe(shifted(edge));
      expect(grid.indexOf(edge - 1)).toBe(shifted(edge) - 1);
    }
  });

  test('gives no negative zero', () => {
    expect(uniformGrid(10).indexOf(-0)).toBe(0);
    expect(uniformGrid(10).startOf(-0)).toBe(0);
  });

  test.each([[0], [-1], [0.5], [Number.NaN], [2 ** 55]])('refuses a width of %d', (width) => {
    expect(() => uniformGrid(width)).toThrow(RangeError);
  });
});

const touched = (from: number, to: number, width: number): number =>
  floorDivision(to - 1, width) - floorDivision(from, width) + 1;

describe('the grid for so many points', () => {
  test('has the smallest width that does', () => {
    const from = fc.integer({ min: -3000, max: 3000 });
    fc.assert(
      fc.property(from, fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 40 }), (start, length, max) => {
        fc.pre(max > 1 || start >= 0 || start + length <= 0);
        let width = 1;
        while (touched(start, start + length, width) > max) width++;
        expect(gridForPoints(start, start + length, max).width).toBe(width);
      }),
      { numRuns: 1000 },
    );
  });

  test('touches no more buckets than asked for, and could not do with much narrower ones', () => {
    const range = fc
      .tuple(anyMicros, fc.integer({ min: 1, max: 1e14 }))
      .filter(([from, length]) => from + length <= maxMicros);
    fc.assert(
      fc.property(range, fc.integer({ min: 2, max: 5000 }), ([from, length], max) => {
        const grid = gridForPoints(from, from + length, max);
        const count = grid.indexOf(from + length - 1) - grid.indexOf(from) + 1;
        expect(count).toBeLessThanOrEqual(max);
        expect(grid.width).toBeLessThanOrEqual(Math.max(1, Math.ceil((length - 1) / (max - 1))));
      }),
      { numRuns: 1000 },
    );
  });

  test('of one point across the epoch starts with the range', () => {
    const grid = gridForPoints(-10, 20, 1);
    expect([grid.indexOf(-10), grid.indexOf(0), grid.indexOf(19)]).toEqual([0, 0, 0]);
    expect(grid.startOf(0)).toBe(-10);
  });

  test('of one point within an hour is one bucket', () => {
    const from = Date.UTC(2026, 0, 5, 9) * 1000;
    const grid = gridForPoints(from, from + 3600e6, 1);
    expect(grid.indexOf(from)).toBe(grid.indexOf(from + 3600e6 - 1));
  });

  test('of everything spans the whole range', () => {
    const grid = gridForPoints(minMicros, maxMicros, 1000);
    expect(grid.indexOf(maxMicros - 1) - grid.indexOf(minMicros) + 1).toBeLessThanOrEqual(1000);
  });

  test('of a range with at most one instant has the finest width', () => {
    expect(gridForPoints(5, 6, 10).width).toBe(1);
    expect(gridForPoints(5, 5, 10).width).toBe(1);
  });

  test.each([[0], [1.5], [-3]])('refuses %d points', (max) => {
    expect(() => gridForPoints(0, 10, max)).toThrow(RangeError);
  });
});
