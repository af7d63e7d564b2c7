import fc from 'fast-check';
import { expect, it } from 'vitest';
import { capRanges, hullOf, mergeRanges, type Range, rangesAround } from '../../src/engine/ranges.ts';
import { times } from '../support/long.ts';

const size = 60;
const range = fc
  .tuple(fc.integer({ min: 0, max: size }), fc.integer({ min: 0, max: 8 }))
  .map(([from, length]): Range => ({ from, to: from + length }));
const ranges = fc.array(range, { maxLength: 12 });

/** The model: every instant on its own. */
function instantsOf(all: readonly Range[]): number[] {
  const held = new Set(all.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i)));
  return [...held].sort((a, b) => a - b);
}

/** The same instants, and those of the gaps that are to be closed. */
function closed(instants: readonly number[], gap: number): number[] {
  return instants.flatMap((t, i) => {
    const missing = i === 0 ? 0 : t - instants[i - 1] - 1;
    return missing > 0 && missing <= gap ? [...Array.from({ length: missing }, (_, k) => t - missing + k), t] : [t];
  });
}

it('merged ranges hold the same instants, and those of small gaps; they ascend and lie further apart', () => {
  fc.assert(
    fc.property(ranges, fc.integer({ min: 0, max: 5 }), (given, gapMicros) => {
      const merged = mergeRanges(given, { gapMicros });
      expect(instantsOf(merged)).toEqual(closed(instantsOf(given), gapMicros));
      for (const [i, { from }] of merged.entries())
        if (i > 0) expect(from - merged[i - 1].to).toBeGreaterThan(gapMicros);
    }),
    { numRuns: 2_000 * times },
  );
});

it('a range that is merged with none stays the object it was; others are combined in order', () => {
  const alone = { from: 20, to: 21, name: 'alone' };
  const given = [alone, { from: 5, to: 9, name: 'b' }, { from: 1, to: 6, name: 'a' }];
  expect(mergeRanges(given)).toEqual([{ from: 1, to: 9 }, alone]);
  expect(mergeRanges(given).at(-1)).toBe(alone);
  const combine = (left: typeof alone, right: typeof alone) => ({
    ...left,
    to: right.to,
    name: left.name + right.name,
  });
  expect(mergeRanges(given, { combine }).map(({ name }) => name)).toEqual(['ab', 'alone']);
});

it('ranges around instants are their ranges of one microsecond, merged', () => {
  const instants = fc
    .array(fc.integer({ min: 0, max: 200 }), { maxLength: 30 })
    .map((all) => all.sort((a, b) => a - b));
  fc.assert(
    fc.property(instants, fc.integer({ min: 0, max: 9 }), (t, gapMicros) => {
      const single = t.map((from) => ({ from, to: from + 1 }));
      expect(rangesAround(Float64Array.from(t), gapMicros)).toEqual(mergeRanges(single, { gapMicros }));
    }),
    { numRuns: 1_000 * times },
  );
});

it('too many ranges end with one that covers the rest', () => {
  const three = [0, 10, 20].map((from) => ({ from, to: from + 1 }));
  expect(capRanges(three, 3)).toEqual(three);
  expect(capRanges(three, 2)).toEqual([three[0], { from: 10, to: 21 }]);
  expect(capRanges(three, 1)).toEqual([hullOf(three)]);
  expect(hullOf([])).toEqual({ from: 0, to: 0 });
});
