import { derivedAmong, readStorageHistories, storageAt } from '../derive/storage-history.ts';
import { batchesOf } from '../engine/batches.ts';
import type { Range } from '../engine/ranges.ts';
import { noVersions, type Versions } from '../engine/versions.ts';
import { diffAppended, diffSeries, diffStorages, type VersionedSource } from '../query/diff.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import type { Standing } from '../store/lanes.ts';
import type { SeriesDelta } from '../store/series-delta.ts';
import { readCursor, readOnwardCursor } from './cursor.ts';
import {
  type ChangeReader,
  eventOf,
  type FeedStore,
  markBehind,
  noChange,
  type SubscriptionEvent,
} from './followed.ts';
import { type ChangedSpan, joinSpans } from './join-spans.ts';
import { type Appended, KnownEnds } from './known-ends.ts';
import { readChanges, type SpanFormat, type SpanRead } from './span-format.ts';

type SourceOf = (series: SeriesRow, asOf: number) => VersionedSource;

/** A source series is stored under its own id. */
const ownStorage: SourceOf = ({ id }, asOf) => ({ storage: id, asOf });

/** The number of series whose surroundings are compared at the same time. */
const compareAtOnce = 8;

/** Reads the changes of series span by span. */
export class SpanReader<Change> implements ChangeReader<Change> {
  readonly #store: FeedStore;
  readonly #format: SpanFormat<Change>;
  readonly #series: readonly SeriesRow[];
  readonly #derived: readonly number[];
  readonly #ends: KnownEnds;

  constructor(store: FeedStore, format: SpanFormat<Change>) {
    this.#store = store;
    this.#format = format;
    this.#series = format.series;
    this.#derived = derivedAmong(format.series);
    this.#ends = new KnownEnds(store.reads);
  }

  async begin(after: number | undefined, upTo?: number): Promise<SubscriptionEvent<Change> | undefined> {
    if (after === undefined) return this.#snapshot(null, upTo);
    const { catalogue, reads } = this.#store;
    const [oldest, newest] = await Promise.all([catalogue.oldestRevision(), reads.newestRevision()]);
    if (after < oldest)
      return this.#snapshot(`the history since revision ${after} is no longer kept (the oldest is ${oldest})`, upTo);
    if (after > newest) return this.#snapshot(`revision ${after} is not of this store (the newest is ${newest})`, upTo);
    // The client may hold the points of an older series of the same key.
    const younger = this.#series.find(({ createdRevision }) => createdRevision > after);
    if (younger && after > 0)
      return this.#snapshot(`the series '${younger.key}' was made after revision ${after}`, upTo);
    return this.#readExact(after, upTo);
  }

