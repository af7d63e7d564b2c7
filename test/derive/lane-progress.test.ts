import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  isExactAt,
  type LanePosition,
  type LaneProgress,
  newestCommonWave,
  newestExact,
  oldestExact,
  positionAfter,
} from '../../src/derive/lane-progress.ts';
import { commonRevision } from '../../src/derive/settled.ts';
import type { Standing } from '../../src/store/lanes.ts';
import { times } from '../support/long.ts';

const kept = 8;

/** Revisions that change a source of the lane or not, and attempts to advance it at some of them, by a pass or a backfill. */
interface LaneHistory {
  readonly changes: readonly boolean[];
  readonly attempts: readonly { readonly at: number; readonly by: 'pass' | 'backfill' }[];
}

const revisionsMax = 40;
const laneHistory: fc.Arbitrary<LaneHistory> = fc.record({
  changes: fc.array(fc.boolean(), { minLength: revisionsMax, maxLength: revisionsMax }),
  attempts: fc
    .array(
      fc.record({
        at: fc.nat(revisionsMax),
        by: fc.oneof(
          { weight: 3, arbitrary: fc.constant('pass' as const) },
          { weight: 1, arbitrary: fc.constant('backfill' as const) },
        ),
      }),
      { maxLength: 25, size: 'max' },
    )
    .map((attempts) => attempts.sort((a, b) => a.at - b.at)),
});

interface Modelled {
  readonly progress: LaneProgress;
  /** The revisions at which the stored points equal the formula. */
  readonly exact: ReadonlySet<number>;
  /** Those of them that the lane's row tells. */
  readonly known: ReadonlySet<number>;
}

/** Plays a history revision by revision, and keeps sets of revisions instead of bounds. */
function play({ changes, attempts }: LaneHistory): Modelled {
  const changesAt = (revision: number) => revision > 0 && changes[revision - 1];
  const firstChangeAfter = (basis: number) => {
    for (let revision = basis + 1; revision <= revisionsMax; revision++) if (changesAt(revision)) return revision;
    return Number.POSITIVE_INFINITY;
  };
  let position: LanePosition = { basis: -1, stops: [], untils: [] };
  const bases: number[] = [];
  const told: number[][] = [];
  for (const { at: target, by } of attempts) {
    const { basis } = position;
    if (target <= basis) continue;
    const firstChange = firstChangeAfter(basis);
    if (basis >= 0 && firstChange > target) continue;
    const until = by === 'pass' ? Math.min(firstChange - 1, target) : basis;
    position = positionAfter(position, { basis, target, until });
    bases.push(target);
    if (basis >= 0) {
      const span: number[] = [];
      for (let revision = basis; revision <= until; revision++) span.push(revision);
      told.push(span);
    }
  }
  const exact = new Set<number>();
  const known = new Set(told.slice(-kept).flat());
  for (let revision = 0; revision <= revisionsMax; revision++) {
    const basis = bases.findLast((each) => each <= revision);
    if (basis === undefined || firstChangeAfter(basis) <= revision) continue;
    exact.add(revision);
    if (basis === position.basis) known.add(revision);
  }
  return { progress: { ...position, firstChange: firstChangeAfter(position.basis) }, exact, known };
}

const revisions = Array.from({ length: revisionsMax + 1 }, (_, revision) => revision);

test('a lane is said to be exact at the revisions where it is and where its row can tell, and at no others', () => {
  fc.assert(
    fc.property(laneHistory, (history) => {
      const { progress, exact, known } = play(history);
      expect(revisions.filter((revision) => isExactAt(progress, revision))).toEqual(
        revisions.filter((revision) => known.has(revision)),
      );
      expect([...known].filter((revision) => !exact.has(revision))).toEqual([]);
      expect(revisions.map((revision) => newestExact(progress, revision))).toEqual(
        revisions.map((revision) => revisions.findLast((each) => each <= revision && known.has(each))),
      );
      expect(revisions.map((revision) => oldestExact(progress, revision))).toEqual(
        revisions.map((revision) => revisions.find((each) => each >= revision && known.has(each))),
      );
    }),
    { numRuns: 2_000 * times },
  );
});

test('the target of lanes that are read together is the newest wave at which each of them is exact', () => {
  const lanes = fc.array(laneHistory, { maxLength: 4 });
  const waves = fc.uniqueArray(fc.nat(revisionsMax), { maxLength: 12 }).map((all) => all.sort((a, b) => b - a));
  fc.assert(
    fc.property(lanes, waves, (histories, all) => {
      const modelled = histories.map(play);
      const common = all.filter((wave) => modelled.every(({ known }) => known.has(wave)));
      expect(
        newestCommonWave(
          all,
          modelled.map(({ progress }) => progress),
        ),
      ).toBe(common.at(0));
    }),
    { numRuns: 2_000 * times },
  );
});

test('the common revision of derived series is one at which each is exact, and none is newer of those at which all answer', () => {
  const series = fc.record({ history: laneHistory, since: fc.nat(revisionsMax), replaces: fc.boolean() });
  fc.assert(
    fc.property(fc.array(series, { maxLength: 4 }), fc.nat(revisionsMax), (all, newest) => {
      const modelled = all
        .map(({ history, since, replaces }, definition) => ({ ...play(history), since, replaces, definition }))
        .filter(({ progress: { basis } }) => basis >= 0);
      const standings = modelled.map(({ progress, since, replaces, definition }): Standing => {
        const { basis, stops, untils, firstChange } = progress;
        const row = { definition, series: definition, storage: definition, upstream: [], failed: false };
        return { ...row, since, replaces, basis, stops, untils, firstChange };
      });
      const common = commonRevision(standings, newest);
      // Before its first definition answered, a series held nothing, and that is exact.
      for (const { known, since, replaces } of modelled)
        if (common !== undefined) expect(common < since ? !replaces : known.has(common)).toBe(true);
      const answering = revisions.findLast(
        (revision) =>
          revision <= newest && modelled.every(({ known, since }) => revision >= since && known.has(revision)),
      );
      if (answering !== undefined) expect(common).toBe(answering);
      if (common !== undefined) expect(common).toBeLessThanOrEqual(newest);
    }),
    { numRuns: 2_000 * times },
  );
});
