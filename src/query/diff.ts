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
import { stepBlocksMin, walkSteps } from '../store/read.ts';
import type { Reads } from '../store/reads.ts';

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

/** A span in which a series differs, and what it holds there by now; undefined: that is too much to keep. */
export interface DiffSpan extends Range {
  readonly points: Points | undefined;
}

/** Joins spans until a point that is the same in both lies between. */
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

  /** `at` is the version that holds by now; none when the point is gone. */
  differ(t: number, versions?: Versions, at = -1): void {
    let last = this.#spans.at(-1);
    if (last && (this.#open || this.#spans.length === spansMax)) last.to = t + 1;
    else {
      last = { from: t, to: t + 1, start: this.#t.length, end: this.#t.length };
      this.#spans.push(last);
    }
    // What was joined for its number holds more than was seen of it.
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

/** Where no point has a size, there are none. */
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
 * The spans in which a series differs between two revisions: from the first to the last instant that differs, with no
 * point in between that is the same. With them what is there by now, up to so many points. `touched` is where anything
 * was said in between, where that is known, in the order of time.
 */
export async function diffSeries(
  reads: Reads,
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

/** The same where all that was said since the older revision is at hand, and nothing had been said there before. */
export function diffBehind(versions: Versions, newer: number, range: Range, pointsMax: number): DiffSpan[] {
  const clipped = clipVersions(versions, range.from, range.to);
  if (clipped.t.length <= pointsMax && isAllPoints(clipped, newer)) {
    const { length } = clipped.t;
    return length === 0 ? [] : [{ from: clipped.t[0], to: clipped.t[length - 1] + 1, points: withoutSizes(clipped) }];
  }
  const spans = new Spans(pointsMax);
  compare(spans, clipped, -1, newer);
  return spans.take();
}

/** Whether each version is a point of its own by then, as ticks are that come in order. */
function isAllPoints({ t, value, revision }: Versions, asOf: number): boolean {
  for (let i = 0; i < t.length; i++) {
    if (revision[i] > asOf || Number.isNaN(value[i]) || (i > 0 && t[i] === t[i - 1])) return false;
  }
  return true;
}

/** Hulls so close together are walked as one: ticks that come live lie each in one of its own. */
const togetherMicros = 5_000_000;

/** So many hulls are begun with one statement. */
const hullsAtOnce = 32;

/** Walks hulls one after another. */
async function* walkHulls(
  reads: Reads,
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

/** Where points are read: under which id, and at which revision. */
export interface Source {
  readonly storage: number;
  readonly asOf: number;
}

/** The same of what lies under two ids: a series that was defined anew. Both are read from end to end. */
export async function diffSources(
  reads: Reads,
  older: Source,
  newer: Source,
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
    // As long as both have something at hand there is nothing to wait for.
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

/** The points of one id, in the order of time. */
class Cursor {
  readonly #steps: AsyncGenerator<{ versions: Versions }>;
  readonly #asOf: number;
  #ended = false;
  points: Points = noVersions;
  at = 0;

  constructor(reads: Reads, { storage, asOf }: Source, range: Range) {
    this.#steps = walkSteps((asked) => reads.step(asked), { series: storage, range, direction: 'forward' });
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
