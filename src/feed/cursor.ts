import { commonRevision } from '../derive/standing.ts';
import { derivedAmong } from '../derive/where.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import type { Standing } from '../store/lanes.ts';
import type { Store } from './followed.ts';

export interface ReadCursor {
  /** The newest revision at which all series hold what they will always hold then; undefined: none is known yet. */
  readonly cursor: number | undefined;
  readonly newest: number;
  /** Of those series that are derived. */
  readonly standings: readonly Standing[];
}

/** The revision at which series can be read together: with `upTo` that one. Source series alone can be at the newest. */
export async function readCursor(
  { reads }: Store,
  series: readonly SeriesRow[],
  upTo: number | undefined,
): Promise<ReadCursor> {
  // What was exact once is so forever.
  if (upTo !== undefined) return { cursor: upTo, newest: upTo, standings: [] };
  const derived = derivedAmong(series);
  if (derived.length === 0) {
    const newest = await reads.newestRevision();
    return { cursor: newest, newest, standings: [] };
  }
  const found = await Promise.all(derived.map((id) => reads.standing(id)));
  const standings = found.flatMap(({ standing }) => standing ?? []);
  const newest = Math.min(...found.map((each) => each.newest));
  return { cursor: commonRevision(standings, newest), newest, standings };
}
