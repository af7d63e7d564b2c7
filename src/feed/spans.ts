import { derivedAmong, readTenures, storageAt } from '../derive/where.ts';
import type { Grid } from '../engine/bucket.ts';
import type { Fault } from '../engine/fault.ts';
import { mergeVersions, type Points, type Versions } from '../engine/versions.ts';
import { type DiffSpan, diffBehind, diffSeries, diffSources, type Source } from '../query/diff.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import type { Standing } from '../store/lanes.ts';
import type { News } from '../store/news.ts';
import type { Range } from '../store/read.ts';
import { readCursor } from './cursor.ts';
import { type FoldedEvent, type Followed, goneFault, type Store } from './followed.ts';

/** What is told of a span: who holds an older revision replaces all of the span by it. */
export interface SpanReader<Change> {
  readonly series: readonly SeriesRow[];
  /** Spans are told within it alone. */
  readonly range: Range;
  /** Spans are whole buckets of it, where the range does not cut them. */
  readonly grid: Grid | undefined;
  /** Spans within the range, of parts of buckets, in which the answer differs though no point does. */
  further?(older: Source, newer: Source): Promise<readonly Range[]>;
  /** So many points of what differs are kept for `read`. */
  readonly pointsMax: number;
  /** `known` is what a span holds, when it was seen on the way. */
  read(series: SeriesRow, source: Source, span: Range, known?: Points): Change | Promise<Change>;
  /** What is told of a series that was deleted. */
  nothing(series: SeriesRow, asOf: number): Change;
}

/** More spans of one series are sent as one. */
const spansMax = 100;

/** Of so many series it is looked at the same time what lies around their news. */
const closerAtOnce = 8;

/** Follows series span by span, as a reader reads them. */
export class FollowedSpans<Change> implements Followed<FoldedEvent<Change>> {
  readonly #store: Store;
  readonly #reader: SpanReader<Change>;
  readonly #ends: Ends;

  constructor(store: Store, reader: SpanReader<Change>) {
    this.#store = store;
    this.#reader = reader;
    this.#ends = new Ends(store);
  }

  get series(): readonly SeriesRow[] {
    return this.#reader.series;
  }

  async begin(after: number | undefined, upTo?: number): Promise<FoldedEvent<Change> | undefined> {
    if (after === undefined) return this.#snapshot(null, upTo);
    const { catalogue, reads } = this.#store;
    const [oldest, newest] = await Promise.all([catalogue.oldestRevision(), reads.newestRevision()]);
    if (after < oldest)
      return this.#snapshot(`the history since revision ${after} is no longer kept (the oldest is ${oldest})`, upTo);
    if (after > newest) return this.#snapshot(`revision ${after} is not of this store (the newest is ${newest})`, upTo);
    // Its key may have been another series', whose points whoever comes back with that cursor still holds.
    const younger = this.series.find(({ createdRevision }) => createdRevision > after);
    if (younger && after > 0)
      return this.#snapshot(`the series '${younger.key}' was made after revision ${after}`, upTo);
    return (await this.since(after, upTo)).event;
  }

