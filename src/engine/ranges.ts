/** A half-open span of instants, whole microseconds. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** All instants there are, the last one included. */
export const everything: Range = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER + 1 };

interface MergeOptions {
  /** Ranges that are at most this far apart become one. */
  readonly gapMicros?: number;
}

interface Combining<T extends Range> extends MergeOptions {
  /** Makes one range of two; without it, a merged range has its bounds alone. */
  readonly combine: (left: T, right: T) => T;
}

/** Merges ranges in any order into ranges that ascend and do not touch. Drops empty ranges; keeps those that touch none. */
export function mergeRanges<T extends Range>(ranges: readonly T[], options: Combining<T>): T[];
export function mergeRanges<T extends Range>(ranges: readonly T[], options?: MergeOptions): (T | Range)[];
export function mergeRanges<T extends Range>(
  ranges: readonly T[],
  { gapMicros = 0, combine = hullOfTwo }: MergeOptions & { readonly combine?: (left: T, right: T) => T | Range } = {},
): (T | Range)[] {
  const merged: (T | Range)[] = [];
  for (const next of ascending(ranges)) {
    if (next.from >= next.to) continue;
    const last = merged.at(-1);
    if (last && next.from - last.to <= gapMicros) merged[merged.length - 1] = combine(last as T, next);
    else merged.push(next);
  }
  return merged;
}

function hullOfTwo(left: Range, right: Range): Range {
  return { from: left.from, to: Math.max(left.to, right.to) };
}

function ascending<T extends Range>(ranges: readonly T[]): readonly T[] {
  for (let i = 1; i < ranges.length; i++)
    if (ranges[i].from < ranges[i - 1].from) return [...ranges].sort((a, b) => a.from - b.from);
  return ranges;
}

/** Ranges that hold every instant of a sorted column; instants that are at most this far apart share one. */
export function rangesAround(instants: Float64Array, gapMicros = 0): Range[] {
  const ranges: { from: number; to: number }[] = [];
  for (const t of instants) {
    const last = ranges[ranges.length - 1];
    if (last && t - last.to <= gapMicros) last.to = t + 1;
    else ranges.push({ from: t, to: t + 1 });
  }
  return ranges;
}

/** From the start of the first range to the end of the last, for ranges that ascend; of none, an empty range. */
export function hullOf(ranges: readonly Range[]): Range {
  return { from: ranges.at(0)?.from ?? 0, to: ranges.at(-1)?.to ?? 0 };
}

/** At most `rangesMax` ranges, of ranges that ascend: the last one covers those that are too many. */
export function capRanges<T extends Range>(ranges: readonly T[], rangesMax: number): (T | Range)[] {
  if (ranges.length <= rangesMax) return [...ranges];
  return [...ranges.slice(0, rangesMax - 1), hullOf(ranges.slice(rangesMax - 1))];
}
