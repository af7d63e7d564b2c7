import type { Grid } from '../engine/bucket.ts';
import { capRanges, mergeRanges, type Range } from '../engine/ranges.ts';
import type { Points } from '../engine/versions.ts';

/** A span in which something changed, and the points that it holds now where they are known already. */
export type ChangedSpan = Range & { readonly points?: Points | undefined };

/** More spans of one series are sent as one. */
const spansMax = 100;

/** Cuts spans at a range and joins those that touch one another. With a grid, they become whole buckets. */
export function joinSpans(spans: readonly ChangedSpan[], range: Range, grid: Grid | undefined): readonly ChangedSpan[] {
  if (!grid && spans.length === 1 && spans[0].from >= range.from && spans[0].to <= range.to) return spans;
  const clipped = spans.map((span) => {
    const { from, to } = grid
      ? { from: grid.startOf(grid.indexOf(span.from)), to: grid.startOf(grid.indexOf(span.to - 1) + 1) }
      : span;
    const points = grid ? undefined : span.points;
    return { from: Math.max(from, range.from), to: Math.min(to, range.to), points };
  });
  return capRanges(mergeRanges(clipped), spansMax);
}
