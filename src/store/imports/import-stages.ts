import type { Database } from '../connect.ts';
import { type ImportCounts, type ImportHold, mine } from './import-work.ts';

/** The results since the last checkpoint, and the position to continue from. */
export interface ImportCheckpoint {
  /** The number of this checkpoint. The one before it must be the last one written. */
  readonly step: number;
  readonly place: object;
  readonly counts: ImportCounts;
  readonly stages: readonly StagedBlocks[];
  readonly rejects: readonly {
    readonly place: number;
    readonly line: number;
    readonly column: string | null;
    readonly reason: string;
  }[];
  readonly series: readonly { readonly n: number; readonly key: string }[];
}

export interface StagedBlocks {
  readonly stage: string;
  readonly generation: number;
  readonly blocks: number;
}

/** Starts a task from the beginning: its earlier results and stages no longer count. */
export async function beginReading(database: Database, { id, epoch }: ImportHold, place: object): Promise<void> {
  await database.query(
    `WITH mine AS (
       UPDATE imports SET place = $3, bytes = 0, rows = 0, accepted = 0, rejected_count = 0, unchanged = 0, changed = 0,
         created_count = 0, moved_count = 0, moved = '[]', problem = NULL, ended_at = NULL, version = version + 1
       WHERE ${mine} RETURNING id),
     rejects AS (DELETE FROM import_rejects USING mine WHERE import = mine.id),
     made AS (DELETE FROM import_series USING mine WHERE import = mine.id),
     blocks AS (DELETE FROM fresh_blocks USING import_stages, mine
       WHERE fresh_blocks.stage = import_stages.stage AND import = mine.id)
     DELETE FROM import_stages USING mine WHERE import = mine.id`,
    [id, epoch, JSON.stringify(place)],
  );
}

/**
 * Writes a checkpoint atomically, and once, however often it is tried. Returns false when another worker has taken the
 * import.
 */
export async function writeCheckpoint(
  database: Database,
  { id, epoch }: ImportHold,
  { step, place, counts, stages, rejects, series }: ImportCheckpoint,
): Promise<boolean> {
  const [row] = await database.query<{ written: boolean }>(
    `WITH mine AS (
       UPDATE imports SET place = $4, bytes = $5, rows = $6, accepted = $7, rejected_count = $8, unchanged = $9, changed = $10,
         created_count = $11, heartbeat_at = now(), deaths = 0, version = version + 1
       WHERE ${mine} AND (place ->> 'step')::int = $3 - 1 RETURNING id),
     stages AS (INSERT INTO import_stages (import, stage, generation, blocks)
       SELECT mine.id, item.* FROM mine, unnest($12::uuid[], $13::int[], $14::int[]) AS item),
     rejects AS (INSERT INTO import_rejects (import, place, line, "column", reason)
       SELECT mine.id, item.* FROM mine, unnest($15::bigint[], $16::bigint[], $17::text[], $18::text[]) AS item),
     made AS (INSERT INTO import_series (import, n, key)
       SELECT mine.id, item.* FROM mine, unnest($19::int[], $20::text[]) AS item)
     SELECT EXISTS (SELECT FROM mine)
       OR EXISTS (SELECT FROM imports WHERE ${mine} AND (place ->> 'step')::int = $3) AS written`,
    [
      id,
      epoch,
      step,
      JSON.stringify(place),
      counts.bytes,
      counts.rows,
      counts.accepted,
      counts.rejected,
      counts.unchanged,
      counts.changed,
      counts.created,
      stages.map(({ stage }) => stage),
      stages.map(({ generation }) => generation),
      stages.map(({ blocks }) => blocks),
      rejects.map(({ place: at }) => at),
      rejects.map(({ line }) => line),
      rejects.map(({ column }) => column),
      rejects.map(({ reason }) => reason),
      series.map(({ n }) => n),
      series.map(({ key }) => key),
    ],
  );
  return row.written;
}

/** The unpublished stages of an import, in the order of publication. */
export function readStages(database: Database, id: number): Promise<StagedBlocks[]> {
  return database.query<{ stage: string; generation: number; blocks: number }>(
    'SELECT stage, generation, blocks FROM import_stages WHERE import = $1 ORDER BY generation, stage',
    [id],
  );
}

/** The ranges of the blocks of a stage. */
export async function readStageSpans(
  database: Database,
  stage: string,
): Promise<{ series: number; from: number; to: number }[]> {
  const rows = await database.query<{ series: number; from_t: string; to_t: string }>(
    'SELECT series, from_t, to_t FROM fresh_blocks WHERE stage = $1',
    [stage],
  );
  return rows.map(({ series, from_t, to_t }) => ({ series, from: Number(from_t), to: Number(to_t) }));
}

