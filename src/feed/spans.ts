import { derivedAmong, readTenures, storageAt } from '../derive/where.ts';
import type { Grid } from '../engine/bucket.ts';
import { mergeVersions, noVersions, type Points, type Versions } from '../engine/versions.ts';
import { diffAppended, diffSeries, diffStorages, type VersionedSource } from '../query/diff.ts';
import type { Range } from '../store/block-reads.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import type { Standing } from '../store/lanes.ts';
import type { SeriesDelta as News } from '../store/series-delta.ts';
import { readCursor, readOnwardCursor } from './cursor.ts';
import { eventOf, type FoldedEvent, type Followed, type Store } from './followed.ts';

/** What is told of a span: who holds an older revision replaces all of the span by it. */
export interface SpanReader<Change> {
  readonly series: readonly SeriesRow[];
  /** Spans are told within it alone. */
  readonly range: Range;
  /** Spans are whole buckets of it, where the range does not cut them. */
  readonly grid: Grid | undefined;
  /** Spans within the range, of parts of buckets, in which the answer differs though no point does. */
  further?(older: VersionedSource, newer: VersionedSource): Promise<readonly Range[]>;
  /** So many points of what differs are kept for `told`. */
  readonly pointsMax: number;
  /** What is told of a span. */
  read(series: SeriesRow, source: VersionedSource, span: Range): Promise<Change>;
  /** The same when its points were seen on the way. */
  told(series: SeriesRow, source: VersionedSource, span: Range, points: Points): Change;
  /** What is told of a span whose points are too many to send. */
  truncated(series: SeriesRow, source: VersionedSource, span: Range): Change;
  /** How many points it sends. */
  sizeOf(change: Change): number;
}

/** More spans of one series are sent as one. */
const spansMax = 100;

/** One event sends hardly more points than that. */
const eventPointsMax = 100_000;

