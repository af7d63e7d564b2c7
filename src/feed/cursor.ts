import { commonRevision } from '../derive/settled.ts';
import { derivedAmong, noStorage } from '../derive/storage-history.ts';
import type { StandingAnswer } from '../store/batched-reads.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import type { Standing } from '../store/lanes.ts';
import type { SeriesDelta } from '../store/series-delta.ts';
import type { FeedStore } from './followed.ts';

export interface ReadCursor {
  /** The newest revision at which all series hold what they will always hold then; undefined: none is known yet. */
  readonly cursor: number | undefined;
  readonly newest: number;
  /** Of those series that are derived. */
  readonly standings: readonly Standing[];
}

/**
 * The revision at which series can be read together: with `upTo` that one. Source series alone can be read at the
 * newest.
 */
export async function readCursor(
  { reads }: FeedStore,
  series: readonly SeriesRow[],
  upTo: number | undefined,
): Promise<ReadCursor> {
  // A revision that was exact once stays exact.
  if (upTo !== undefined) return { cursor: upTo, newest: upTo, standings: [] };
  const derived = derivedAmong(series);
  if (derived.length === 0) {
    const newest = await reads.newestRevision();
    return { cursor: newest, newest, standings: [] };
  }
  const found = await Promise.all(derived.map((id) => reads.standing(id)));
  return cursorOf(found);
}

function cursorOf(found: readonly StandingAnswer[]): ReadCursor {
  const standings = found.flatMap(({ standing }) => standing ?? []);
  const newest = Math.min(...found.map((each) => each.newest));
  return { cursor: commonRevision(standings, newest), newest, standings };
}

/**
 * The same for who stands at a revision already, and the news up to the cursor; undefined where they are to be asked for,
 * since series were deleted or lie elsewhere than at that revision.
 */
export async function readOnwardCursor(
  { reads }: FeedStore,
  series: readonly SeriesRow[],
  after: number,
): Promise<ReadCursor & { readonly news: readonly SeriesDelta[] | undefined }> {
  const found = await Promise.all(
    series.map(({ id, kind }) => reads.onward({ series: id, storage: kind === 'DERIVED' ? noStorage : id, after })),
  );
  const { cursor, newest, standings } = cursorOf(found);
  const isWhere = standings.length === derivedAmong(series).length && standings.every(({ since }) => since <= after);
  const news = found.map((each) => each.news);
  if (cursor === undefined || !isWhere || news.some(({ deleted }) => deleted !== undefined))
    return { cursor, newest, standings, news: undefined };
  // A block was said in one revision.
  const upTo = news.map((each) => ({ ...each, blocks: each.blocks?.filter(({ revision }) => revision[0] <= cursor) }));
  return { cursor, newest, standings, news: upTo };
}
