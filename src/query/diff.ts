import { batchesOf } from '../engine/batches.ts';
import { everything, mergeRanges, type Range } from '../engine/ranges.ts';
import {
  clipVersions,
  foldVersions,
  noVersions,
  type Points,
  sliceVersions,
  type Versions,
} from '../engine/versions.ts';
import type { BatchedReads } from '../store/batched-reads.ts';
import { stepBlocksMin, walkSteps } from '../store/block-reads.ts';

/** The most spans in a result. The last one covers the rest. */
const spansMax = 10_000;

/** The index of the version among those of one instant, [start, end), that is valid at a revision; -1 for no point. */
function holding(versions: Versions, start: number, end: number, asOf: number): number {
  for (let i = end - 1; i >= start; i--) {
    if (versions.revision[i] <= asOf) return Number.isNaN(versions.value[i]) ? -1 : i;
  }
  return -1;
}

/** True for equal value and size. Writing the same point again does not make it different. */
function isSamePoint(a: Versions, i: number, b: Versions, j: number): boolean {
  const sizeOf = (versions: Versions, at: number) => versions.size?.[at] ?? Number.NaN;
  return Object.is(a.value[i], b.value[j]) && Object.is(sizeOf(a, i), sizeOf(b, j));
}

/** A span in which a series differs, with its present points; undefined when they are too many to keep. */
export interface DiffSpan extends Range {
  readonly points: Points | undefined;
}

/** Joins differing instants into spans, until an equal point lies between. */
class Spans {
  readonly #spans: { from: number; to: number; start: number; end: number }[] = [];
  readonly #pointsMax: number;
  #open = false;
  readonly #t: number[] = [];
  readonly #revision: number[] = [];
  readonly #value: number[] = [];
  readonly #size: number[] = [];
  #sized = false;

  constructor(pointsMax: number) {
    this.#pointsMax = pointsMax;
  }