/** So many spans are read at the same time. */
const readAtOnce = 32;

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

  async since(after: number, upTo?: number, known?: readonly News[]) {
    const isRead = upTo === undefined && derivedAmong(this.series).length > 0;
    const {
      cursor: exact,
      newest,
      standings,
      ...read
    } = isRead
      ? await readOnwardCursor(this.#store, this.series, after)
      : { ...(await readCursor(this.#store, this.series, upTo)), news: undefined };
    const cursor = Math.max(after, exact ?? 0);
    if (cursor === after) return { event: { kind: 'PROGRESS' as const, cursor, changes: [], reason: null }, newest };
    const sourceOf = await this.#sources(standings, after);
    const news = known ?? read.news ?? (await this.#news(sourceOf, after, cursor));
    const changes = await this.#changes(sourceOf, news, after, cursor);
    return { event: eventOf(this.series, cursor, news, changes), newest };
  }

  /** For source series alone, as is the other one: they lie under their own ids. */
  tellNow(after: number, upTo: number): FoldedEvent<Change> | undefined {
    const recent = this.#store.reads.recent.news(this.series, after, upTo);
    return recent && this.#told(after, upTo, recent);
  }

  tell(
    after: number,
    upTo: number,
    take: (event: FoldedEvent<Change> | undefined, news: readonly News[]) => void,
    fail: (error: unknown) => void,
  ): void {
    const recent = this.#store.reads.recent.news(this.series, after, upTo);
    if (recent) {
      take(this.#told(after, upTo, recent), recent);
      return;
    }
    const asked = this.series.map(({ id }) => ({ series: id, storage: id, after, upTo }));
    this.#store.reads.askNews({ asked, take: (news) => take(this.#told(after, upTo, news), news), fail });
  }

  /** The event, if nothing is to be looked up for it. */
  #told(after: number, upTo: number, news: readonly News[]): FoldedEvent<Change> | undefined {
    const { further, told, sizeOf } = this.#reader;
    if (further) return undefined;
    const changes: Change[] = [];
    const behinds: Behind[] = [];
    let points = 0;
    for (let i = 0; i < news.length; i++) {
      const series = this.series[i];
      const source = { storage: series.id, asOf: upTo };
      const plain = this.#plain(news[i], source, after);
      if (!plain) return undefined;
      const { spans, behind } = plain;
      if (behind) behinds.push(behind);
      for (const span of spans) {
        if (!span.points) return undefined;
        const change = told(series, source, span, span.points);
        points += sizeOf(change);
        if (points > eventPointsMax) return undefined;
        changes.push(change);
      }
    }
    for (const behind of behinds) this.#ends.keep(behind);
    return eventOf(this.series, upTo, news, changes);
  }

  /** What the news alone tell of each series, and the places of those of which it takes a closer look. */
  #sift(sourceOf: SourceOf, news: readonly News[], after: number, cursor: number) {
    const asked: Asked[][] = [];
    const behinds: Behind[] = [];
    const closer: number[] = [];
    for (const [i, series] of this.series.entries()) {
      const source = sourceOf(series, cursor);
      const isSame = sourceOf(series, after).storage === source.storage;
      const plain = this.#plain(news[i], isSame ? source : undefined, after);
      asked[i] = plain?.spans.map((span) => ({ series, source, span })) ?? [];
      if (plain?.behind) behinds.push(plain.behind);
      if (!plain) closer.push(i);
    }
    return { asked, behinds, closer };
  }

  /**
   * What the news of a series tell by themselves: that it was deleted, or what was said behind all that it held, if it lies
   * where it lay.
   */
  #plain({ deleted, blocks }: News, source: VersionedSource | undefined, after: number): Plain | undefined {
    const { range, further } = this.#reader;
    if (deleted !== undefined) return { spans: deleted > after ? [{ ...range, points: noVersions }] : [] };
    const behind = source && !further ? this.#ends.behind(source, blocks, after) : undefined;
    return behind && source && { spans: this.#spansBehind(behind, source.asOf), behind };
  }

  async #snapshot(reason: string | null, upTo: number | undefined): Promise<FoldedEvent<Change> | undefined> {
    const { cursor, standings } = await readCursor(this.#store, this.series, upTo);
    if (cursor === undefined) return undefined;
    const sourceOf = await this.#sources(standings, cursor);
    const news = await this.#news(sourceOf, cursor, cursor);
    const { range } = this.#reader;
    const changes = await this.#read(
      this.series.map((series, i) => {
        const points = news[i].deleted === undefined ? undefined : noVersions;
        return { series, source: sourceOf(series, cursor), span: { ...range, points } };
      }),
    );
    return { ...eventOf(this.series, cursor, news, changes), kind: 'SNAPSHOT', reason };
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

  #news(sourceOf: SourceOf, after: number, upTo: number): Promise<readonly News[]> {
    const asked = this.series.map((series) => {
      const { storage } = sourceOf(series, upTo);
      return { series: series.id, storage, after, upTo };
    });
    return this.#store.reads.news(asked);
  }

  async #changes(sourceOf: SourceOf, news: readonly News[], after: number, cursor: number): Promise<Change[]> {
    const { asked, behinds, closer } = this.#sift(sourceOf, news, after, cursor);
    for (const behind of behinds) this.#ends.keep(behind);
    for (let first = 0; first < closer.length; first += closerAtOnce) {
      const some = closer.slice(first, first + closerAtOnce).map(async (i) => {
        const series = this.series[i];
        const [older, source] = [sourceOf(series, after), sourceOf(series, cursor)];
        const [spans] = await Promise.all([
          this.#closer(older, source, news[i]),
          this.#reader.further ? undefined : this.#ends.learn(source, news[i].blocks, after),
        ]);
        asked[i] = this.#joined(spans).map((span) => ({ series, source, span }));
      });
      await Promise.all(some);
    }
    return this.#read(asked.flat());
  }

  /** Reads what is told; when it is enough for one event, the rest is left out. */
  async #read(asked: readonly Asked[]): Promise<Change[]> {
    const { read, told, truncated, sizeOf } = this.#reader;
    const changes: Change[] = [];
    let points = 0;
    for (let first = 0; first < asked.length; first += readAtOnce) {
      const some = asked.slice(first, first + readAtOnce).map(({ series, source, span }) => {
        if (span.points) return told(series, source, span, span.points);
        return points < eventPointsMax ? read(series, source, span) : truncated(series, source, span);
      });
      for (const [i, change] of (await Promise.all(some)).entries()) {
        const { series, source, span } = asked[first + i];
        const size = sizeOf(change);
        points += size;
        changes.push(size > 0 && points > eventPointsMax ? truncated(series, source, span) : change);
      }
    }
    return changes;
  }

  #spansBehind({ versions }: Behind, cursor: number): readonly MaybeKnown[] {
    if (versions.t.length === 0) return [];
    return this.#joined(diffAppended(versions, cursor, this.#reader.range, this.#reader.pointsMax));
  }

  #joined(spans: readonly MaybeKnown[]): readonly MaybeKnown[] {
    return joinSpans(spans, this.#reader.range, this.#reader.grid);
  }

  /** Compares with what was there before. */
  async #closer(older: VersionedSource, newer: VersionedSource, { blocks }: News): Promise<readonly MaybeKnown[]> {
    const { range, pointsMax } = this.#reader;
    const { reads } = this.#store;
    const differing =
      older.storage === newer.storage
        ? diffSeries(reads, newer.storage, older.asOf, newer.asOf, range, pointsMax, blocks && hullsOf(blocks, range))
        : diffStorages(reads, older, newer, range, pointsMax);
    const [spans, further] = await Promise.all([differing, this.#reader.further?.(older, newer) ?? []]);
    return further.length > 0 ? [...spans, ...further].sort((a, b) => a.from - b.from) : spans;
  }
}

