import { foldVersions, noVersions, type Points, type Versions } from '../engine/versions.ts';
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

/** The same value and size. A point that was written again with what it held is the same. */
function isSamePoint(a: Versions, i: number, b: Versions, j: number): boolean {
  const sizeOf = (versions: Versions, at: number) => versions.size?.[at] ?? Number.NaN;
  return Object.is(a.value[i], b.value[j]) && Object.is(sizeOf(a, i), sizeOf(b, j));
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
        const isSame =
          before === after || (before >= 0 && after >= 0 && isSamePoint(versions, before, versions, after));
        if (!isSame) spans.differ(versions.t[start]);
        else if (after >= 0) spans.same();
        start = end;
      }
    }
  }
  return spans.spans;
}

/** Where points are read: under which id, and at which revision. */
export interface Source {
  readonly storage: number;
  readonly asOf: number;
}

/** The same of what lies under two ids: a series that was defined anew. Both are read from end to end. */
export async function diffSources(
  database: Database,
  older: Source,
  newer: Source,
  range: Range = everything,
): Promise<Range[]> {
  if (older.storage === newer.storage) return diffSeries(database, older.storage, older.asOf, newer.asOf, range);
  const spans = new Spans();
  const before = new Cursor(database, older, range);
  const after = new Cursor(database, newer, range);
  for (;;) {
    await before.fill();
    await after.fill();
    if (before.t === undefined && after.t === undefined) return spans.spans;
    // As long as both have something at hand there is nothing to wait for.
    while (before.t !== undefined || after.t !== undefined) {
      if (before.t === after.t) {
        if (isSamePoint(before.points, before.at, after.points, after.at)) spans.same();
        else spans.differ(before.t ?? 0);
        before.at++;
        after.at++;
      } else {
        const first = after.t === undefined || (before.t !== undefined && before.t < after.t) ? before : after;
        spans.differ(first.t ?? 0);
        first.at++;
      }
      if (before.isEmpty || after.isEmpty) break;
    }
  }
}

/** The points of one id, in the order of time. */
class Cursor {
  readonly #steps: AsyncGenerator<{ versions: Versions }>;
  readonly #asOf: number;
  #ended = false;
  points: Points = noVersions;
  at = 0;

  constructor(database: Database, { storage, asOf }: Source, range: Range) {
    this.#steps = walkVersions(database, storage, range);
    this.#asOf = asOf;
  }

  /** The instant it stands at; undefined at the end. */
  get t(): number | undefined {
    return this.at < this.points.t.length ? this.points.t[this.at] : undefined;
  }

  /** Whether more is to be read before its next instant is known. */
  get isEmpty(): boolean {
    return !this.#ended && this.at >= this.points.t.length;
  }

  async fill(): Promise<void> {
    while (this.isEmpty) {
      const step = await this.#steps.next();
      if (step.done) this.#ended = true;
      else {
        this.points = foldVersions(step.value.versions, this.#asOf);
        this.at = 0;
      }
    }
  }
}
