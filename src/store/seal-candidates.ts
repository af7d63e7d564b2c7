import type { Database } from './connect.ts';
import { partitions } from './partitions.ts';

export interface SealWanted {
  readonly partition?: number;
  /** The least number of fresh blocks. `blocksSpread` adds up to this number by the id of the series. */
  readonly blocksMin: number;
  readonly blocksSpread: number;
  readonly versionsMin: number;
  /** Also includes series whose oldest fresh block has this age, however small. */
  readonly ageSeconds?: number;
}

/** The series that are due for sealing, those with most fresh versions first. */
export async function seriesToSeal(
  database: Database,
  wanted: SealWanted,
): Promise<{ readonly series: number; readonly versions: number }[]> {
  const old =
    wanted.ageSeconds === undefined
      ? ''
      : `OR oldest <= (SELECT max(revision) FROM commits WHERE at <= now() - ${wanted.ageSeconds} * interval '1 second')`;
  const columns = 'count(*) AS blocks, sum(versions) AS versions, min(revision) AS oldest FROM fresh_blocks';
  // For a partition, each series is looked up by its id: a scan of all fresh blocks would pass over many that were just
  // sealed.
  const fresh =
    wanted.partition === undefined
      ? `(SELECT series, ${columns} WHERE revision IS NOT NULL GROUP BY series)`
      : `(SELECT series, counted.* FROM generate_series(${wanted.partition}, (SELECT max(id) FROM series), ${partitions}) AS series,
           LATERAL (SELECT ${columns} WHERE fresh_blocks.series = series.series AND revision IS NOT NULL) AS counted)`;
  const rows = await database.query<{ series: number; versions: string }>(
    `SELECT series, versions FROM ${fresh} AS found
     WHERE (blocks >= ${wanted.blocksMin} + series % ${wanted.blocksSpread} OR versions >= ${wanted.versionsMin} ${old})
       AND EXISTS (SELECT FROM series WHERE series.id = found.series AND deleted_revision IS NULL)
     ORDER BY versions DESC`,
  );
  return rows.map(({ series, versions }) => ({ series, versions: Number(versions) }));
}

/** The backlog of compaction: the number of fresh blocks. */
export async function countFreshBlocks(database: Database): Promise<number> {
  const [row] = await database.query<{ count: string }>(`SELECT count(*) FROM fresh_blocks WHERE revision IS NOT NULL`);
  return Number(row.count);
}
