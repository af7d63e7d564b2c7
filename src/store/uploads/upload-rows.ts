import type pg from 'pg';
import { type Database, withClient } from '../connect.ts';
import { type Requester, withRequestRow } from '../imports/import-requests.ts';
import { retryOnConnectionLoss } from '../retry.ts';

/** Runs statements, in a transaction or each on its own. */
export type Run = <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[]) => Promise<Row[]>;

const silenceMillis = 15_000;

/** Runs a function under a lock on a text. The function may run twice when a connection is lost. */
export function withTextLocked<T>(database: Database, text: string, run: (run: Run) => Promise<T>): Promise<T> {
  return retryOnConnectionLoss(
    () =>
      withClient(database, silenceMillis, async (client) => {
        await client.query('BEGIN');
        try {
          await client.query('SELECT pg_advisory_xact_lock(7422, hashtext($1))', [text]);
          const result = await run(async (statement, values) => (await client.query(statement, [...values])).rows);
          await client.query('COMMIT');
          return result;
        } catch (error) {
          await client.query('ROLLBACK').catch(() => undefined);
          throw error;
        }
      }),
    database.patienceMillis,
  );
}

export interface NewUpload {
  readonly id: string;
  readonly filename: string;
  /** null when the sender declares it later. */
  readonly size: number | null;
  readonly claimedSha256: string | null;
  /** The hash, when the bytes are here already. */
  readonly sha256: string | null;
}

export interface NewImport {
  readonly upload: string;
  readonly filename: string;
  readonly status: 'UPLOADING' | 'QUEUED';
  readonly task: 'PREVIEW' | 'COMMIT';
  readonly input: unknown;
  readonly by: Requester;
}

export async function insertUpload(run: Run, { id, filename, size, claimedSha256, sha256 }: NewUpload): Promise<void> {
  await run(
    `INSERT INTO uploads (id, filename, size, claimed_sha256, sha256, complete_at)
     VALUES ($1, $2, $3, $4, $5, CASE WHEN $5::text IS NOT NULL THEN now() END)`,
    [id, filename, size, claimedSha256, sha256],
  );
}

export async function insertImport(run: Run, made: NewImport): Promise<number> {
  const [{ id }] = await run<{ id: number }>(
    `WITH made AS (
       INSERT INTO imports (upload, filename, status, task, input) VALUES ($1, $2, $3, $4, $5::jsonb) RETURNING id),
     ${withRequestRow('made', 'IMPORT', '$6')}
     SELECT id FROM made`,
    [made.upload, made.filename, made.status, made.task, JSON.stringify(made.input), made.by],
  );
  return id;
}

/** An import of bytes with this hash, computed or declared, that has done its work, does it, or will. */
export interface Candidate {
  readonly id: number;
  readonly upload: string;
  readonly input: unknown;
  readonly isComplete: boolean;
  readonly isGone: boolean;
  /** True when the hash was computed, not only declared. */
  readonly isFound: boolean;
}

const candidatesMax = 1_000;

/** Newest first. */
export async function readCandidates(run: Run, sha256: string, size: number): Promise<Candidate[]> {
  const rows = await run<{
    id: number;
    upload: string;
    input: unknown;
    complete: boolean;
    gone: boolean;
    found: boolean;
  }>(
    `SELECT own.id, own.upload, own.input, complete_at IS NOT NULL AS complete, gone_at IS NOT NULL AS gone, uploads.sha256 IS NOT NULL AS found
     FROM uploads JOIN imports AS own ON own.upload = uploads.id
       JOIN imports AS work ON work.id = coalesce(own.same_as, own.id)
     WHERE (uploads.sha256 = $1 OR uploads.sha256 IS NULL AND uploads.claimed_sha256 = $1) AND uploads.size = $2
       AND work.status IN ('UPLOADING', 'QUEUED', 'RUNNING', 'PREVIEWED', 'DONE')
       AND work.task <> 'UNDO' AND NOT work.cancel_asked
     ORDER BY own.id DESC LIMIT ${candidatesMax}`,
    [sha256, size],
  );
  return rows.map(({ complete, gone, found, ...row }) => ({
    ...row,
    isComplete: complete,
    isGone: gone,
    isFound: found,
  }));
}

/** An upload with this computed hash whose bytes are here. It stays while the transaction lasts. */
export async function lockBytes(run: Run, sha256: string, size: number): Promise<string | undefined> {
  const [row] = await run<{ id: string }>(
    `SELECT id FROM uploads WHERE sha256 = $1 AND size = $2 AND complete_at IS NOT NULL AND gone_at IS NULL
     ORDER BY complete_at DESC LIMIT 1 FOR UPDATE`,
    [sha256, size],
  );
  return row?.id;
}

export interface UploadRow {
  readonly id: string;
  readonly filename: string;
  readonly size: number | null;
  readonly sha256: string | null;
  /** The import that it was created for. */
  readonly import: number;
  /** The input of its first import. */
  readonly input: unknown;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly isComplete: boolean;
  readonly isGone: boolean;
  /** True when an import waits for its bytes. */
  readonly isAwaited: boolean;
}

