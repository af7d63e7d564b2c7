import { everything, type Range, rangesAround } from '../engine/ranges.ts';
import type { Versions } from '../engine/versions.ts';
import type { Asked } from '../store/definitions.ts';

/** Instants closer together than this make one span: to continue a run is cheaper than to begin another. */
const gapMicrosMax = 5_000_000;
const spansMax = 5_000;

/** The spans that hold the instants of versions, ascending; wider ones when there would be too many. */
export function spansOf({ t }: Pick<Versions, 't'>): Range[] {
  for (let gapMicros = gapMicrosMax; ; gapMicros *= 8) {
    const spans = rangesAround(t, gapMicros);
    if (spans.length <= spansMax) return spans;
  }
}

/** The part of changes that is left when everything before `done` is computed: an earlier change can have effects behind it. */
export function spansFrom(changes: readonly Range[], done: number): readonly Range[] {
  if (done === everything.from) return changes;
  const rest: Range[] = [];
  let beganBefore = false;
  for (const { from, to } of changes) {
    if (from < done) beganBefore = true;
    if (to > done) rest.push({ from: Math.max(from, done), to });
  }
  if (beganBefore && (rest.length === 0 || rest[0].from > done)) rest.unshift({ from: done, to: done + 1 });
  return rest;
}

/** One question for each storage: after the earliest of the revisions that it was asked for. */
export function earliest(asked: readonly Asked[]): Asked[] {
  const earliestAfter = new Map<number, number>();
  for (const { storage, after } of asked) {
    const known = earliestAfter.get(storage);
    if (known === undefined || after < known) earliestAfter.set(storage, after);
  }
  return [...earliestAfter].map(([storage, after]) => ({ storage, after }));
}

/** The first revision after another one that changed one of these storages; infinite if none did. */
export function firstChangeOf(
  changed: ReadonlyMap<number, Versions>,
  storages: readonly number[],
  after: number,
): number {
  let first = Number.POSITIVE_INFINITY;
  for (const storage of storages) {
    const versions = changed.get(storage);
    if (!versions) continue;
    for (const revision of versions.revision) if (revision > after && revision < first) first = revision;
  }
  return first;
}
