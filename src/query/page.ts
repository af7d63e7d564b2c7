import type { Range } from '../engine/ranges.ts';
import { sliceVersions } from '../engine/versions.ts';
import { readPoints } from '../store/block-reads.ts';
import type { Database } from '../store/connect.ts';
import { type PointRow, pointAt } from '../store/last-points.ts';

export interface PageRequest {
  readonly series: number;
  readonly range: Range;
  /** Exclusive bounds: after this instant and before that one. */
  readonly after: number | undefined;
  readonly before: number | undefined;
  readonly count: number;
  readonly end: 'first' | 'last';
  readonly asOf: number;
}

export interface Page {
  readonly points: readonly PointRow[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

/** A page of points from either end. It reads one point more than requested, to know whether there are more. */
export async function readPage(database: Database, request: PageRequest): Promise<Page> {
  const { series, range, after, before, count, end, asOf } = request;
  const span = {
    from: after === undefined ? range.from : Math.max(range.from, after + 1),
    to: before === undefined ? range.to : Math.min(range.to, before),
  };
  const read = await readPoints(database, series, span, asOf, count + 1, end);
  const length = read.t.length;
  const more = length > count;
  const points =
    end === 'first'
      ? sliceVersions(read, 0, Math.min(count, length))
      : sliceVersions(read, Math.max(0, length - count), length);
  const exists = async (rest: Range) => (await readPoints(database, series, rest, asOf, 1, 'first')).t.length > 0;
  return {
    points: Array.from(points.t, (_, i) => pointAt(points, i)),
    hasNextPage: end === 'first' ? more : before !== undefined && (await exists({ from: span.to, to: range.to })),
    hasPreviousPage: end === 'last' ? more : after !== undefined && (await exists({ from: range.from, to: span.from })),
  };
}
