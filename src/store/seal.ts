import { everything, type Range } from '../engine/ranges.ts';
import { packChunks, packTally, Tally } from '../engine/tally.ts';
import { clipVersions, foldVersions, mergeVersions, type Versions } from '../engine/versions.ts';
import { readBinary } from './binary-in.ts';
import { byteaArray, float8Array, int4Array, int8Array } from './binary-out.ts';
import { blockParameters, blockValues, packBlocks, releaseBlocks } from './block-columns.ts';
import { blockReader, freshColumns, sealedColumns } from './block-reads.ts';
import type { Database } from './connect.ts';
import { putRevisions, type Width, widthOfRevisions } from './packed-columns.ts';
import { cutVersions, forget, planSeal, type SealedHead, sealSizes, splitAt } from './seal-plan.ts';

export interface SealAnswer {
  /** The number of merged versions; 0 when there was nothing to do or another process was faster. */
  readonly versions: number;
  /** True when fresh blocks are left. */
  readonly more: boolean;
}

/** The blocks that a pass replaces, read at a seal count, and their replacements. */
interface Pass {
  readonly sealCount: number;
  readonly fresh: readonly number[];
  readonly sealed: readonly number[];
  readonly blocks: readonly Versions[];
  /** The parts of fresh blocks after the end of the pass. They stay fresh. */
  readonly rests: readonly Versions[];
}

async function readBlocks(
  database: Database,
  series: number,
  table: string,
  columns: string,
  ids: readonly number[],
): Promise<Versions[]> {
  if (ids.length === 0) return [];
  const blocks: Versions[] = [];
  const rows = await readBinary(
    database,
    `SELECT ${columns} FROM ${table} WHERE series = ${series} AND id IN (${ids.join(',')})`,
  );
  const block = blockReader(rows);
  while (rows.next()) blocks.push(block());
  return blocks;
}

/** The sealed blocks of a span and the one before it, in ascending order. */
async function readSealedHeads(
  database: Database,
  series: number,
  span: Range,
  passHeadsMax: number,
): Promise<SealedHead[]> {
  const rows = await database.query<{ id: string; from: string; to: string; versions: number }>(
    `SELECT id, from_t AS from, to_t AS to, versions FROM sealed_blocks WHERE series = ${series} AND from_t < ${span.to} AND from_t >= coalesce(
       (SELECT max(from_t) FROM sealed_blocks WHERE series = ${series} AND from_t <= ${span.from}), ${span.from})
     ORDER BY from_t LIMIT ${passHeadsMax}`,
  );
  return rows.map((row) => ({
    id: Number(row.id),
    from: Number(row.from),
    to: Number(row.to),
    versions: row.versions,
  }));
}

/**
 * Merges fresh blocks of a series into sealed ones, in one pass of bounded size. Reads at any revision give the same as
 * before; with a horizon, versions that no readable revision needs are dropped.
 */
export async function sealSeries(
  database: Database,
  series: number,
  horizon = 0,
  sizes = sealSizes,
): Promise<SealAnswer> {
  const [counted] = await database.query<{ seal_count: string }>(
    `SELECT seal_count FROM series WHERE id = ${series} AND deleted_revision IS NULL`,
  );
  if (!counted) return { versions: 0, more: false };
  const waiting = await database.query<{ id: string; total: string }>(
    `SELECT id, sum(versions) OVER (ORDER BY from_t, id) AS total FROM fresh_blocks
     WHERE series = ${series} AND revision IS NOT NULL ORDER BY from_t, id LIMIT ${sizes.passBlocksMax}`,
  );
  if (waiting.length === 0) return { versions: 0, more: false };
  const enough = waiting.findIndex((row) => Number(row.total) > sizes.passVersionsMax);
  const fresh = (enough < 0 ? waiting : waiting.slice(0, Math.max(1, enough))).map((row) => Number(row.id));
  const runs = await readBlocks(database, series, 'fresh_blocks', freshColumns, fresh);
  const said = mergeVersions(runs);
  const span = { from: said.t[0], to: said.t[said.t.length - 1] + 1 };
  const plan = planSeal(said.t, await readSealedHeads(database, series, span, sizes.passHeadsMax), sizes);
  const old = await readBlocks(database, series, 'sealed_blocks', sealedColumns, plan.replaced);
  if (runs.length !== fresh.length || old.length !== plan.replaced.length) return { versions: 0, more: true };
  const merged = mergeVersions([clipVersions(said, everything.from, plan.cut), ...old]);
  // A deletion must stay longer than the versions that it deletes, which may be in a fresh block outside this pass.
  const isAll = fresh.length === waiting.length && waiting.length < sizes.passBlocksMax;
  const pass: Pass = {
    sealCount: Number(counted.seal_count),
    fresh,
    sealed: plan.replaced,
    blocks: splitAt(merged, plan.walls)
      .map((part) => forget(part, isAll ? horizon : 0))
      .filter((part) => part.t.length > 0)
      .flatMap((part) => cutVersions(part, sizes.blockVersions)),
    rests: runs.map((run) => clipVersions(run, plan.cut, everything.to)).filter((rest) => rest.t.length > 0),
  };
  const sealed = await replaceBlocks(database, series, pass, sizes.chunkVersions);
  return {
    versions: sealed ? merged.t.length : 0,
    more: !sealed || pass.rests.length > 0 || fresh.length < waiting.length,
  };
}

