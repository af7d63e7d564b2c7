import { randomUUID } from 'node:crypto';
import { int4Array } from './binary-out.ts';
import {
  blockColumnNames,
  blockParameters,
  blockValues,
  type Column,
  packBlocks,
  releaseBlocks,
} from './block-columns.ts';
import type { Database } from './connect.ts';
import { runPrepared } from './direct-query.ts';
import { retryOnConnectionLoss } from './retry.ts';

/** The largest block of a large write, and the most points of one statement. */
export const stagedBlockPoints = 8_192;
export const statementPointsMax = 131_072;

const answerMillis = 60_000;

const statement = {
  name: 'tidemark_stage',
  text: `INSERT INTO fresh_blocks (series, stage, staged_at, ${blockColumnNames})
  SELECT block.series, $1::uuid, now(), ${blockColumnNames}
  FROM unnest($2::int[], ${blockParameters(3)}) AS block (series, ${blockColumnNames})`,
};

export interface StagedColumn {
  /** An id, or -(i + 1) for the i-th series that the publishing commit creates. */
  readonly series: number;
  readonly column: Column;
}

/** Blocks of a sorted column. */
export function cutColumn(column: Column): readonly Column[] {
  const { t, value, size } = column;
  if (t.length > 0 && t.length <= stagedBlockPoints) return [column];
  const pieces: Column[] = [];
  for (let start = 0; start < t.length; start += stagedBlockPoints) {
    const end = start + stagedBlockPoints;
    pieces.push({ t: t.subarray(start, end), value: value.subarray(start, end), size: size?.subarray(start, end) });
  }
  return pieces;
}

/**
 * Stages a large write as blocks that no read sees. Returns the stages that one commit must publish. Each attempt of a
 * statement has its own stage, so that a lost answer never publishes blocks twice.
 */
export async function stage(database: Database, columns: readonly StagedColumn[]): Promise<string[]> {
  const stages: string[] = [];
  let batch: StagedColumn[] = [];
  let points = 0;
  const flush = async () => {
    const blocks = batch;
    batch = [];
    points = 0;
    if (blocks.length > 0) stages.push(await stageBlocks(database, blocks));
  };
  for (const piece of columns.flatMap(({ series, column }) =>
    cutColumn(column).map((piece) => ({ series, column: piece })),
  )) {
    batch.push(piece);
    points += piece.column.t.length;
    if (points >= statementPointsMax) await flush();
  }
  await flush();
  return stages;
}

/** Stages blocks in one statement, and returns the stage. */
export function stageBlocks(database: Database, blocks: readonly StagedColumn[]): Promise<string> {
  return retryOnConnectionLoss(() => insert(database, blocks), database.patienceMillis);
}

async function insert(database: Database, blocks: readonly StagedColumn[]): Promise<string> {
  const id = randomUUID();
  const packed = packBlocks(blocks.map((block) => block.column));
  const values = [id, int4Array(blocks.map((block) => block.series)), ...blockValues(packed)];
  await runPrepared(database, answerMillis, statement, values);
  releaseBlocks(packed);
  return id;
}

/**
 * Deletes old stages that were never published because their process died or failed. Stages of backfills and of running
 * imports stay.
 */
export async function dropStale(database: Database, olderThanSeconds: number): Promise<void> {
  await database.query(
    `DELETE FROM fresh_blocks WHERE stage IS NOT NULL AND staged_at < now() - $1 * interval '1 second'
       AND stage NOT IN (SELECT (step ->> 'stage')::uuid FROM lanes WHERE step IS NOT NULL)
       AND stage NOT IN (SELECT stage FROM import_stages JOIN imports ON id = import WHERE status IN ('QUEUED', 'RUNNING'))`,
    [olderThanSeconds],
  );
}
