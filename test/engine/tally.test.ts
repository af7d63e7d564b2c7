import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packChunks, packTally, Tally, unpackChunks } from '../../src/engine/tally.ts';
import { foldVersions, type Points, type Versions } from '../../src/engine/versions.ts';
import { exactMean, exactSum } from '../support/model.ts';

type Point = readonly [t: number, value: number, size: number];

function pack(points: readonly Point[], revision = (t: number) => 100 + t): Points {
  return {
    t: Float64Array.from(points, ([t]) => t),
    revision: Float64Array.from(points, ([t]) => revision(t)),
    value: Float64Array.from(points, ([, value]) => value),
    size: Float64Array.from(points, ([, , size]) => size),
  };
}

function tallyOf(points: readonly Point[]): Tally {
  const tally = new Tally();
  const packed = pack(points);
  points.forEach((_, i) => {
    tally.add(packed, i);
  });
  return tally;
}

const value = fc.oneof(
  fc.integer({ min: -2, max: 2 }),
  fc.constantFrom(-0, 0.1, Number.MAX_VALUE, -Number.MAX_VALUE, 5e-324, 1e300),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const size = fc.oneof(fc.constant(Number.NaN), fc.constantFrom(0, 1, 0.1, 1e308));
const points: fc.Arbitrary<Point[]> = fc.uniqueArray(fc.tuple(fc.integer({ min: -20, max: 20 }), value, size), {
  selector: ([t]) => t,
  minLength: 1,
  maxLength: 20,
  size: 'max',
});

function answers(tally: Tally) {
  const { count, firstT, first, lastT, last, lastRevision, minT, min, maxT, max, sizes } = tally;
  const mean = tally.mean();
  const volume = tally.volume.value();
  return { count, firstT, first, lastT, last, lastRevision, minT, min, maxT, max, sizes, mean, volume };
}

function naive(some: readonly Point[]): ReturnType<typeof answers> {
  const inOrder = [...some].sort((a, b) => a[0] - b[0]);
  const [first] = inOrder;
  const last = inOrder[inOrder.length - 1];
  const low = inOrder.reduce((best, point) => (point[1] < best[1] ? point : best));
  const high = inOrder.reduce((best, point) => (point[1] > best[1] ? point : best));
  const sized = some.map(([, , has]) => has).filter((has) => !Number.isNaN(has));
  return {
    count: some.length,
    firstT: first[0],
    first: first[1],
    lastT: last[0],
    last: last[1],
    lastRevision: 100 + last[0],
    minT: low[0],
    min: low[1],
    maxT: high[0],
    max: high[1],
    sizes: sized.length,
    mean: exactMean(some.map(([, each]) => each)),
    volume: exactSum(sized),
  };
}

test('a tally is exact, and the earliest of equal extremes counts, in whatever order points are added', () => {
  fc.assert(
    fc.property(points, (some) => {
      expect(answers(tallyOf(some))).toStrictEqual(naive(some));
    }),
  );
});

test('tallies that are packed and added up come to what their points come to, however they are parted', () => {
  fc.assert(
    fc.property(points, fc.array(fc.nat({ max: 3 }), { minLength: 20, maxLength: 20 }), (some, partOf) => {
      const whole = new Tally();
      for (const part of [0, 1, 2, 3]) {
        const packed = packTally(tallyOf(some.filter((_, i) => partOf[i] === part)));
        expect(packed.every(Number.isFinite), 'PostgreSQL keeps it').toBe(true);
        whole.addPacked(Float64Array.from(packed));
      }
      expect(answers(whole)).toStrictEqual(naive(some));
    }),
  );
});

test('a tally of nothing packs into one number and adds nothing', () => {
  expect(packTally(new Tally())).toStrictEqual([0]);
  const tally = tallyOf([[1, 2, 3]]);
  tally.addPacked(Float64Array.of(0));
  expect(tally.count).toBe(1);
});

test('chunks cover a block without cutting an instant in two, each with the extremes of its points', () => {
  const version = fc.tuple(
    fc.integer({ min: 0, max: 12 }),
    fc.integer({ min: 1, max: 5 }),
    fc.oneof(fc.constant(Number.NaN), fc.integer({ min: -2, max: 2 })),
  );
  const block = fc.uniqueArray(version, {
    selector: ([t, revision]) => `${t} ${revision}`,
    minLength: 1,
    maxLength: 40,
    size: 'max',
  });
  fc.assert(
    fc.property(block, fc.integer({ min: 1, max: 6 }), (some, chunkVersions) => {
      const inOrder = [...some].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      const versions: Versions = {
        t: Float64Array.from(inOrder, ([t]) => t),
        revision: Float64Array.from(inOrder, ([, revision]) => revision),
        value: Float64Array.from(inOrder, ([, , each]) => each),
        size: undefined,
      };
      const held = foldVersions(versions, Number.POSITIVE_INFINITY);
      const chunks = unpackChunks(Float64Array.from(packChunks(versions.t, held, chunkVersions)));
      expect(chunks[0].fromT).toBe(versions.t[0]);
      for (const [i, { fromT, minT, min, maxT, max }] of chunks.entries()) {
        const end = chunks[i + 1]?.fromT ?? Number.POSITIVE_INFINITY;
        expect(end).toBeGreaterThan(fromT);
        const inside = (at: number) => at >= fromT && at < end;
        const last = [...new Set(versions.t)].filter(inside).pop() ?? fromT;
        const before = inOrder.filter(([t]) => inside(t) && t !== last).length;
        expect(before, 'no longer than it must be').toBeLessThan(chunkVersions);
        const each = Array.from(held.t, (t, at): Point => [t, held.value[at], Number.NaN]).filter(([t]) => inside(t));
        const wanted = each.length > 0 ? naive(each) : new Tally();
        expect([minT, min, maxT, max]).toStrictEqual([wanted.minT, wanted.min, wanted.maxT, wanted.max]);
      }
    }),
  );
});
