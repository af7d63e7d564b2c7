import type { Database } from '../connect.ts';

/** The keys of the series of an import, as its plan says them; NULL: only the file does. */
const keysOf = (row: string) => `(SELECT CASE WHEN bool_and(key IS NOT NULL) THEN array_agg(key) END FROM (
  SELECT CASE WHEN item ->> 'role' <> 'SERIES' THEN coalesce(item ->> 'series', ${row}.plan ->> 'series') END AS key
  FROM jsonb_array_elements(${row}.plan -> 'columns') AS item WHERE item ->> 'role' IN ('SERIES', 'VALUE', 'SIZE')) AS named)`;

/**
 * Of imports that may touch the same series the one that was uploaded first is written, or taken back, before the next one is
 * read. How a file is read is found out at any time, and what has begun goes on. Nobody waits for a later one, so somebody
 * always goes on.
 */
export const hasItsTurn = `(task <> 'COMMIT' OR place IS NOT NULL OR from_revision IS NOT NULL OR plan IS NULL OR NOT EXISTS (
  SELECT FROM imports AS earlier
  WHERE earlier.id < imports.id AND earlier.same_as IS NULL AND earlier.status IN ('QUEUED', 'RUNNING') AND earlier.task <> 'PREVIEW'
    AND coalesce(${keysOf('earlier')} && ${keysOf('imports')}, true)))`;

/** Whether an import that is planned by now may be read. */
export async function isItsTurn(database: Database, id: number): Promise<boolean> {
  const [row] = await database.query<{ turn: boolean }>(`SELECT ${hasItsTurn} AS turn FROM imports WHERE id = $1`, [
    id,
  ]);
  return row.turn;
}
