import type { Database } from '../connect.ts';
import { type Requester, withRequestRow } from './import-requests.ts';
import type { ImportRow } from './import-rows.ts';

export interface Again {
  readonly task: 'PREVIEW' | 'COMMIT';
  readonly input: unknown;
  /** True when the file must be planned again, because its options have changed. */
  readonly isReadAnew: boolean;
  readonly by: Requester;
}

/**
 * Queues an import to be read again from its beginning, and drops its earlier results. Each of these steps is one
 * statement: of two concurrent requests one is refused, and returns false.
 */
export async function queueAgain(database: Database, seen: ImportRow, id: number, again: Again): Promise<boolean> {
  const rows = await database.query(
    `WITH queued AS (
       UPDATE imports SET status = 'QUEUED', task = $4, input = $5, place = NULL, cancel_asked = false, heartbeat_at = NULL, deaths = 0,
         plan = CASE WHEN $6 THEN NULL ELSE plan END, work = NULL,
         bytes = 0, rows = 0, accepted = 0, rejected_count = 0, unchanged = 0, changed = 0, created_count = 0,
         problem = NULL, ended_at = NULL, version = version + 1
       WHERE id = $1 AND status = $2 AND epoch = $3 RETURNING id),
     ${withRequestRow('queued', { sql: '$4' }, '$7')},
     rejects AS (DELETE FROM import_rejects USING queued WHERE import = queued.id),
     made AS (DELETE FROM import_series USING queued WHERE import = queued.id),
     answers AS (DELETE FROM import_summaries USING queued WHERE import = queued.id AND $6)
     SELECT id FROM queued`,
    [id, seen.status, seen.epoch, again.task, JSON.stringify(again.input), again.isReadAnew, again.by],
  );
  return rows.length > 0;
}

/**
 * Cancels an import. If no worker has it and none of it is published, it ends now; otherwise its worker, or the next
 * one, is asked to end it. The request is recorded once, however often it is made.
 */
export async function cancelImport(database: Database, id: number, by: Requester): Promise<boolean> {
  const rows = await database.query(
    `WITH unasked AS (SELECT id FROM imports WHERE id = $1 AND NOT cancel_asked),
     cancelled AS (
       UPDATE imports SET cancel_asked = true, version = version + 1,
         status = CASE WHEN status = 'RUNNING' OR from_revision IS NOT NULL THEN status ELSE 'CANCELLED' END,
         ended_at = CASE WHEN status = 'RUNNING' OR from_revision IS NOT NULL THEN ended_at ELSE now() END
       WHERE id = $1 AND status IN ('UPLOADING', 'QUEUED', 'PREVIEWED', 'RUNNING') AND task <> 'UNDO'
       RETURNING id),
     ${withRequestRow('cancelled JOIN unasked USING (id)', 'CANCEL', '$2')}
     SELECT id FROM cancelled`,
    [id, by],
  );
  return rows.length > 0;
}

export async function queueUndo(database: Database, id: number, by: Requester): Promise<boolean> {
  const rows = await database.query(
    `WITH queued AS (
       UPDATE imports SET status = 'QUEUED', task = 'UNDO', place = NULL, cancel_asked = false, heartbeat_at = NULL, deaths = 0,
         undone_revision = NULL, problem = NULL, ended_at = NULL, restored = 0, kept = 0, version = version + 1
       WHERE id = $1 AND status = 'DONE' RETURNING id),
     ${withRequestRow('queued', 'UNDO', '$2')}
     SELECT id FROM queued`,
    [id, by],
  );
  return rows.length > 0;
}
