import type { Database } from '../connect.ts';

export interface RejectRow {
  /** Its position among the rejected rows of its import. */
  readonly place: number;
  readonly line: number;
  readonly column: string | null;
  readonly reason: string;
}

/** The first rejected rows after a position, in the order of the file. */
export async function readRejects(database: Database, id: number, count: number, behind = -1): Promise<RejectRow[]> {
  const rows = await database.query<{ place: string; line: string; column: string | null; reason: string }>(
    `SELECT place, line, "column", reason FROM import_rejects WHERE import = $1 AND place > $2 ORDER BY place LIMIT $3`,
    [id, behind, count],
  );
  return rows.map(({ column, reason, ...row }) => ({
    place: Number(row.place),
    line: Number(row.line),
    column,
    reason,
  }));
}
