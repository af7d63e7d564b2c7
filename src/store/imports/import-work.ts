import type { Database } from '../connect.ts';
import { micros } from '../micros.ts';
import { hasItsTurn } from './import-order.ts';
import type { ImportStatus, ImportTask } from './import-rows.ts';

/** The time without a heartbeat after which a worker counts as dead. */
const silentSeconds = 5;

/** An import as a worker gets it. */
export interface TakenImport {
  readonly id: number;
  readonly epoch: number;
  readonly task: ImportTask;
  readonly upload: string;
  readonly filename: string;
  readonly input: unknown;
  readonly plan: unknown;
  readonly place: unknown;
  readonly counts: ImportCounts;
  readonly fromRevision: number | null;
  readonly toRevision: number | null;
  /** True when part of its result is published. Then it must be completed. */
  readonly isPublished: boolean;
  readonly size: number | null;
  readonly claimedSha256: string | null;
  readonly sha256: string | null;
  readonly isGone: boolean;
  /** The number of workers that died while they worked on it, since its last progress. */
  readonly deaths: number;
}

export interface ImportCounts {
  readonly bytes: number;
  readonly rows: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly unchanged: number;
  readonly changed: number;
  readonly created: number;
}

/**
 * Takes an import for this worker: an earlier worker can write nothing to it from now on. Returns undefined when there
 * is nothing to do.
 */
export async function takeImport(database: Database, id: number): Promise<TakenImport | undefined> {
  const [row] = await database.query(
    `WITH taken AS (
       UPDATE imports SET epoch = epoch + 1, status = 'RUNNING', heartbeat_at = now(), deaths = deaths + (status = 'RUNNING')::int, version = version + 1
       WHERE id = $1 AND same_as IS NULL AND (status = 'QUEUED' OR status = 'RUNNING' AND ${silent}) AND ${hasItsTurn}
       RETURNING *)
     SELECT taken.*, ${published} AS is_published, size, claimed_sha256, sha256, gone_at IS NOT NULL AS is_gone
     FROM taken LEFT JOIN uploads ON uploads.id = taken.upload`,
    [id],
  );
  return row && takenOf(row);
}

/** SQL: part of its result is published. */
const published = `(CASE task WHEN 'UNDO' THEN undone_revision ELSE from_revision END IS NOT NULL)`;

/** SQL: a worker began with it and is dead. */
const silent = `(heartbeat_at IS NULL OR heartbeat_at < now() - interval '${silentSeconds} s')`;

function takenOf(row: Record<string, unknown>): TakenImport {
  const orNull = (value: unknown) => (value === null ? null : Number(value));
  return {
    id: Number(row.id),
    epoch: Number(row.epoch),
    task: row.task as ImportTask,
    upload: String(row.upload),
    filename: String(row.filename),
    input: row.input,
    plan: row.plan,
    place: row.place,
    counts: {
      bytes: Number(row.bytes),
      rows: Number(row.rows),
      accepted: Number(row.accepted),
      rejected: Number(row.rejected_count),
      unchanged: Number(row.unchanged),
      changed: Number(row.changed),
      created: Number(row.created_count),
    },
    fromRevision: orNull(row.from_revision),
    toRevision: orNull(row.to_revision),
    isPublished: Boolean(row.is_published),
    size: orNull(row.size),
    claimedSha256: row.claimed_sha256 as string | null,
    sha256: row.sha256 as string | null,
    isGone: Boolean(row.is_gone),
    deaths: Number(row.deaths),
  };
}

/** The identity of a worker's hold on an import. */
export interface ImportHold {
  readonly id: number;
  readonly epoch: number;
}

/** SQL: no other worker has taken the import $1 since epoch $2. */
export const mine = `id = $1 AND epoch = $2 AND status = 'RUNNING'`;

/** Sends a heartbeat. Returns the requests made meanwhile, or undefined when another worker has taken the import. */
export async function sendHeartbeat(
  database: Database,
  { id, epoch }: ImportHold,
): Promise<{ cancelAsked: boolean; isPublished: boolean } | undefined> {
  const [row] = await database.query<{ cancel_asked: boolean; published: boolean }>(
    `UPDATE imports SET heartbeat_at = now() WHERE ${mine} RETURNING cancel_asked, ${published} AS published`,
    [id, epoch],
  );
  return row && { cancelAsked: row.cancel_asked, isPublished: row.published };
}

