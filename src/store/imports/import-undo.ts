import { mergeRanges, type Range } from '../../engine/ranges.ts';
import type { Database } from '../connect.ts';

/** All revisions of an import, including those of its undo. */
export async function revisionsOf(database: Database, id: number): Promise<number[]> {
  const rows = await database.query<{ revision: string }>(
    'SELECT revision FROM commits WHERE import = $1 ORDER BY revision',
    [id],
  );
  return rows.map(({ revision }) => Number(revision));
}

/** Series, not deleted, whose blocks may hold versions of these revisions. */
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

/** The ranges of blocks that may hold versions of these revisions, merged and in ascending order. */
export async function touchedOf(
  database: Database,
  series: readonly number[],
  { first, last }: { readonly first: number; readonly last: number },
): Promise<{ readonly series: number; readonly range: Range }[]> {
  const rows = await database.query<{ id: number; from: string; to: string }>(
    `SELECT storage AS id, from_t AS from, to_t + 1 AS to FROM unnest($1::int[]) AS storage, LATERAL (
       SELECT from_t, to_t FROM fresh_blocks WHERE series = storage AND revision BETWEEN $2 AND $3
       UNION ALL SELECT from_t, to_t FROM sealed_blocks WHERE series = storage AND max_revision >= $2 AND base_revision <= $3) AS block
     ORDER BY storage, from_t`,
    [series, first, last],
  );
  const ranges = new Map<number, Range[]>();
  for (const { id, from, to } of rows) {
    const known = ranges.get(id) ?? [];
    ranges.set(id, known);
    known.push({ from: Number(from), to: Number(to) });
  }
  return [...ranges].flatMap(([id, blocks]) => mergeRanges(blocks).map((range) => ({ series: id, range })));
}
