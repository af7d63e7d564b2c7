import type { Database } from '../connect.ts';
import { micros } from '../micros.ts';

/** The server's name for the client that made a request; null for an internal request. */
export type Requester = string | null;

export type RequestKind = 'IMPORT' | 'PREVIEW' | 'COMMIT' | 'CANCEL' | 'UNDO';

export interface RequestRow {
  readonly what: RequestKind;
  /** Microseconds since 1970. */
  readonly at: number;
  readonly by: Requester;
}

/**
 * A part of a WITH that records a request for each id that another part returns. `by` is a parameter of the statement.
 */
export function withRequestRow(rows: string, what: RequestKind | { readonly sql: string }, by: string): string {
  const said = typeof what === 'string' ? `'${what}'` : what.sql;
  return `withRequestRow AS (INSERT INTO import_requests (import, what, by) SELECT id, ${said}, ${by}::text FROM ${rows})`;
}

/** The first requests about some imports, oldest first. */
export async function readRequests(
  database: Database,
  imports: readonly number[],
  count: number,
): Promise<RequestRow[]> {
  const rows = await database.query<{ what: RequestKind; at: string; by: Requester }>(
    `SELECT what, ${micros('at')} AS at, by FROM import_requests
     WHERE import = ANY ($1::int[]) ORDER BY id LIMIT $2`,
    [imports, count],
  );
  return rows.map(({ at, ...row }) => ({ ...row, at: Number(at) }));
}
