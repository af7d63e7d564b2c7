import { batchesOf } from '../engine/batches.ts';
import { everything } from '../engine/ranges.ts';
import { clipVersions, foldVersions, mergeVersions, type Points, type Versions } from '../engine/versions.ts';
import { readBinary } from './binary-in.ts';
import { blockReader, freshColumns, readPoints } from './block-reads.ts';
import type { Database } from './connect.ts';

export interface PointRow {
  readonly t: number;
  readonly value: number;
  /** undefined when the point has no size. */
  readonly size: number | undefined;
  readonly revision: number;
}

export function pointAt(points: Points, i: number): PointRow {
  const size = points.size?.[i];
  return {
    t: points.t[i],
    value: points.value[i],
    size: size === undefined || Number.isNaN(size) ? undefined : size,
    revision: points.revision[i],
  };
}

/** A series that was just imported has thousands of fresh blocks. */
const blocksMax = 32;

/**
 * The last point of each series at a revision. One statement reads the fresh blocks after the last sealed instant; a
 * series without a point there takes statements of its own.
 */
export async function readLasts(
  database: Database,
  ids: readonly number[],
  asOf: number,
): Promise<Map<number, PointRow>> {
  const rows = await readBinary(
    database,
    `SELECT wanted.id, coalesce(tail.to_t, ${everything.from}), block.* FROM unnest(ARRAY[${ids.join(',')}]::int[]) AS wanted (id)
     LEFT JOIN LATERAL (SELECT to_t FROM sealed_blocks WHERE series = wanted.id ORDER BY from_t DESC LIMIT 1) AS tail ON true
     JOIN LATERAL (
       SELECT ${freshColumns} FROM fresh_blocks
       WHERE series = wanted.id AND revision <= ${asOf} AND to_t > coalesce(tail.to_t, ${everything.from})
       ORDER BY to_t DESC LIMIT ${blocksMax}
     ) AS block ON true`,
  );
  const runs = new Map<number, { sealedTo: number; blocks: Versions[] }>();
  const block = blockReader(rows, 2);
  while (rows.next()) {
    const id = rows.int4();
    const sealedTo = rows.int8();
    const run = runs.get(id);
    if (run) run.blocks.push(block());
    else runs.set(id, { sealedTo, blocks: [block()] });
  }
  const lasts = new Map<number, PointRow>();
  const others = ids.filter((id) => {
    const { sealedTo, blocks } = runs.get(id) ?? { sealedTo: everything.from, blocks: [] };
    // The blocks beyond the limit end no later than the first of these.
    const leftTo = blocks.length < blocksMax ? everything.from : Math.min(...blocks.map(({ t }) => t[t.length - 1]));
    const from = Math.max(sealedTo, leftTo) + 1;
    const tail = mergeVersions(blocks.map((versions) => clipVersions(versions, from, everything.to)));
    const points = foldVersions(tail, asOf);
    if (points.t.length === 0) return true;
    lasts.set(id, pointAt(points, points.t.length - 1));
    return false;
  });
  for (const some of batchesOf(others, { weightMax: 8 })) {
    await Promise.all(
      some.map(async (id) => {
        const points = await readPoints(database, id, everything, asOf, 1, 'last');
        if (points.t.length > 0) lasts.set(id, pointAt(points, 0));
      }),
    );
  }
  return lasts;
}
