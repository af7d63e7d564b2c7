import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clipVersions, foldVersions, lowerBound, mergeVersions, type Versions } from '../../src/engine/versions.ts';

interface Version {
  t: number;
  revision: number;
  value: number;
  size: number;
}

function pack(versions: readonly Version[], sized = true): Versions {
  return {
    t: Float64Array.from(versions, ({ t }) => t),
    revision: Float64Array.from(versions, ({ revision }) => revision),
    value: Float64Array.from(versions, ({ value }) => value),
    size: sized ? Float64Array.from(versions, ({ size }) => size) : undefined,
  };
}

function unpack({ t, revision, value, size }: Versions): Version[] {
  return Array.from(t, (at, i) => ({ t: at, revision: revision[i], value: value[i], size: size?.[i] ?? Number.NaN }));
}

const sorted = (versions: readonly Version[]) => [...versions].sort((a, b) => a.t - b.t || a.revision - b.revision);

const version = fc
  .tuple(
    fc.integer({ min: -4, max: 8 }),
    fc.integer({ min: 1, max: 9 }),
    fc.oneof(fc.constant(Number.NaN), fc.constant(-0), fc.integer()),
    fc.oneof(fc.constant(Number.NaN), fc.nat()),
  )
  .map(([t, revision, value, size]): Version => ({ t, revision, value, size }));
/** At most one for each instant and revision. */
const versions = fc.uniqueArray(version, {
  selector: ({ t, revision }) => `${t} ${revision}`,
  maxLength: 40,
  size: 'max',
});

test('runs merge into what sorting all their versions gives, however they are cut and overlap', () => {
  fc.assert(
    fc.property(versions, fc.array(fc.nat({ max: 5 }), { minLength: 40, maxLength: 40 }), (all, runOf) => {
      const runs = [0, 1, 2, 3, 4, 5].map((run) => sorted(all.filter((_, i) => runOf[i] === run)));
      expect(unpack(mergeVersions(runs.map((run) => pack(run))))).toStrictEqual(sorted(all));
    }),
  );
});

test('a few versions among many merge as any others', () => {
  const many = fc.uniqueArray(
    fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 9 })).map(([t, revision]) => ({ t, revision })),
    { selector: ({ t, revision }) => `${t} ${revision}`, minLength: 60, maxLength: 200, size: 'max' },
  );
  fc.assert(
    fc.property(many, fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), fc.boolean(), (keys, picks, sized) => {
      const all = keys.map((key, i): Version => ({ ...key, value: i, size: sized ? i : Number.NaN }));
      const few = new Set(picks.map((pick) => pick % all.length));
      const runs = [false, true].map((isFew) => sorted(all.filter((_, i) => few.has(i) === isFew)));
      for (const order of [runs, [...runs].reverse()])
        expect(unpack(mergeVersions(order.map((run) => pack(run, sized))))).toStrictEqual(sorted(all));
    }),
  );
});

test('runs that lie behind one another in the same columns are joined where they lie, and only those', () => {
  const part = ({ t, revision, value, size }: Versions, from: number, to: number): Versions => ({
    t: t.subarray(from, to),
    revision: revision.subarray(from, to),
    value: value.subarray(from, to),
    size: size?.subarray(from, to),
  });
  const all = Array.from({ length: 9 }, (_, i): Version => ({ t: i, revision: 1, value: i, size: i }));
  for (const sized of [true, false]) {
    const whole = pack(all, sized);
    const joined = mergeVersions([part(whole, 3, 6), part(whole, 1, 3), part(whole, 6, 8)]);
    expect(joined.t.buffer).toBe(whole.t.buffer);
    expect(unpack(joined)).toStrictEqual(unpack(part(whole, 1, 8)));
    const gap = mergeVersions([part(whole, 0, 2), part(whole, 3, 9)]);
    expect(unpack(gap)).toStrictEqual(unpack(whole).filter(({ t }) => t !== 2));
  }
  const unsized = { ...part(pack(all), 0, 4), size: undefined };
  const mixed = mergeVersions([unsized, part(pack(all), 4, 9)]);
  expect(unpack(mixed)).toStrictEqual(
    all.map((version) => ({ ...version, size: version.t < 4 ? Number.NaN : version.size })),
  );
});

test('runs that follow one another merge as those that do not', () => {
  fc.assert(
    fc.property(versions, fc.integer({ min: 1, max: 7 }), (all, length) => {
      const whole = sorted(all);
      const runs: Version[][] = [];
      for (let i = 0; i < whole.length; i += length) runs.push(whole.slice(i, i + length));
      expect(unpack(mergeVersions(runs.reverse().map((run) => pack(run))))).toStrictEqual(whole);
    }),
  );
});

test('a run without sizes merges with one that has them', () => {
  const a = pack([{ t: 1, revision: 1, value: 1, size: 0 }], false);
  const b = pack([{ t: 1, revision: 2, value: 2, size: 5 }]);
  expect([...(mergeVersions([a, b]).size ?? [])]).toStrictEqual([Number.NaN, 5]);
  expect(mergeVersions([a, a]).size).toBeUndefined();
});

test('at a revision each instant holds its newest version up to there, and deleted ones nothing', () => {
  fc.assert(
    fc.property(versions, fc.integer({ min: 0, max: 10 }), (all, asOf) => {
      const newest = new Map<number, Version>();
      for (const some of sorted(all)) if (some.revision <= asOf) newest.set(some.t, some);
      const held = [...newest.values()].filter(({ value }) => !Number.isNaN(value));
      const given = pack(sorted(all));
      const before = unpack(given);
      expect(unpack(foldVersions(given, asOf))).toStrictEqual(held);
      expect(unpack(given), 'what was given is untouched').toStrictEqual(before);
    }),
  );
});

test('folding what is folded gives it back without a copy', () => {
  const points = pack([
    { t: 1, revision: 3, value: -0, size: Number.NaN },
    { t: 2, revision: 1, value: 5, size: 1 },
  ]);
  expect(foldVersions(points, 3)).toBe(points);
  expect(foldVersions(points, 2)).not.toBe(points);
});

test('clipping keeps [from, to) and finds it by halving', () => {
  fc.assert(
    fc.property(versions, fc.integer({ min: -6, max: 10 }), fc.integer({ min: -6, max: 10 }), (all, from, to) => {
      fc.pre(from <= to);
      const clipped = clipVersions(pack(sorted(all)), from, to);
      expect(unpack(clipped)).toStrictEqual(sorted(all).filter(({ t }) => t >= from && t < to));
      const instants = pack(sorted(all)).t;
      expect(lowerBound(instants, from)).toBe([...instants].filter((t) => t < from).length);
    }),
  );
});