/** At most `max` series of some stages. */
export async function readStagedSeries(database: Database, stages: readonly string[], max: number): Promise<number[]> {
  const rows = await database.query<{ series: number }>(
    'SELECT DISTINCT series FROM fresh_blocks WHERE stage = ANY ($1::uuid[]) LIMIT $2',
    [stages, max],
  );
  return rows.map(({ series }) => series);
}

/** Deletes the staged blocks of an import for deleted series. */
export async function dropStagedOf(database: Database, id: number, series: readonly number[]): Promise<void> {
  await database.query(
    `DELETE FROM fresh_blocks USING import_stages
     WHERE fresh_blocks.stage = import_stages.stage AND import = $1 AND series = ANY ($2::int[])`,
    [id, series],
  );
}

/** Records stages that an import wrote outside a checkpoint. Returns false when another worker has taken it. */
export async function recordStages(
  database: Database,
  { id, epoch }: ImportHold,
  stages: readonly StagedBlocks[],
): Promise<boolean> {
  const [row] = await database.query<{ written: boolean }>(
    `WITH mine AS (SELECT id FROM imports WHERE ${mine} FOR UPDATE),
     stages AS (INSERT INTO import_stages (import, stage, generation, blocks)
       SELECT mine.id, item.* FROM mine, unnest($3::uuid[], $4::int[], $5::int[]) AS item ON CONFLICT DO NOTHING)
     SELECT EXISTS (SELECT FROM mine) AS written`,
    [
      id,
      epoch,
      stages.map(({ stage }) => stage),
      stages.map(({ generation }) => generation),
      stages.map(({ blocks }) => blocks),
    ],
  );
  return row.written;
}

const dropped = (those: string) =>
  `WITH gone AS (DELETE FROM import_stages USING imports WHERE imports.id = import AND ${those} RETURNING stage)
   DELETE FROM fresh_blocks USING gone WHERE fresh_blocks.stage = gone.stage`;

/** Deletes the stages of an import, unless another worker has taken it: then they may be that worker's. */
export async function dropStages(database: Database, { id, epoch }: ImportHold): Promise<void> {
  await database.query(dropped('imports.id = $1 AND epoch = $2'), [id, epoch]);
}

/** Deletes the stages that ended imports left. */
export async function dropOrphanedStages(database: Database): Promise<void> {
  await database.query(dropped(`status NOT IN ('QUEUED', 'RUNNING')`));
}

export async function readMadeSeries(database: Database, id: number): Promise<{ n: number; key: string }[]> {
  return database.query<{ n: number; key: string }>('SELECT n, key FROM import_series WHERE import = $1', [id]);
}

/** An estimate of the number of stored versions in each span; 0 means exactly none. */
export async function readWeights(
  database: Database,
  spans: readonly { readonly series: number; readonly from: number; readonly to: number }[],
): Promise<number[]> {
  const rows = await database.query<{ weight: string }>(
    `SELECT coalesce((SELECT sum(versions) FROM fresh_blocks
         WHERE series = storage AND revision IS NOT NULL AND from_t <= high AND to_t >= low), 0)
       + coalesce((SELECT sum(versions) FROM sealed_blocks WHERE series = storage AND from_t <= high AND to_t >= low
           AND from_t >= coalesce((SELECT max(from_t) FROM sealed_blocks WHERE series = storage AND from_t <= low), low)), 0) AS weight
     FROM unnest($1::int[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS asked (storage, low, high, n) ORDER BY n`,
    [spans.map(({ series }) => series), spans.map(({ from }) => from), spans.map(({ to }) => to)],
  );
  return rows.map(({ weight }) => Number(weight));
}

/** The derived series that depend on any of these series, directly or not: their number and the first keys. */
export async function readAffectedSeries(
  database: Database,
  series: readonly number[],
  max: number,
): Promise<{ count: number; keys: string[] }> {
  const [row] = await database.query<{ count: string; keys: string[] | null }>(
    `WITH moved AS (SELECT DISTINCT key FROM definitions JOIN series ON series.id = definitions.series
       WHERE state IN ('BUILDING', 'LIVE') AND deleted_revision IS NULL AND sources && $1::int[])
     SELECT (SELECT count(*) FROM moved) AS count,
       (SELECT array_agg(key) FROM (SELECT key FROM moved ORDER BY key COLLATE "C" LIMIT $2) AS first) AS keys`,
    [series, max],
  );
  return { count: Number(row.count), keys: row.keys ?? [] };
}
