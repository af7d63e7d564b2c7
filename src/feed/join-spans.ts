import type { Grid } from '../engine/bucket.ts';
import type { Points } from '../engine/versions.ts';
import type { Range } from '../store/block-reads.ts';

/** A span in which something changed, and the points that it holds now where they are known already. */
export type ChangedSpan = Range & { readonly points?: Points | undefined };

/** More spans of one series are sent as one. */
const spansMax = 100;

/** Cuts spans at a range and joins those that touch one another. With a grid, they become whole buckets. */
export function joinSpans(spans: readonly ChangedSpan[], range: Range, grid: Grid | undefined): readonly ChangedSpan[] {
  if (!grid && spans.length === 1 && spans[0].from >= range.from && spans[0].to <= range.to) return spans;
  const joined: ChangedSpan[] = [];
  for (const span of spans) {
    const whole = grid
      ? { from: grid.startOf(grid.indexOf(span.from)), to: grid.startOf(grid.indexOf(span.to - 1) + 1) }
      : span;
    const points = grid ? undefined : span.points;
    const clipped = { from: Math.max(whole.from, range.from), to: Math.min(whole.to, range.to), points };
    const last = joined.at(-1);
    if (last && (clipped.from <= last.to || joined.length >= spansMax)) {
      joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, clipped.to) };
    } else {
      joined.push(clipped);
    }
  }
  return joined;
}
