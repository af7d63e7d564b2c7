import { Fault } from '../engine/fault.ts';
import type { Catalogue, SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import { type PointRow, readLasts } from '../store/last.ts';
import { type Feed, leavable, type Watch } from './feed.ts';

export interface LatestEvent {
  readonly cursor: number;
  readonly values: readonly { readonly series: string; readonly point: PointRow | null }[];
}

/** Without news, the connection is kept awake by looking again this often. */
const silenceMillis = 15_000;

function isSame(a: PointRow | undefined, b: PointRow | undefined): boolean {
  return a?.t === b?.t && a?.revision === b?.revision;
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
  try {
    let known: Map<number, PointRow> | undefined;
    for (; !watch.ended; await watch.next(silenceMillis)) {
      const cursor = await catalogue.newestRevision();
      const lasts = await readLasts(database, ids, cursor);
      const changed = series.filter(({ id }) => !known || !isSame(known.get(id), lasts.get(id)));
      known = lasts;
      if (changed.length > 0)
        yield { cursor, values: changed.map(({ id, key }) => ({ series: key, point: lasts.get(id) ?? null })) };
      const alive = new Set((await catalogue.seriesByIds(ids)).map(({ id }) => id));
      const gone = series.find(({ id }) => !alive.has(id));
      if (gone) throw new Fault('NOT_FOUND', `The series '${gone.key}' was deleted.`, ['series']);
    }
  } finally {
    watch.close();
  }
}