/** A span of a series at a revision, which is to be told. */
interface Asked {
  readonly series: SeriesRow;
  readonly source: VersionedSource;
  readonly span: MaybeKnown;
}

/** What was said after a revision, all behind whatever had been said before; and where that ends by now. */
interface Behind {
  readonly storage: number;
  readonly versions: Versions;
  readonly upTo: number;
  readonly end: number;
}

/** The spans that news tell of by themselves. */
interface Plain {
  readonly spans: readonly MaybeKnown[];
  readonly behind?: Behind;
}

type SourceOf = (series: SeriesRow, asOf: number) => VersionedSource;

/** For each series an instant behind which nothing had been said of it up to a revision. */
class Ends {
  readonly #store: Store;
  readonly #known = new Map<number, { readonly upTo: number; readonly end: number }>();

  constructor(store: Store) {
    this.#store = store;
  }

  behind(
    { storage, asOf }: VersionedSource,
    blocks: readonly Versions[] | undefined,
    after: number,
  ): Behind | undefined {
    const known = this.#known.get(storage);
    if (!blocks) return undefined;
    if (blocks.length === 0) {
      // Nothing was said; of a series of which nothing is known, nothing will be.
      const [upTo, end] = known && known.upTo >= after ? [asOf, known.end] : [-1, 0];
      return { storage, versions: noVersions, upTo, end };
    }
    if (!known || known.upTo < after || blocks.some(({ t }) => t[0] <= known.end)) return undefined;
    const versions = blocks.length === 1 ? blocks[0] : mergeVersions(blocks);
    return { storage, versions, upTo: asOf, end: endOf(blocks, known.end) };
  }

  /** Knows it for next time. */
  async learn(
    { storage, asOf }: VersionedSource,
    blocks: readonly Versions[] | undefined,
    after: number,
  ): Promise<void> {
    const known = this.#known.get(storage);
    const end =
      blocks && known && known.upTo >= after
        ? endOf(blocks, known.end)
        : await this.#store.reads.end({ storage, upTo: asOf });
    this.keep({ storage, upTo: asOf, end });
  }

  keep({ storage, upTo, end }: Omit<Behind, 'versions'>): void {
    const known = this.#known.get(storage);
    if (upTo > (known?.upTo ?? -1)) this.#known.set(storage, { upTo, end });
  }
}

function endOf(blocks: readonly Versions[], end: number): number {
  return blocks.reduce((last, { t }) => Math.max(last, t[t.length - 1]), end);
}

/** Where blocks lie, in the order of time. */
function hullsOf(blocks: readonly Versions[], range: Range): Range[] {
  return blocks
    .map(({ t }) => ({ from: Math.max(t[0], range.from), to: Math.min(t[t.length - 1] + 1, range.to) }))
    .filter(({ from, to }) => from < to)
    .sort((a, b) => a.from - b.from);
}

type MaybeKnown = Range & { readonly points?: Points | undefined };

/** With a grid, whole buckets; and never too many to send. */
function joinSpans(spans: readonly MaybeKnown[], range: Range, grid: Grid | undefined): readonly MaybeKnown[] {
  if (!grid && spans.length === 1 && spans[0].from >= range.from && spans[0].to <= range.to) return spans;
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
