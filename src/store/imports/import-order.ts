import type { Database } from '../connect.ts';

/** SQL: the keys of the series in an import's plan; NULL when only the file names them. */
const keysOf = (row: string) => `(SELECT CASE WHEN bool_and(key IS NOT NULL) THEN array_agg(key) END FROM (
  SELECT CASE WHEN item ->> 'role' <> 'SERIES' THEN coalesce(item ->> 'series', ${row}.plan ->> 'series') END AS key
  FROM jsonb_array_elements(${row}.plan -> 'columns') AS item WHERE item ->> 'role' IN ('SERIES', 'VALUE', 'SIZE')) AS named)`;

/**
 * SQL: true when an import may be read. Of imports that may touch the same series, the first one must be written, or
 * undone, before the next is read. Planning needs no turn, and an import that has begun continues. No import waits for
 * a later one, so one can always proceed.
 */
export const hasItsTurn = `(task <> 'COMMIT' OR place IS NOT NULL OR from_revision IS NOT NULL OR plan IS NULL OR NOT EXISTS (
  SELECT FROM imports AS earlier
  WHERE earlier.id < imports.id AND earlier.same_as IS NULL AND earlier.status IN ('QUEUED', 'RUNNING') AND earlier.task <> 'PREVIEW'
    AND coalesce(${keysOf('earlier')} && ${keysOf('imports')}, true)))`;

/** True when a planned import may be read. */
export async function isItsTurn(database: Database, id: number): Promise<boolean> {
  const [row] = await database.query<{ turn: boolean }>(`SELECT ${hasItsTurn} AS turn FROM imports WHERE id = $1`, [
    id,
  ]);
  return row.turn;
}
