import type { Database } from './connect.ts';
import { dropStale } from './staged-blocks.ts';

/** The time for a read to end whose revision was checked against the previous horizon. */
const graceSeconds = 300;

/** SQL: the lowest revision that a lane still reads from. A lane that lags must find later deletions. */
const lanesHorizon = `(SELECT min(least(nullif(basis, -1), (step ->> 'target')::bigint)) FROM lanes WHERE basis >= 0 OR step IS NOT NULL)`;

/** The revision up to which overwritten versions may be dropped: all reads at older revisions have ended. */
export async function settledHorizon(database: Database): Promise<number> {
  const [row] = await database.query<{ value: string }>(
    `SELECT least(value, ${lanesHorizon}) AS value FROM marks WHERE name = 'oldest_revision' AND at < now() - $1 * interval '1 second'`,
    [graceSeconds],
  );
  return row ? Number(row.value) : 0;
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

/** Deletes points of deleted series, some blocks per call. */
export async function dropDeletedSeries(database: Database): Promise<void> {
  for (const table of ['fresh_blocks', 'sealed_blocks']) {
    await database.query(
      `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
         SELECT block.ctid FROM series JOIN ${table} AS block ON block.series = series.id WHERE deleted_revision IS NOT NULL LIMIT 5000))`,
    );
  }
}

/**
 * Makes the revision of `historyDays` ago the oldest readable one. Returns the horizon up to which versions may be
 * dropped, once it has been in force for a while.
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

/** Cancels retired definitions that no readable revision needs. Their storages are deleted like series. */
export async function dropRetired(database: Database, horizon: number): Promise<void> {
  await database.query(
    `WITH gone AS (UPDATE definitions SET state = 'CANCELLED' WHERE state = 'RETIRED' AND until <= $1 RETURNING storages)
     UPDATE series SET deleted_revision = $1 WHERE deleted_revision IS NULL AND id IN (SELECT unnest(storages) FROM gone)`,
    [horizon],
  );
}

/** Series whose sealed blocks hold versions that were overwritten or deleted before the horizon. */
export async function seriesToForget(database: Database, horizon: number): Promise<number[]> {
  const rows = await database.query<{ series: number }>(
    `SELECT DISTINCT series FROM sealed_blocks WHERE versions > points AND base_revision <= $1`,
    [horizon],
  );
  return rows.map((row) => row.series);
}
