import { noStorage, readStorages } from '../derive/storage-history.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import { type PointRow, readLasts } from '../store/last-points.ts';
import type { SeriesDelta } from '../store/series-delta.ts';
import { readCursor } from './cursor.ts';
import type { Feed } from './feed.ts';
import {
  type ChangeReader,
  eventOf,
  type FeedStore,
  markBehind,
  noChange,
  type SubscriptionEvent,
} from './followed.ts';
import { Subscription, type SubscriptionOptions } from './following.ts';
import { seriesSource } from './series-source.ts';

/** The newest point of a series; null: it has none. */
export interface LatestValue {
  readonly series: string;
  readonly point: PointRow | null;
}

/** The newest value of each series, then of those whose newest value changed; a slow client gets the last one alone. */
export function subscribeToLatest(
  store: FeedStore,
  feed: Feed,
  series: readonly SeriesRow[],
  options: SubscriptionOptions<LatestValue> = {},
): Subscription<LatestValue> {
  return new Subscription(seriesSource(feed, series, new LatestReader(store, series)), undefined, {
    isQuiet: true,
    lateMillis: Number.POSITIVE_INFINITY,
    ...options,
  });
}

type Lasts = ReadonlyMap<number, PointRow>;

class LatestReader implements ChangeReader<LatestValue> {
  readonly #series: readonly SeriesRow[];
  readonly #store: FeedStore;
  #known: { readonly asOf: number; readonly lasts: Lasts } = { asOf: -1, lasts: new Map() };

  constructor(store: FeedStore, series: readonly SeriesRow[]) {
    this.#store = store;
    this.#series = series;
  }

  async begin(_after: number | undefined, upTo?: number): Promise<SubscriptionEvent<LatestValue> | undefined> {
    const { cursor } = await readCursor(this.#store, this.#series, upTo);
    if (cursor === undefined) return undefined;
    const lasts = await this.#lasts(cursor);
    return { kind: 'SNAPSHOT', cursor, changes: this.#series.map((row) => latestOf(row, lasts)), reason: null };
  }

  read(after: number, upTo?: number): SubscriptionEvent<LatestValue> | Promise<SubscriptionEvent<LatestValue>> {
    return upTo !== undefined && upTo <= after ? noChange(after) : this.#read(after, upTo);
  }

  async #read(after: number, upTo: number | undefined): Promise<SubscriptionEvent<LatestValue>> {
    const { cursor: exact, newest } = await readCursor(this.#store, this.#series, upTo);
    const cursor = Math.max(after, exact ?? 0);
    if (cursor === after) return markBehind(noChange(cursor), newest);
    const [before, lasts, news] = await Promise.all([this.#lasts(after), this.#lasts(cursor), this.#news(cursor)]);
    const changes = this.#series.flatMap((row, i) => {
      const { deleted } = news[i];
      if (deleted !== undefined) return deleted > after ? [{ series: row.key, point: null }] : [];
      return isSame(before.get(row.id), lasts.get(row.id)) ? [] : [latestOf(row, lasts)];
    });
    return markBehind(eventOf(this.#series, cursor, news, changes), newest);
  }

  async #lasts(asOf: number): Promise<Lasts> {
    const known = this.#known;
    if (known.asOf === asOf) return known.lasts;
    const { database } = this.#store;
    const storages = await readStorages(database, this.#series, asOf);
    const wanted = [...new Set(storages.values())].filter((storage) => storage !== noStorage);
    const found = await readLasts(database, wanted, asOf);
    const lasts = new Map<number, PointRow>();
    for (const [id, storage] of storages) {
      const last = found.get(storage);
      if (last) lasts.set(id, last);
    }
    if (asOf > this.#known.asOf) this.#known = { asOf, lasts };
    return lasts;
  }

  /** Which of them were deleted, and in which revision. */
  #news(upTo: number): Promise<readonly SeriesDelta[]> {
    return this.#store.reads.news(
      this.#series.map(({ id }) => ({ series: id, storage: noStorage, after: upTo, upTo })),
    );
  }
}

function latestOf({ id, key }: SeriesRow, lasts: Lasts): LatestValue {
  return { series: key, point: lasts.get(id) ?? null };
}

function isSame(a: PointRow | undefined, b: PointRow | undefined): boolean {
  return a?.t === b?.t && a?.revision === b?.revision && Object.is(a?.value, b?.value);
}
