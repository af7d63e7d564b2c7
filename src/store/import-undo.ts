import type { Database } from './connect.ts';

/** All revisions of an import: those that wrote it, and those that took it back. */
export async function revisionsOf(database: Database, id: number): Promise<number[]> {
  const rows = await database.query<{ revision: string }>(
    'SELECT revision FROM commits WHERE import = $1 ORDER BY revision',
    [id],
  );
  return rows.map(({ revision }) => Number(revision));
}

/** Living series whose blocks may hold something of these revisions. */
export async function seriesOfRevisions(database: Database, revisions: readonly number[]): Promise<number[]> {
  if (revisions.length === 0) return [];
  const rows = await database.query<{ series: number }>(
    `SELECT id AS series FROM series WHERE kind = 'SOURCE' AND deleted_revision IS NULL AND id IN (
       SELECT series FROM fresh_blocks WHERE revision = ANY ($1::bigint[])
       UNION SELECT series FROM sealed_blocks WHERE max_revision >= $2 AND base_revision <= $3)
     ORDER BY id`,
    [revisions, Math.min(...revisions), Math.max(...revisions)],
  );
  return rows.map(({ series }) => series);
}
