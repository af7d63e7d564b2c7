import { foldVersions, type Points } from '../../engine/versions.ts';
import type { Column } from '../../store/block-columns.ts';
import type { Database } from '../../store/connect.ts';
import { type Range, walkVersions } from '../../store/read.ts';

/** What a point is to what is stored. */
export const fresh = 0;
export const changed = 1;
export const unchanged = 2;

/** Where so many times as much is stored between the points, only what lies close to them is read. */
const sparseTimes = 16;
const closeMicros = 3_600_000_000;

/** Says of each point of a sorted column what it is; `weight` says how much is stored between its ends. */
export async function compare(
  database: Database,
  series: number,
  column: Column,
  weight: number,
): Promise<{ readonly says: Uint8Array; readonly unchanged: number; readonly changed: number }> {
  const says = new Uint8Array(column.t.length);
  const counts = { unchanged: 0, changed: 0 };
  if (series < 0 || weight === 0) return { says, ...counts };
  let at = 0;
  for (const range of weight > sparseTimes * column.t.length ? closeRanges(column.t) : [wholeRange(column.t)]) {
    for await (const { versions } of walkVersions(database, series, range)) {
      const points = foldVersions(versions, Number.POSITIVE_INFINITY);
      for (let i = 0; i < points.t.length; i++) {
        while (at < column.t.length && column.t[at] < points.t[i]) at++;
        if (at === column.t.length) return { says, ...counts };
        if (column.t[at] !== points.t[i]) continue;
        const same = isSame(column, at, points, i);
        says[at] = same ? unchanged : changed;
        if (same) counts.unchanged++;
        else counts.changed++;
      }
    }
  }
  return { says, ...counts };
}

function isSame(column: Column, at: number, points: Points, i: number): boolean {
  const size = column.size ? column.size[at] : Number.NaN;
  const stored = points.size ? points.size[i] : Number.NaN;
  return Object.is(column.value[at], points.value[i]) && Object.is(size, stored);
}

function wholeRange(t: Float64Array): Range {
  return { from: t[0], to: t[t.length - 1] + 1 };
}

function* closeRanges(t: Float64Array): Generator<Range> {
  for (let start = 0; start < t.length; ) {
    let end = start + 1;
    while (end < t.length && t[end] - t[end - 1] < closeMicros) end++;
    yield { from: t[start], to: t[end - 1] + 1 };
    start = end;
  }
}

/** The column without the points that are stored already. */
export function withoutUnchanged(column: Column, says: Uint8Array): Column {
  const keep = (from: Float64Array) => from.filter((_, i) => says[i] !== unchanged);
  return { t: keep(column.t), value: keep(column.value), size: column.size && keep(column.size) };
}
