import { once } from './world.ts';

export interface BytesAtRest {
  /** Blocks with their indexes. */
  readonly blocks: number;
  /** The journal of revisions. */
  readonly commits: number;
}

/** What the tables take on the disk when nothing is going on. */
export async function bytesAtRest(url: string): Promise<BytesAtRest> {
  await once(url, 'VACUUM (ANALYZE) sealed_blocks, fresh_blocks, commits, batches');
  const [row] = await once<{ blocks: string; commits: string }>(
    url,
    `SELECT pg_total_relation_size('sealed_blocks') + pg_total_relation_size('fresh_blocks') AS blocks,
       pg_total_relation_size('commits') + pg_total_relation_size('batches') AS commits`,
  );
  return { blocks: Number(row.blocks), commits: Number(row.commits) };
}