/**
 * Drops old versions from sealed blocks. Returns the id of the last block seen, to continue from, or undefined at the
 * end. Does nothing until all blocks up to the horizon are sealed.
 */
export async function forgetSealed(
  database: Database,
  series: number,
  horizon: number,
  afterId: number,
): Promise<number | undefined> {
  const [counted] = await database.query<{ seal_count: string; ids: string[] | null }>(
    `SELECT seal_count, (SELECT array_agg(id ORDER BY id) FROM (
       SELECT id FROM sealed_blocks WHERE series = ${series} AND id > ${afterId} AND versions > points AND base_revision <= ${horizon}
       ORDER BY id LIMIT 32) AS block) AS ids
     FROM series WHERE id = ${series} AND deleted_revision IS NULL
       AND NOT EXISTS (SELECT FROM fresh_blocks WHERE fresh_blocks.series = ${series} AND revision <= ${horizon})`,
  );
  if (!counted?.ids) return undefined;
  const ids = counted.ids.map(Number);
  const sealed: number[] = [];
  const blocks: Versions[] = [];
  for (const id of ids) {
    const [block] = await readBlocks(database, series, 'sealed_blocks', sealedColumns, [id]);
    const kept = block && forget(block, horizon);
    if (!kept || kept === block) continue;
    sealed.push(id);
    if (kept.t.length > 0) blocks.push(kept);
  }
  if (sealed.length > 0)
    await replaceBlocks(
      database,
      series,
      {
        sealCount: Number(counted.seal_count),
        fresh: [],
        sealed,
        blocks,
        rests: [],
      },
      sealSizes.chunkVersions,
    );
  return ids[ids.length - 1];
}

interface Described {
  readonly head: { readonly base: number; readonly max: number; readonly points: number; readonly rest: boolean };
  readonly width: Width | undefined;
  readonly summary: number[];
  readonly chunks: number[];
}

function describe(block: Versions, rest: boolean, chunkVersions: number): Described {
  const { base, max, width } = widthOfRevisions(block.revision);
  const points = foldVersions(block, Number.POSITIVE_INFINITY);
  const tally = new Tally();
  for (let i = 0; i < points.t.length; i++) tally.add(points, i);
  return {
    head: { base, max, points: points.t.length, rest },
    width,
    summary: packTally(tally),
    chunks: packChunks(block.t, points, chunkVersions),
  };
}

/** The start of each array in the concatenation, from 1, and the position after the last. */
function startsOf(arrays: readonly (readonly number[])[]): number[] {
  const starts = [1];
  for (const array of arrays) starts.push(starts[starts.length - 1] + array.length);
  return starts;
}

function hasSizes({ size }: Versions): boolean {
  return size?.some((one) => !Number.isNaN(one)) ?? false;
}

async function replaceBlocks(database: Database, series: number, pass: Pass, chunkVersions: number): Promise<boolean> {
  const blocks = [...pass.blocks, ...pass.rests];
  const described = blocks.map((block, i) => describe(block, i >= pass.blocks.length, chunkVersions));
  const packed = packBlocks(blocks.map((block) => ({ ...block, size: hasSizes(block) ? block.size : undefined })));
  const offsets = byteaArray(
    described.map(({ width }) => width?.length),
    (to, at, i) => {
      const { head, width } = described[i];
      if (width) putRevisions(to, at, blocks[i].revision, head.base, width);
    },
  );
  const summaries = described.map(({ summary }) => summary);
  const chunks = described.map((description) => description.chunks);
  // No caller waits for the disk here: after a crash the blocks are as before, with the same content.
  const [row] = await database.query<{ sealed: boolean }>(
    `SELECT set_config('synchronous_commit', 'off', true), tidemark_seal($1::int, $2::bigint, $3::bigint[], $4::bigint[], $5::jsonb,
       $6::float8[], $7::int[], $8::float8[], $9::int[], $10::bytea[], ${blockParameters(11)}) AS sealed`,
    [
      series,
      pass.sealCount,
      int8Array(pass.fresh),
      int8Array(pass.sealed),
      JSON.stringify(described.map(({ head }) => head)),
      float8Array(summaries.flat()),
      int4Array(startsOf(summaries)),
      float8Array(chunks.flat()),
      int4Array(startsOf(chunks)),
      offsets,
      ...blockValues(packed),
    ],
  );
  releaseBlocks(packed);
  return row.sealed;
}
