import { nowhere, readStorages } from '../derive/where.ts';
import { Fault } from '../engine/fault.ts';
import type { Catalogue, SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import { type PointRow, readLasts } from '../store/last.ts';
import { readCursor } from './cursor.ts';
import { type Feed, leavable, type Watch } from './feed.ts';
import { behindMillis, silenceMillis } from './followed.ts';

export interface LatestEvent {
  readonly cursor: number;
  readonly values: readonly { readonly series: string; readonly point: PointRow | null }[];
}

function isSame(a: PointRow | undefined, b: PointRow | undefined): boolean {
  return a?.t === b?.t && a?.revision === b?.revision && Object.is(a?.value, b?.value);
}

/** The newest value of each series, then of those whose newest value changed; what a slow client misses is skipped. */
export function followLatest(
  database: Database,
  catalogue: Catalogue,
  feed: Feed,
  series: readonly SeriesRow[],
): AsyncGenerator<LatestEvent, void> {
  const watch = feed.watch(new Set(series.map(({ id }) => id)));
  return leavable(lastEvents(database, catalogue, series, watch), watch);
}

async function* lastEvents(
  database: Database,
  catalogue: Catalogue,
  series: readonly SeriesRow[],
  watch: Watch,
): AsyncGenerator<LatestEvent, void> {
  const ids = series.map(({ id }) => id);
  let cursor = -1;
  let isBehind = false;
  try {
    let known: ReadonlyMap<number, PointRow> | undefined;
    const news = () => (isBehind ? watch.nextOrReached(behindMillis) : watch.next(silenceMillis));
    for (; !watch.ended; await news()) {
      const { cursor: exact, newest } = await watch.read(() => readCursor(database, catalogue, series));
      isBehind = exact !== newest;
      if (exact !== undefined && exact > cursor) {
        cursor = exact;
        const lasts = await watch.read(() => lastsOf(database, series, exact));
        const changed = series.filter(({ id }) => !known || !isSame(known.get(id), lasts.get(id)));
        known = lasts;
        if (changed.length > 0)
          yield { cursor, values: changed.map(({ id, key }) => ({ series: key, point: lasts.get(id) ?? null })) };
      }
      const alive = new Set((await watch.read(() => catalogue.seriesByIds(ids))).map(({ id }) => id));
      const gone = series.find(({ id }) => !alive.has(id));
      if (gone) throw new Fault('NOT_FOUND', `The series '${gone.key}' was deleted.`, ['series']);
    }
  } finally {
    watch.close();
  }
}

async function lastsOf(database: Database, series: readonly SeriesRow[], asOf: number): Promise<Map<number, PointRow>> {
  const storages = await readStorages(database, series, asOf);
  const wanted = [...new Set(storages.values())].filter((storage) => storage !== nowhere);
  const lasts = await readLasts(database, wanted, asOf);
  const found = new Map<number, PointRow>();
  for (const [id, storage] of storages) {
    const last = lasts.get(storage);
    if (last) found.set(id, last);
  }
  return found;
}
