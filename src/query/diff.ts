import type { Versions } from '../engine/versions.ts';
import type { Database } from '../store/connect.ts';
import { everything, type Range, readTouched, walkVersions } from '../store/read.ts';

/** More spans than this are given as one that covers the rest. */
const spansMax = 10_000;

/** The version that holds among those of one instant, [start, end), at a revision; -1: no point. */
function holding(versions: Versions, start: number, end: number, asOf: number): number {
  for (let i = end - 1; i >= start; i--) {
    if (versions.revision[i] <= asOf) return Number.isNaN(versions.value[i]) ? -1 : i;
  }
  return -1;
}

/** The same point, or none both times. A point that was written again with what it held is the same. */
function isSame(versions: Versions, a: number, b: number): boolean {
  if (a === b) return true;
  if (a < 0 || b < 0) return false;
  const size = (i: number) => versions.size?.[i] ?? Number.NaN;
  return Object.is(versions.value[a], versions.value[b]) && Object.is(size(a), size(b));
}

/** Joins spans until a point that is the same in both lies between. */
class Spans {
  readonly spans: Range[] = [];
  #open = false;

  differ(t: number): void {
    const last = this.spans.at(-1);
    if (last && (this.#open || this.spans.length === spansMax))
      this.spans[this.spans.length - 1] = { from: last.from, to: t + 1 };
    else this.spans.push({ from: t, to: t + 1 });
    this.#open = true;
  }

  same(): void {
    this.#open = false;
  }
}

/**
 * The spans in which a series differs between two revisions: from the first to the last instant that differs, with no
 * point in between that is the same.
 */
export async function diffSeries(
  database: Database,
  series: number,
  older: number,
  newer: number,
  range: Range = everything,
): Promise<Range[]> {
  const spans = new Spans();
  for (const hull of await readTouched(database, series, older, newer, range)) {
    spans.same();
    for await (const { versions } of walkVersions(database, series, hull)) {
      for (let start = 0; start < versions.t.length; ) {
        let end = start + 1;
        while (end < versions.t.length && versions.t[end] === versions.t[start]) end++;
        const before = holding(versions, start, end, older);
        const after = holding(versions, start, end, newer);
        if (!isSame(versions, before, after)) spans.differ(versions.t[start]);
        else if (after >= 0) spans.same();
        start = end;
      }
    }
  }
  return spans.spans;
}
