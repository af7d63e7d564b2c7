import { derivedAmong } from '../derive/storage-history.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import type { ChangeSource } from './change-source.ts';
import type { Feed } from './feed.ts';
import type { ChangeReader } from './followed.ts';

/** Series as a source of events. Source series are exact at the newest revision; derived ones may be behind it. */
export function seriesSource<Change>(
  feed: Feed,
  series: readonly SeriesRow[],
  reader: ChangeReader<Change>,
): ChangeSource<Change> {
  const ids = series.map(({ id }) => id);
  return {
    ids,
    reader,
    watch: (onWakeUp) => feed.watch(new Set(ids), onWakeUp),
    newest: derivedAmong(series).length === 0 ? () => feed.newest : undefined,
  };
}