/** Releases an import in good order, so that another worker can continue at once, unless it is to be cancelled. */
export async function releaseImport(database: Database, { id, epoch }: ImportHold): Promise<void> {
  const isCancelled = 'cancel_asked AND from_revision IS NULL';
  await database.query(
    `UPDATE imports SET status = CASE WHEN ${isCancelled} THEN 'CANCELLED' ELSE 'QUEUED' END,
       ended_at = CASE WHEN ${isCancelled} THEN now() END, heartbeat_at = NULL, version = version + 1 WHERE ${mine}`,
    [id, epoch],
  );
}

export async function saveSha256(database: Database, upload: string, sha256: string): Promise<void> {
  await database.query('UPDATE uploads SET sha256 = $2 WHERE id = $1', [upload, sha256]);
}

export async function savePlan(database: Database, { id, epoch }: ImportHold, plan: object): Promise<void> {
  await database.query(`UPDATE imports SET plan = $3, version = version + 1 WHERE ${mine}`, [
    id,
    epoch,
    JSON.stringify(plan),
  ]);
}

/** The derived series that an import changes: their number, and the keys of the first ones. */
export async function saveAffectedSeries(
  database: Database,
  { id, epoch }: ImportHold,
  moved: { readonly count: number; readonly keys: readonly string[] },
): Promise<void> {
  await database.query(`UPDATE imports SET moved_count = $3, moved = $4, version = version + 1 WHERE ${mine}`, [
    id,
    epoch,
    moved.count,
    JSON.stringify(moved.keys),
  ]);
}

/** Records the hash of an import's work. Returns the import that does this work, or did it already. */
export async function recordWork(
  database: Database,
  { id, epoch }: ImportHold,
  work: string,
): Promise<number | undefined> {
  const [row] = await database.query<{ same: number | null }>('SELECT tidemark_import_work($1, $2, $3) AS same', [
    id,
    epoch,
    work,
  ]);
  return row.same ?? undefined;
}

/** The end of an import. A published one keeps its counts in any case. */
export interface ImportEnding {
  readonly status: ImportStatus;
  readonly problem?: string | null;
  readonly restored?: number;
  readonly kept?: number;
}

export async function endImport(database: Database, { id, epoch }: ImportHold, ending: ImportEnding): Promise<void> {
  const { status, problem = null, restored, kept } = ending;
  await database.query(
    `UPDATE imports SET status = $3, problem = $4, restored = coalesce($5, restored), kept = coalesce($6, kept), ended_at = now(), heartbeat_at = NULL,
       task = CASE $3 WHEN 'DONE' THEN 'COMMIT' ELSE task END, cancel_asked = false, version = version + 1
     WHERE ${mine}`,
    [id, epoch, status, problem, restored ?? null, kept ?? null],
  );
}

/** The number of waiting and running imports, and the time since which one waits, in microseconds since 1970. */
export interface ImportLoad {
  readonly queued: number;
  readonly running: number;
  readonly queuedSince: number | null;
}

export async function readImportLoad(database: Database): Promise<ImportLoad> {
  const [row] = await database.query<{ queued: number; running: number; since: string | null }>(
    `SELECT count(*) FILTER (WHERE status = 'QUEUED')::int AS queued, count(*) FILTER (WHERE status = 'RUNNING')::int AS running,
       ${micros(`min(greatest(imports.created_at, complete_at, asked_at)) FILTER (WHERE status = 'QUEUED')`)} AS since
     FROM imports LEFT JOIN uploads ON uploads.id = upload
     LEFT JOIN LATERAL (SELECT max(at) AS asked_at FROM import_requests WHERE import = imports.id) AS asked ON true
     WHERE status IN ('QUEUED', 'RUNNING')`,
  );
  const { queued, running, since } = row;
  return { queued, running, queuedSince: since === null ? null : Number(since) };
}

/** Imports that a worker may take, oldest first; with `silent`, also those of dead workers. */
export async function waitingImports(
  database: Database,
  who: 'queued' | 'all',
): Promise<{ readonly id: number; readonly epoch: number }[]> {
  return database.query<{ id: number; epoch: number }>(
    `SELECT id, epoch FROM imports WHERE same_as IS NULL AND (status = 'QUEUED' ${who === 'all' ? `OR status = 'RUNNING' AND ${silent}` : ''}) AND ${hasItsTurn}
     ORDER BY id LIMIT 100`,
  );
}
