/**
 * The revisions at which a lane is known to be exact, that is, at which its points equal its formula over the sources of the
 * same revision: from the basis up to the next change of a source, and from each earlier stop up to its `until`.
 */
export interface LaneProgress {
  /** The revision that the lane reflects; below 0 when it was never computed. */
  readonly basis: number;
  /** Earlier bases, ascending, and for each the last revision at which the lane was exact there. */
  readonly stops: readonly number[];
  readonly untils: readonly number[];
  /** The first revision after the basis that changed one of the lane's sources; infinite when none did. */
  readonly firstChange: number;
}

/** The same without knowledge of the sources. */
export type LanePosition = Omit<LaneProgress, 'firstChange'>;

/** A lane keeps this number of earlier bases; `tidemark_derive` keeps as many. */
const stopsMax = 8;

/** The newest revision up to `revision` at which a lane is exact; undefined when none is known. */
export function newestExact({ basis, stops, untils, firstChange }: LaneProgress, revision: number): number | undefined {
  if (basis < 0) return undefined;
  let newest = basis <= revision ? Math.min(firstChange - 1, revision) : -1;
  for (let i = 0; i < stops.length; i++) {
    if (stops[i] <= revision) newest = Math.max(newest, Math.min(untils[i], revision));
  }
  return newest < 0 ? undefined : newest;
}

export function isExactAt(progress: LaneProgress, revision: number): boolean {
  return newestExact(progress, revision) === revision;
}

/** The oldest revision from `revision` on at which a lane is exact; undefined when none is known. */
export function oldestExact(progress: LaneProgress, revision: number): number | undefined {
  if (isExactAt(progress, revision)) return revision;
  const { basis, stops } = progress;
  return stops.find((stop) => stop > revision) ?? (basis > revision ? basis : undefined);
}

/** The newest of some waves, newest first, at which all these lanes are exact; undefined when there is none. */
export function newestCommonWave(waves: readonly number[], lanes: readonly LaneProgress[]): number | undefined {
  return waves.find((wave) => lanes.every((lane) => isExactAt(lane, wave)));
}

/** A lane's position when it has moved from its basis, where it was exact up to `until`, to the target. */
export function positionAfter(
  { stops, untils }: LanePosition,
  { basis, target, until }: { readonly basis: number; readonly target: number; readonly until: number },
): LanePosition {
  if (basis < 0 || until < basis) return { basis: target, stops, untils };
  return {
    basis: target,
    stops: [...stops, basis].slice(-stopsMax),
    untils: [...untils, until].slice(-stopsMax),
  };
}