  async since(after: number, upTo?: number): Promise<{ readonly event: FoldedEvent<Change>; readonly newest: number }> {
    const { cursor: exact, newest, standings } = await readCursor(this.#store, this.series, upTo);
    const cursor = Math.max(after, exact ?? 0);
    if (cursor === after) return { event: { kind: 'PROGRESS', cursor, changes: [], reason: null }, newest };
    const sourceOf = await this.#sources(standings, after);
    const news = await this.#news(sourceOf, after, cursor);
    const changes = await this.#changes(sourceOf, news, after, cursor);
    const kind = changes.length > 0 ? 'CHANGE' : 'PROGRESS';
    return { event: { kind, cursor, changes, reason: null, end: this.#end(news) }, newest };
  }

  async #snapshot(reason: string | null, upTo: number | undefined): Promise<FoldedEvent<Change> | undefined> {
    const { cursor, standings } = await readCursor(this.#store, this.series, upTo);
    if (cursor === undefined) return undefined;
    const sourceOf = await this.#sources(standings, cursor);
    const news = await this.#news(sourceOf, cursor, cursor);
    const { range } = this.#reader;
    const changes = await Promise.all(
      this.series.map((series, i) =>
        news[i].deleted === undefined
          ? this.#reader.read(series, sourceOf(series, cursor), range)
          : this.#reader.nothing(series, cursor),
      ),
    );
    return { kind: 'SNAPSHOT', cursor, changes, reason, end: this.#end(news) };
  }

  /** Where every series lies from a revision on. */
  async #sources(standings: readonly Standing[], from: number): Promise<SourceOf> {
    const derived = derivedAmong(this.series);
    const standing = new Map(standings.filter(({ since }) => since <= from).map((each) => [each.series, each.storage]));
    if (derived.every((id) => standing.has(id))) return ({ id }, asOf) => ({ storage: standing.get(id) ?? id, asOf });
    const tenures = await readTenures(this.#store.database, derived);
    return ({ id }, asOf) => {
      const own = tenures.get(id);
      return { storage: own ? storageAt(own, asOf) : id, asOf };
    };
  }

  #news(sourceOf: SourceOf, after: number, upTo: number): Promise<News[]> {
    return Promise.all(
      this.series.map((series) =>
        this.#store.reads.news({ series: series.id, storage: sourceOf(series, upTo).storage, after, upTo }),
      ),
    );
  }

  #end(news: readonly News[]): Fault | undefined {
    return news.every(({ deleted }) => deleted !== undefined) ? goneFault(this.series) : undefined;
  }

  async #changes(sourceOf: SourceOf, news: readonly News[], after: number, cursor: number): Promise<Change[]> {
    const changes: (Change | Promise<Change>)[][] = this.series.map(() => []);
    const closer: number[] = [];
    for (const [i, series] of this.series.entries()) {
      const { deleted, blocks } = news[i];
      const newer = sourceOf(series, cursor);
      if (deleted !== undefined) {
        if (deleted > after) changes[i].push(this.#reader.nothing(series, cursor));
        continue;
      }
      const isSame = sourceOf(series, after).storage === newer.storage;
      const behind = isSame && !this.#reader.further ? this.#ends.behind(newer, blocks, after) : undefined;
      if (behind) changes[i] = this.#told(series, newer, this.#behind(behind, cursor));
      else closer.push(i);
    }
    for (let first = 0; first < closer.length; first += closerAtOnce) {
      const some = closer.slice(first, first + closerAtOnce).map(async (i) => {
        const series = this.series[i];
        const [older, newer] = [sourceOf(series, after), sourceOf(series, cursor)];
        const [spans] = await Promise.all([
          this.#closer(older, newer, news[i]),
          this.#reader.further ? undefined : this.#ends.learn(newer, news[i].blocks, after),
        ]);
        changes[i] = this.#told(series, newer, spans);
      });
      await Promise.all(some);
    }
    return Promise.all(changes.flat());
  }

  #behind(versions: Versions, cursor: number): readonly DiffSpan[] {
    return versions.t.length === 0 ? [] : diffBehind(versions, cursor, this.#reader.range, this.#reader.pointsMax);
  }

  /** Compares with what was there before. */
  async #closer(older: Source, newer: Source, { blocks }: News): Promise<readonly MaybeKnown[]> {
    const { range, pointsMax } = this.#reader;
    const { reads } = this.#store;
    const differing =
      older.storage === newer.storage
        ? diffSeries(reads, newer.storage, older.asOf, newer.asOf, range, pointsMax, blocks && hullsOf(blocks, range))
        : diffSources(reads, older, newer, range, pointsMax);
    const [spans, further] = await Promise.all([differing, this.#reader.further?.(older, newer) ?? []]);
    return further.length > 0 ? [...spans, ...further].sort((a, b) => a.from - b.from) : spans;
  }

  #told(series: SeriesRow, newer: Source, spans: readonly MaybeKnown[]): (Change | Promise<Change>)[] {
    const { range, grid } = this.#reader;
    return joinSpans(spans, range, grid).map((span) => this.#reader.read(series, newer, span, span.points));
  }
}

type SourceOf = (series: SeriesRow, asOf: number) => Source;

/** For each series an instant behind which nothing had been said of it up to a revision. */
class Ends {
  readonly #store: Store;
  readonly #known = new Map<number, { readonly upTo: number; readonly end: number }>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** What was said after a revision, if all of it lies behind whatever had been said before. */
  behind({ storage, asOf }: Source, blocks: readonly Versions[] | undefined, after: number): Versions | undefined {
    if (!blocks) return undefined;
    const known = this.#known.get(storage);
    if (blocks.length === 0) {
      // It is known for what comes now as well.
      if (known && known.upTo >= after) this.#keep(storage, asOf, known.end);
      return mergeVersions([]);
    }
    if (!known || known.upTo < after || blocks.some(({ t }) => t[0] <= known.end)) return undefined;
    this.#keep(storage, asOf, endOf(blocks, known.end));
    return blocks.length === 1 ? blocks[0] : mergeVersions(blocks);
  }

  /** Knows it for next time. */
  async learn({ storage, asOf }: Source, blocks: readonly Versions[] | undefined, after: number): Promise<void> {
    const known = this.#known.get(storage);
    const end =
      blocks && known && known.upTo >= after
        ? endOf(blocks, known.end)
        : await this.#store.reads.end({ storage, upTo: asOf });
    this.#keep(storage, asOf, end);
  }

  #keep(storage: number, upTo: number, end: number): void {
    const known = this.#known.get(storage);
    if (!known || known.upTo < upTo) this.#known.set(storage, { upTo, end });
  }
}

function endOf(blocks: readonly Versions[], end: number): number {
  return blocks.reduce((last, { t }) => Math.max(last, t[t.length - 1]), end);
}

/** Where blocks lie, merged where they touch, ascending. */
function hullsOf(blocks: readonly Versions[], range: Range): Range[] {
  const hulls: { from: number; to: number }[] = [];
  for (const { t } of [...blocks].sort((a, b) => a.t[0] - b.t[0])) {
    const [from, to] = [Math.max(t[0], range.from), Math.min(t[t.length - 1] + 1, range.to)];
    const last = hulls.at(-1);
    if (from >= to) continue;
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else hulls.push({ from, to });
  }
  return hulls;
}

type MaybeKnown = Range & { readonly points?: Points | undefined };

/** With a grid, whole buckets; and never too many to send. */
function joinSpans(spans: readonly MaybeKnown[], range: Range, grid: Grid | undefined): MaybeKnown[] {
  const joined: MaybeKnown[] = [];
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
