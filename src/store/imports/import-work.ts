import type { Database } from '../connect.ts';
import { micros } from '../micros.ts';
import { hasItsTurn } from './import-order.ts';
import type { ImportStatus, ImportTask } from './import-rows.ts';

/** Whoever gave no sign of life for so long is taken for dead. */
const silentSeconds = 5;

/** An import as the worker finds it that has taken it up. */
export interface Taken {
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
  /** Whether some of what is to be done can be read already: then it goes on to its end. */
  readonly isPublished: boolean;
  readonly size: number | null;
  readonly claimedSha256: string | null;
  readonly sha256: string | null;
  readonly isGone: boolean;
  /** How many workers ended while they were at it, since it last came on. */
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

/** Takes an import up: whoever had it before writes nothing any more. undefined: there is nothing to do. */
export async function takeUp(database: Database, id: number): Promise<Taken | undefined> {
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

/** Some of what is to be done can be read already. */
const published = `(CASE task WHEN 'UNDO' THEN undone_revision ELSE from_revision END IS NOT NULL)`;

/** Nobody works on it, though somebody began to. */
const silent = `(heartbeat_at IS NULL OR heartbeat_at < now() - interval '${silentSeconds} s')`;

function takenOf(row: Record<string, unknown>): Taken {
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

/** Which taking up of an import writes. */
export interface Holder {
  readonly id: number;
  readonly epoch: number;
}

/** SQL: nobody else has taken the import $1 up since $2. */
export const mine = `id = $1 AND epoch = $2 AND status = 'RUNNING'`;

/** A sign of life. Returns what was asked meanwhile; undefined: somebody else has it by now. */
export async function beat(
  database: Database,
  { id, epoch }: Holder,
): Promise<{ cancelAsked: boolean; isPublished: boolean } | undefined> {
  const [row] = await database.query<{ cancel_asked: boolean; published: boolean }>(
    `UPDATE imports SET heartbeat_at = now() WHERE ${mine} RETURNING cancel_asked, ${published} AS published`,
    [id, epoch],
  );
  return row && { cancelAsked: row.cancel_asked, isPublished: row.published };
}

/** Lets go in good order: another one may go on at once, unless it was to be cancelled. */
export async function letGo(database: Database, { id, epoch }: Holder): Promise<void> {
  const isCancelled = 'cancel_asked AND from_revision IS NULL';
  await database.query(
    `UPDATE imports SET status = CASE WHEN ${isCancelled} THEN 'CANCELLED' ELSE 'QUEUED' END,
       ended_at = CASE WHEN ${isCancelled} THEN now() END, heartbeat_at = NULL, version = version + 1 WHERE ${mine}`,
    [id, epoch],
  );
}

export async function keepSha256(database: Database, upload: string, sha256: string): Promise<void> {
  await database.query('UPDATE uploads SET sha256 = $2 WHERE id = $1', [upload, sha256]);
}

export async function keepPlan(database: Database, { id, epoch }: Holder, plan: object): Promise<void> {
  await database.query(`UPDATE imports SET plan = $3, version = version + 1 WHERE ${mine}`, [
    id,
    epoch,
    JSON.stringify(plan),
  ]);
}

/** Derived series that move with what an import says: how many, and the keys of the first ones. */
export async function keepMoved(
  database: Database,
  { id, epoch }: Holder,
  moved: { readonly count: number; readonly keys: readonly string[] },
): Promise<void> {
  await database.query(`UPDATE imports SET moved_count = $3, moved = $4, version = version + 1 WHERE ${mine}`, [
    id,
    epoch,
    moved.count,
    JSON.stringify(moved.keys),
  ]);
}

/** Notes what an import's work is. Returns the import that does it or did it already. */
export async function noteWork(database: Database, { id, epoch }: Holder, work: string): Promise<number | undefined> {
  const [row] = await database.query<{ same: number | null }>('SELECT tidemark_import_work($1, $2, $3) AS same', [
    id,
    epoch,
    work,
  ]);
  return row.same ?? undefined;
}

/** How an import ended. Published ones keep their counts whatever happens. */
export interface Ending {
  readonly status: ImportStatus;
  readonly problem?: string | null;
  readonly restored?: number;
  readonly kept?: number;
}

export async function endImport(database: Database, { id, epoch }: Holder, ending: Ending): Promise<void> {
  const { status, problem = null, restored, kept } = ending;
  await database.query(
    `UPDATE imports SET status = $3, problem = $4, restored = coalesce($5, restored), kept = coalesce($6, kept), ended_at = now(), heartbeat_at = NULL,
       task = CASE $3 WHEN 'DONE' THEN 'COMMIT' ELSE task END, cancel_asked = false, version = version + 1
     WHERE ${mine}`,
    [id, epoch, status, problem, restored ?? null, kept ?? null],
  );
}

/** How many imports wait and are worked on, and since when one of them waits, in microseconds since 1970. */
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

/** Imports that somebody may take up, the oldest first; with `silent` those as well whose worker gives no sign of life. */
export async function waitingImports(
  database: Database,
  who: 'queued' | 'all',
): Promise<{ readonly id: number; readonly epoch: number }[]> {
  return database.query<{ id: number; epoch: number }>(
    `SELECT id, epoch FROM imports WHERE same_as IS NULL AND (status = 'QUEUED' ${who === 'all' ? `OR status = 'RUNNING' AND ${silent}` : ''}) AND ${hasItsTurn}
     ORDER BY id LIMIT 100`,
  );
}