  /** `at` is the index of the present version; without it the point was deleted. */
  differ(t: number, versions?: Versions, at = -1): void {
    let last = this.#spans.at(-1);
    if (last && (this.#open || this.#spans.length === spansMax)) last.to = t + 1;
    else {
      last = { from: t, to: t + 1, start: this.#t.length, end: this.#t.length };
      this.#spans.push(last);
    }
    // The last span was extended to limit the count, so it contains points that were not collected.
    if (!this.#open && last.from !== t) last.end = Number.POSITIVE_INFINITY;
    this.#open = true;
    if (!versions || at < 0) return;
    if (this.#t.length >= this.#pointsMax) last.end = Number.POSITIVE_INFINITY;
    else {
      this.#t.push(t);
      this.#revision.push(versions.revision[at]);
      this.#value.push(versions.value[at]);
      this.#size.push(versions.size?.[at] ?? Number.NaN);
      if (!Number.isNaN(this.#size[this.#size.length - 1])) this.#sized = true;
      last.end = Math.max(last.end, this.#t.length);
    }
  }

  same(): void {
    this.#open = false;
  }

  take(): DiffSpan[] {
    const all: Points = {
      t: Float64Array.from(this.#t),
      revision: Float64Array.from(this.#revision),
      value: Float64Array.from(this.#value),
      size: this.#sized ? Float64Array.from(this.#size) : undefined,
    };
    return this.#spans.map(({ from, to, start, end }) => ({
      from,
      to,
      points: Number.isFinite(end) ? withoutSizes(sliceVersions(all, start, end)) : undefined,
    }));
  }
}

/** If no point has a size, the column is left out. */
function withoutSizes(points: Points): Points {
  return points.size?.every(Number.isNaN) ? { ...points, size: undefined } : points;
}

function compare(spans: Spans, versions: Versions, older: number, newer: number): void {
  for (let start = 0; start < versions.t.length; ) {
    let end = start + 1;
    while (end < versions.t.length && versions.t[end] === versions.t[start]) end++;
    const before = holding(versions, start, end, older);
    const after = holding(versions, start, end, newer);
    const isSame = before === after || (before >= 0 && after >= 0 && isSamePoint(versions, before, versions, after));
    if (!isSame) spans.differ(versions.t[start], versions, after);
    else if (after >= 0) spans.same();
    start = end;
  }
}

/**
 * The spans in which a series differs between two revisions: from the first to the last differing instant, without an
 * equal point between. Each has its present points, up to `pointsMax`. `touched` limits the search to the spans of
 * versions written between the revisions, if known, in order of time.
 */
export async function diffSeries(
  reads: BatchedReads,
  series: number,
  older: number,
  newer: number,
  range: Range = everything,
  pointsMax = 0,
  touched?: readonly Range[],
): Promise<DiffSpan[]> {
  const spans = new Spans(pointsMax);
  const hulls = mergeRanges(touched ?? (await reads.touched(series, older, newer, range)), {
    gapMicros: togetherMicros,
  });
  for await (const { versions, isFirst } of walkHulls(reads, series, hulls)) {
    if (isFirst) spans.same();
    compare(spans, versions, older, newer);
  }
  return spans.take();
}

/** The same when all versions since the older revision are in memory, and the span held none before. */
export function diffAppended(versions: Versions, newer: number, range: Range, pointsMax: number): DiffSpan[] {
  const clipped = clipVersions(versions, range.from, range.to);
  if (clipped.t.length <= pointsMax && isAllPoints(clipped, newer)) {
    const { length } = clipped.t;
    return length === 0 ? [] : [{ from: clipped.t[0], to: clipped.t[length - 1] + 1, points: withoutSizes(clipped) }];
  }
  const spans = new Spans(pointsMax);
  compare(spans, clipped, -1, newer);
  return spans.take();
}

/** True when each version is a different, present point, as for ticks that arrive in order. */
function isAllPoints({ t, value, revision }: Versions, asOf: number): boolean {
  for (let i = 0; i < t.length; i++) {
    if (revision[i] > asOf || Number.isNaN(value[i]) || (i > 0 && t[i] === t[i - 1])) return false;
  }
  return true;
}

/** Spans closer than this are read as one: each live tick has a span of its own. */
const togetherMicros = 5_000_000;

/** The number of spans whose first blocks one statement reads. */
const hullsAtOnce = 32;

/** Reads the versions of spans, one span after another. */
async function* walkHulls(
  reads: BatchedReads,
  series: number,
  hulls: readonly Range[],
): AsyncGenerator<{ readonly versions: Versions; readonly isFirst: boolean }> {
  for (const some of batchesOf(hulls, { weightMax: hullsAtOnce })) {
    const direction = 'forward';
    const steps = await Promise.all(
      some.map((range) => reads.step({ series, range, direction, blocks: stepBlocksMin })),
    );
    for (const [n, { range, versions }] of steps.entries()) {
      yield { versions, isFirst: true };
      const rest = { from: range.to, to: some[n].to };
      for await (const step of walkSteps((asked) => reads.step(asked), { series, range: rest, direction }))
        yield { versions: step.versions, isFirst: false };
    }
  }
}

/** A location of points: a storage id and a revision. */
export interface VersionedSource {
  readonly storage: number;
  readonly asOf: number;
}

/** The same for two storages, after a redefinition of the series. It reads both from end to end. */
export async function diffStorages(
  reads: BatchedReads,
  older: VersionedSource,
  newer: VersionedSource,
  range: Range = everything,
  pointsMax = 0,
): Promise<DiffSpan[]> {
  if (older.storage === newer.storage)
    return diffSeries(reads, older.storage, older.asOf, newer.asOf, range, pointsMax);
  const spans = new Spans(pointsMax);
  const before = new Cursor(reads, older, range);
  const after = new Cursor(reads, newer, range);
  for (;;) {
    await before.fill();
    await after.fill();
    if (before.t === undefined && after.t === undefined) return spans.take();
    // While both sides have points in memory, no read is needed.
    while (before.t !== undefined || after.t !== undefined) {
      if (before.t === after.t) {
        if (isSamePoint(before.points, before.at, after.points, after.at)) spans.same();
        else spans.differ(after.t ?? 0, after.points, after.at);
        before.at++;
        after.at++;
      } else {
        const first = after.t === undefined || (before.t !== undefined && before.t < after.t) ? before : after;
        if (first === after) spans.differ(after.t ?? 0, after.points, after.at);
        else spans.differ(before.t ?? 0);
        first.at++;
      }
      if (before.isEmpty || after.isEmpty) break;
    }
  }
}

/** The points of one storage in order of time. */
class Cursor {
  readonly #steps: AsyncGenerator<{ versions: Versions }>;
  readonly #asOf: number;
  #ended = false;
  points: Points = noVersions;
  at = 0;

  constructor(reads: BatchedReads, { storage, asOf }: VersionedSource, range: Range) {
    this.#steps = walkSteps((asked) => reads.step(asked), { series: storage, range, direction: 'forward' });
    this.#asOf = asOf;
  }

  /** The instant of the current point; undefined at the end. */
  get t(): number | undefined {
    return this.at < this.points.t.length ? this.points.t[this.at] : undefined;
  }

  /** True when the next instant needs another read. */
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