export async function readUpload(database: Database, id: string): Promise<UploadRow | undefined> {
  const [row] = await database.query<Record<string, unknown>>(
    `SELECT uploads.id, filename, size, coalesce(sha256, claimed_sha256) AS sha256, extract(epoch from created_at) * 1000 AS created,
       complete_at IS NOT NULL AS complete, gone_at IS NOT NULL AS gone,
       EXISTS (SELECT FROM imports WHERE upload = uploads.id AND status = 'UPLOADING') AS awaited,
       first.id AS import, first.input
     FROM uploads LEFT JOIN LATERAL (SELECT id, input FROM imports WHERE upload = uploads.id ORDER BY id LIMIT 1) AS first ON true
     WHERE uploads.id = $1`,
    [id],
  );
  if (!row) return undefined;
  return {
    id,
    filename: row.filename as string,
    size: row.size === null ? null : Number(row.size),
    sha256: row.sha256 as string | null,
    import: row.import as number,
    input: row.input,
    createdAt: Number(row.created),
    isComplete: row.complete === true,
    isGone: row.gone === true,
    isAwaited: row.awaited === true,
  };
}

export async function declareSize(database: Database, id: string, size: number): Promise<void> {
  await database.query('UPDATE uploads SET size = $2 WHERE id = $1 AND size IS NULL', [id, size]);
}

/** An import that a statement has changed, with its epoch. */
export interface TouchedImport {
  readonly id: number;
  readonly epoch: number;
}

/** Marks an upload as complete, and queues the imports that waited for it, once. */
export function completeUpload(database: Database, id: string): Promise<TouchedImport[]> {
  return database.query<{ id: number; epoch: number }>(
    `WITH complete AS (UPDATE uploads SET complete_at = now() WHERE id = $1 AND complete_at IS NULL AND gone_at IS NULL)
     UPDATE imports SET status = 'QUEUED', version = version + 1
     WHERE upload = $1 AND status = 'UPLOADING' AND EXISTS (SELECT FROM uploads WHERE id = $1 AND gone_at IS NULL)
     RETURNING id, epoch`,
    [id],
  );
}

/** Gives up an upload, and ends the imports that waited for it. */
export function giveUpUpload(
  database: Database,
  id: string,
  why:
    | { readonly status: 'FAILED'; readonly problem: string }
    | { readonly status: 'CANCELLED'; readonly by: Requester },
): Promise<TouchedImport[]> {
  const [problem, by] = why.status === 'FAILED' ? [why.problem, null] : [null, why.by];
  return database.query<{ id: number; epoch: number }>(
    `WITH gone AS (UPDATE uploads SET gone_at = now() WHERE id = $1 AND complete_at IS NULL AND gone_at IS NULL RETURNING id),
     ended AS (UPDATE imports SET status = $2, problem = $3, ended_at = now(), version = version + 1
       WHERE upload IN (SELECT id FROM gone) AND status = 'UPLOADING' RETURNING id, epoch),
     ${withRequestRow(`(SELECT id FROM ended WHERE $2 = 'CANCELLED') AS cancelled`, 'CANCEL', '$4')}
     SELECT id, epoch FROM ended`,
    [id, why.status, problem, by],
  );
}

/** The uploads that are not complete. */
export async function readUnfinished(
  database: Database,
): Promise<{ id: string; size: number | null; createdAt: number }[]> {
  const rows = await database.query<{ id: string; size: string | null; created: string }>(
    `SELECT id, size, extract(epoch from created_at) * 1000 AS created FROM uploads
     WHERE complete_at IS NULL AND gone_at IS NULL`,
    [],
  );
  return rows.map(({ id, size, created }) => ({
    id,
    size: size === null ? null : Number(size),
    createdAt: Number(created),
  }));
}

const atOnceMax = 100;

/** Marks the bytes of uploads as deleted whose imports all ended more than `days` ago, and returns the ids. */
export function retireUploads(database: Database, days: number): Promise<string[]> {
  return retryOnConnectionLoss(
    () =>
      withClient(database, silenceMillis, async (client) => {
        await client.query('BEGIN');
        try {
          const { rows: locked } = await client.query<{ id: string }>(
            `SELECT id FROM uploads WHERE gone_at IS NULL AND complete_at < now() - make_interval(days => $1)
               AND NOT EXISTS (SELECT FROM imports WHERE upload = uploads.id AND (status IN ('UPLOADING', 'QUEUED', 'RUNNING')
                 OR coalesce(ended_at, created_at) >= now() - make_interval(days => $1)))
             LIMIT ${atOnceMax} FOR UPDATE SKIP LOCKED`,
            [days],
          );
          // This statement sees the imports that were added before the lock.
          const { rows } = await client.query<{ id: string }>(
            `UPDATE uploads SET gone_at = now() WHERE id = ANY($1) AND NOT EXISTS (SELECT FROM imports
               WHERE upload = uploads.id AND (status IN ('UPLOADING', 'QUEUED', 'RUNNING')
                 OR coalesce(ended_at, created_at) >= now() - make_interval(days => $2)))
             RETURNING id`,
            [locked.map(({ id }) => id), days],
          );
          await client.query('COMMIT');
          return rows.map(({ id }) => id);
        } catch (error) {
          await client.query('ROLLBACK').catch(() => undefined);
          throw error;
        }
      }),
    database.patienceMillis,
  );
}

/** The known uploads among some ids, and whether their bytes are deleted. */
export async function readKnown(database: Database, ids: readonly string[]): Promise<Map<string, { isGone: boolean }>> {
  const rows = await database.query<{ id: string; gone: boolean }>(
    'SELECT id, gone_at IS NOT NULL AS gone FROM uploads WHERE id = ANY($1)',
    [ids],
  );
  return new Map(rows.map(({ id, gone }) => [id, { isGone: gone }]));
}
