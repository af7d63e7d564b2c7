import type { Database } from './connect.ts';
import { dropStale } from './stage.ts';

/** Series hash to so many partitions; jobs are a partition's. */
export const partitions = 64;

/** Whoever reads at a revision was checked against the horizon when it began: it is given this long to end. */
const graceSeconds = 300;

export function partitionOf(series: number): number {
  return series % partitions;
}

/** A lane that has fallen behind must still find what was deleted since. */
const lanesHorizon = `(SELECT min(least(nullif(basis, -1), (step ->> 'target')::bigint)) FROM lanes WHERE basis >= 0 OR step IS NOT NULL)`;

/** What was overwritten up to here may be dropped: nobody who reads at an older revision is still under way. */
export async function settledHorizon(database: Database): Promise<number> {
  const [row] = await database.query<{ value: string }>(
    `SELECT least(value, ${lanesHorizon}) AS value FROM marks WHERE name = 'oldest_revision' AND at < now() - $1 * interval '1 second'`,
    [graceSeconds],
  );
  return row ? Number(row.value) : 0;
}

/** A number that tells this store apart from every other. */
export async function storeId(database: Database): Promise<number> {
  const [row] = await database.query<{ value: string }>(`SELECT value FROM marks WHERE name = 'store_id'`);
  return Number(row.value);
}

export interface SealWanted {
  readonly partition?: number;
  /** So many blocks, and up to so many more by the id of the series. */
  readonly blocksMin: number;
  readonly blocksSpread: number;
  readonly versionsMin: number;
  /** Also those that have been fresh for so long, however little it is. */
  readonly ageSeconds?: number;
}

/** The series that should be sealed, those with most to seal first. */
export async function seriesToSeal(
  database: Database,
  wanted: SealWanted,
): Promise<{ readonly series: number; readonly versions: number }[]> {
  const old =
    wanted.ageSeconds === undefined
      ? ''
      : `OR oldest <= (SELECT max(revision) FROM commits WHERE at <= now() - ${wanted.ageSeconds} * interval '1 second')`;
  const columns = 'count(*) AS blocks, sum(versions) AS versions, min(revision) AS oldest FROM fresh_blocks';
  // Of a partition each series is looked up: a walk through all that is fresh passes by what was sealed a moment ago.
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

export interface Kept {
  readonly batchKeptSeconds: number;
  readonly writeKeyKeptSeconds: number;
  readonly stageKeptSeconds: number;
  readonly waveKeptSeconds: number;
}

export async function dropExpired(database: Database, kept: Kept): Promise<void> {
  await database.query(`DELETE FROM batches WHERE at < now() - $1 * interval '1 second'`, [kept.batchKeptSeconds]);
  await database.query(`DELETE FROM write_keys WHERE at < now() - $1 * interval '1 second'`, [
    kept.writeKeyKeptSeconds,
  ]);
  await dropStale(database, kept.stageKeptSeconds);
  await database.query(
    `DELETE FROM waves WHERE at < now() - $1 * interval '1 second' AND number < (SELECT max(number) - 100 FROM waves)`,
    [kept.waveKeptSeconds],
  );
}

/** Points of deleted series go, some blocks at a time. */
export async function dropDeletedSeries(database: Database): Promise<void> {
  for (const table of ['fresh_blocks', 'sealed_blocks']) {
    await database.query(
      `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
         SELECT block.ctid FROM series JOIN ${table} AS block ON block.series = series.id WHERE deleted_revision IS NOT NULL LIMIT 5000))`,
    );
  }
}

/**
 * Makes the revision of so many days ago the oldest that can be read. Returns what may be dropped: the horizon that has
 * stood for a while.
 */
export async function moveHorizon(database: Database, historyDays: number): Promise<number | undefined> {
  const [row] = await database.query<{ value: string; settled: boolean }>(
    `WITH wanted AS (SELECT max(revision) AS revision FROM commits WHERE at <= now() - $1 * interval '1 day'),
       standing AS (SELECT value, at < now() - $2 * interval '1 second' AS settled FROM marks WHERE name = 'oldest_revision'),
       moved AS (
         INSERT INTO marks (name, value, at) SELECT 'oldest_revision', revision, now() FROM wanted WHERE revision IS NOT NULL
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at
         WHERE marks.value < excluded.value AND marks.at < now() - $2 * 2 * interval '1 second')
     SELECT least(value, ${lanesHorizon}) AS value, settled FROM standing`,
    [historyDays, graceSeconds],
  );
  return row?.settled ? Number(row.value) : undefined;
}

/** Forgets definitions that nobody can ask for any more: their storages go with those of deleted series. */
export async function dropRetired(database: Database, horizon: number): Promise<void> {
  await database.query(
    `WITH gone AS (UPDATE definitions SET state = 'CANCELLED' WHERE state = 'RETIRED' AND until <= $1 RETURNING storages)
     UPDATE series SET deleted_revision = $1 WHERE deleted_revision IS NULL AND id IN (SELECT unnest(storages) FROM gone)`,
    [horizon],
  );
}

/** Series with sealed blocks that hold something older than the horizon which is overwritten or deleted. */
export async function seriesToForget(database: Database, horizon: number): Promise<number[]> {
  const rows = await database.query<{ series: number }>(
    `SELECT DISTINCT series FROM sealed_blocks WHERE versions > points AND base_revision <= $1`,
    [horizon],
  );
  return rows.map((row) => row.series);
}

/** The backlog of compaction: blocks that are not sealed yet. */
export async function countFreshBlocks(database: Database): Promise<number> {
  const [row] = await database.query<{ count: string }>(`SELECT count(*) FROM fresh_blocks WHERE revision IS NOT NULL`);
  return Number(row.count);
}

export async function countSeries(database: Database): Promise<number> {
  const [row] = await database.query<{ count: string }>(
    `SELECT count(*) FROM series WHERE deleted_revision IS NULL AND kind <> 'STORAGE'`,
  );
  return Number(row.count);
}