  read(after: number, upTo?: number): SubscriptionEvent<Change> | Promise<SubscriptionEvent<Change>> {
    if (upTo === undefined || this.#derived.length > 0) return this.#readExact(after, upTo);
    if (upTo <= after) return noChange(after);
    const recent = this.#store.reads.recent.news(this.#series, after, upTo);
    if (recent) return this.#event(ownStorage, recent, after, upTo);
    return this.#news(ownStorage, after, upTo).then((news) => this.#event(ownStorage, news, after, upTo));
  }

  /** Finds the newest revision at which all of the series are exact, unless it is given, and reads up to it. */
  async #readExact(after: number, upTo: number | undefined): Promise<SubscriptionEvent<Change>> {
    const isRead = upTo === undefined && this.#derived.length > 0;
    const found = isRead
      ? await readOnwardCursor(this.#store, this.#series, after)
      : { ...(await readCursor(this.#store, this.#series, upTo)), news: undefined };
    const { newest, standings } = found;
    const cursor = Math.max(after, found.cursor ?? 0);
    if (cursor === after) return markBehind(noChange(cursor), newest);
    const sourceOf = await this.#sources(standings, after);
    const news = found.news ?? (await this.#news(sourceOf, after, cursor));
    return markBehind(await this.#event(sourceOf, news, after, cursor), newest);
  }

  /** The event that news lead to: at once when nothing else needs to be read for it. */
  #event(
    sourceOf: SourceOf,
    news: readonly SeriesDelta[],
    after: number,
    cursor: number,
  ): SubscriptionEvent<Change> | Promise<SubscriptionEvent<Change>> {
    const spans: SpanRead[][] = [];
    const appended: Appended[] = [];
    const unclear: number[] = [];
    for (let i = 0; i < news.length; i++) {
      const series = this.#series[i];
      const source = sourceOf(series, cursor);
      const isSame = source.storage === sourceOf(series, after).storage;
      const plain = this.#plain(news[i], isSame ? source : undefined, after);
      spans.push(plain?.spans.map((span) => ({ series, source, span })) ?? []);
      if (plain?.appended) appended.push(plain.appended);
      if (!plain) unclear.push(i);
    }
    for (const each of appended) this.#ends.keep(each);
    const changes =
      unclear.length > 0
        ? this.#compareAll(sourceOf, news, after, cursor, spans, unclear)
        : readChanges(this.#format, spans.length === 1 ? spans[0] : spans.flat());
    if (changes instanceof Promise) return changes.then((read) => eventOf(this.#series, cursor, news, read));
    return eventOf(this.#series, cursor, news, changes);
  }

  /**
   * The changes that the news of a series are by themselves: its deletion, or points behind all that it held, if its
   * storage is the same. Undefined: its points need to be compared.
   */
  #plain(
    { deleted, blocks }: SeriesDelta,
    source: VersionedSource | undefined,
    after: number,
  ): PlainChanges | undefined {
    const { range, grid, further, pointsMax } = this.#format;
    if (deleted !== undefined) return { spans: deleted > after ? [{ ...range, points: noVersions }] : [] };
    const appended = source && !further ? this.#ends.appended(source, blocks, after) : undefined;
    if (!source || !appended) return undefined;
    const { versions } = appended;
    if (versions.t.length === 0) return { spans: [], appended };
    return { spans: joinSpans(diffAppended(versions, source.asOf, range, pointsMax), range, grid), appended };
  }

  /** Fills in the spans of the series that need to be compared, then reads all. */
  async #compareAll(
    sourceOf: SourceOf,
    news: readonly SeriesDelta[],
    after: number,
    cursor: number,
    spans: SpanRead[][],
    unclear: readonly number[],
  ): Promise<Change[]> {
    const { range, grid, further } = this.#format;
    const compare = async (i: number) => {
      const series = this.#series[i];
      const [older, source] = [sourceOf(series, after), sourceOf(series, cursor)];
      const { blocks } = news[i];
      const [found] = await Promise.all([
        this.#compare(older, source, blocks),
        further ? undefined : this.#ends.learn(source, blocks, after),
      ]);
      spans[i] = joinSpans(found, range, grid).map((span) => ({ series, source, span }));
    };
    for (const some of batchesOf(unclear, { weightMax: compareAtOnce })) await Promise.all(some.map(compare));
    return readChanges(this.#format, spans.flat());
  }

  /** The spans in which a series differs between two revisions. */
  async #compare(
    older: VersionedSource,
    newer: VersionedSource,
    blocks: readonly Versions[] | undefined,
  ): Promise<readonly ChangedSpan[]> {
    const { range, pointsMax } = this.#format;
    const { reads } = this.#store;
    const differing =
      older.storage === newer.storage
        ? diffSeries(reads, newer.storage, older.asOf, newer.asOf, range, pointsMax, blocks && hullsOf(blocks, range))
        : diffStorages(reads, older, newer, range, pointsMax);
    const [spans, further] = await Promise.all([differing, this.#format.further?.(older, newer) ?? []]);
    return further.length > 0 ? [...spans, ...further].sort((a, b) => a.from - b.from) : spans;
  }

  async #snapshot(reason: string | null, upTo: number | undefined): Promise<SubscriptionEvent<Change> | undefined> {
    const { cursor, standings } = await readCursor(this.#store, this.#series, upTo);
    if (cursor === undefined) return undefined;
    const sourceOf = await this.#sources(standings, cursor);
    const news = await this.#news(sourceOf, cursor, cursor);
    const { range } = this.#format;
    const spans = this.#series.map((series, i) => {
      const points = news[i].deleted === undefined ? undefined : noVersions;
      return { series, source: sourceOf(series, cursor), span: { ...range, points } };
    });
    const changes = await readChanges(this.#format, spans);
    return { ...eventOf(this.#series, cursor, news, changes), kind: 'SNAPSHOT', reason };
  }

  /** The storage of each series, from a revision on. */
  async #sources(standings: readonly Standing[], from: number): Promise<SourceOf> {
    const standing = new Map(standings.filter(({ since }) => since <= from).map((each) => [each.series, each.storage]));
    if (this.#derived.every((id) => standing.has(id)))
      return ({ id }, asOf) => ({ storage: standing.get(id) ?? id, asOf });
    const histories = await readStorageHistories(this.#store.database, this.#derived);
    return ({ id }, asOf) => {
      const own = histories.get(id);
      return { storage: own ? storageAt(own, asOf) : id, asOf };
    };
  }

  #news(sourceOf: SourceOf, after: number, upTo: number): Promise<readonly SeriesDelta[]> {
    const asked = this.#series.map((series) => {
      const { storage } = sourceOf(series, upTo);
      return { series: series.id, storage, after, upTo };
    });
    return this.#store.reads.news(asked);
  }
}

interface PlainChanges {
  readonly spans: readonly ChangedSpan[];
  readonly appended?: Appended;
}

/** The spans of blocks within a range, in ascending order. */
function hullsOf(blocks: readonly Versions[], range: Range): Range[] {
  return blocks
    .map(({ t }) => ({ from: Math.max(t[0], range.from), to: Math.min(t[t.length - 1] + 1, range.to) }))
    .filter(({ from, to }) => from < to)
    .sort((a, b) => a.from - b.from);
}
