import { exactRevision } from '../derive/standing.ts';
import { derivedAmong } from '../derive/where.ts';
import type { Catalogue, SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';

export interface ReadCursor {
  /** The newest revision at which all series hold what they will always hold then; undefined: none is known yet. */
  readonly cursor: number | undefined;
  readonly newest: number;
}

/** The revision at which series can be read together. Source series alone can be at the newest one. */
export async function readCursor(
  database: Database,
  catalogue: Catalogue,
  series: readonly SeriesRow[],
): Promise<ReadCursor> {
  const newest = await catalogue.newestRevision();
  const derived = derivedAmong(series);
  if (derived.length === 0) return { cursor: newest, newest };
  return { cursor: await exactRevision(database, derived), newest };
}
