import { mergeRanges, type Range } from '../engine/ranges.ts';
import {
  clipVersions,
  foldVersions,
  mergeVersions,
  type Points,
  sliceVersions,
  type Versions,
} from '../engine/versions.ts';
import { type BinaryRows, readBinary } from './binary-in.ts';
import type { Database } from './connect.ts';

export { everything, type Range } from '../engine/ranges.ts';

/** The number of blocks in the first and in the largest step of a walk: about 4,000 and 260,000 points. */
export const stepBlocksMin = 2;
export const stepBlocksMax = 64;
export const stepGrowth = 4;

/** Unpublished blocks that are read as if the stage were published at its revision. */
export interface StageView {
  readonly id: string;
  readonly revision: number;
}

/** The columns of a block that `blockReader` reads, and their nulls. */
export const freshColumns = 'revision AS base, from_t, versions, t, value, size, NULL::bytea AS offsets';
export const sealedColumns = 'base_revision AS base, from_t, versions, t, value, size, offsets';
export const noColumns = 'NULL::bigint, NULL::bigint, NULL::int, NULL::bytea, NULL::bytea, NULL::bytea, NULL::bytea';
export const columnsCount = 7;

/** A span in numbers, or in SQL. */
interface SpanSql {
  readonly from: number | string;
  readonly to: number | string;
}

/** The sealed blocks of a span. They are disjoint, so at most one begins before the span. */
export function sealedIn(series: number | string, { from, to }: SpanSql): string {
  return `FROM sealed_blocks WHERE series = ${series} AND from_t < ${to} AND to_t >= ${from} AND from_t >= coalesce(
    (SELECT max(from_t) FROM sealed_blocks WHERE series = ${series} AND from_t <= ${from}), ${from})`;
}

function there(stage: StageView | undefined): string {
  return stage ? `(revision IS NOT NULL OR stage = '${stage.id}')` : 'revision IS NOT NULL';
}

function freshColumnsOf(stage: StageView | undefined): string {
  return stage ? freshColumns.replace('revision', `coalesce(revision, ${stage.revision})`) : freshColumns;
}

export function freshIn(series: number | string, { from, to }: SpanSql, stage?: StageView): string {
  return `FROM fresh_blocks WHERE series = ${series} AND ${there(stage)} AND from_t < ${to} AND to_t >= ${from}`;
}

/**
 * Reads the columns of a block (freshColumns, sealedColumns) of each row, after `before` other fields. All blocks share
 * the same arrays, so consecutive blocks are joined without a copy.
 */
export function blockReader(rows: BinaryRows, before = 0): () => Versions {
  const length = rows.sumAhead(before + 2);
  const t = new Float64Array(length);
  const revision = new Float64Array(length);
  const value = new Float64Array(length);
  let sizes: Float64Array | undefined;
  let at = 0;
  return () => {
    const base = rows.int8();
    const from = rows.int8();
    const start = at;
    at += rows.int4();
    const block = {
      t: t.subarray(start, at),
      revision: revision.subarray(start, at),
      value: value.subarray(start, at),
    };
    rows.packedInstants(from, block.t);
    if (!rows.packedFloat8s(block.value)) throw new Error('a block without values');
    let size: Float64Array | undefined;
    if (rows.isNull()) rows.skip(1);
    else {
      sizes ??= new Float64Array(length);
      size = sizes.subarray(start, at);
      rows.packedFloat8s(size);
    }
    rows.packedRevisions(base, block.revision);
    return { ...block, size };
  };
}

/** All versions of the instants of a span, in one snapshot. */
export async function readVersions(
  database: Database,
  series: number,
  range: Range,
  stage?: StageView,
): Promise<Versions> {
  if (range.from >= range.to) return mergeVersions([]);
  const rows = await readBinary(
    database,
    `SELECT ${sealedColumns} ${sealedIn(series, range)} UNION ALL SELECT ${freshColumnsOf(stage)} ${freshIn(series, range, stage)}`,
  );
  const block = blockReader(rows);
  const runs: Versions[] = [];
  while (rows.next()) runs.push(clipVersions(block(), range.from, range.to));
  return mergeVersions(runs);
}

/** A step of a walk: a part of the range, all its versions, and the last instant that any version of the series has. */
export interface BlockStep {
  readonly range: Range;
  readonly versions: Versions;
  readonly last: number;
}

/** A request for a number of blocks from one end of a range. */
export interface BlockStepRequest {
  readonly series: number;
  readonly range: Range;
  readonly direction: 'forward' | 'backward';
  readonly blocks: number;
  readonly stage?: StageView | undefined;
}

/** Reads a step, alone or in a batch. */
export type BlockStepReader = (asked: BlockStepRequest) => Promise<BlockStep>;

/** Reads steps that share a direction and a stage, in one statement. */
export async function readSteps(
  database: Database,
  asked: readonly BlockStepRequest[],
  { direction, stage }: Pick<BlockStepRequest, 'direction' | 'stage'>,
): Promise<BlockStep[]> {
  const forward = direction === 'forward';
  const list = asked.map(
    ({ series, range, blocks }, n) => `(${n}, ${series}, ${range.from}::bigint, ${range.to}::bigint, ${blocks})`,
  );
  const whole = { from: 'low', to: 'high' };
  const edges = (source: string, order: string) =>
    forward
      ? `(SELECT from_t AS edge ${source} AND from_t > low ORDER BY from_t LIMIT blocks)`
      : `(SELECT to_t + 1 AS edge ${source} AND to_t + 1 < high ORDER BY ${order} DESC LIMIT blocks)`;
  const part = forward ? { from: 'low', to: 'at' } : { from: 'at', to: 'high' };
  const rows = await readBinary(
    database,
    `WITH asked (n, storage, low, high, blocks) AS (VALUES ${list.join(',')}),
       cut AS MATERIALIZED (SELECT n, storage, low, high, coalesce((
           SELECT edge FROM (${edges(sealedIn('storage', whole), 'from_t')}
             UNION ALL ${edges(freshIn('storage', whole, stage), 'to_t')}) AS block
           ORDER BY edge ${forward ? '' : 'DESC'} OFFSET blocks - 1 LIMIT 1), ${forward ? 'high' : 'low'}) AS at
         FROM asked)
     SELECT n, at, greatest(
         (SELECT to_t FROM sealed_blocks WHERE series = storage ORDER BY from_t DESC LIMIT 1),
         (SELECT max(to_t) FROM fresh_blocks WHERE series = storage AND ${there(stage)})), ${noColumns} FROM cut
     UNION ALL SELECT n, NULL, NULL, block.* FROM cut, LATERAL (
       (SELECT ${sealedColumns} ${sealedIn('storage', part)} OFFSET 0)
       UNION ALL (SELECT ${freshColumnsOf(stage)} ${freshIn('storage', part, stage)} OFFSET 0)) AS block`,
  );
  const block = blockReader(rows, 3);
  const ranges = asked.map(({ range }) => range);
  const lasts = asked.map(() => Number.NEGATIVE_INFINITY);
  const runs: Versions[][] = asked.map(() => []);
  while (rows.next()) {
    const n = rows.int4();
    if (rows.isNull()) {
      rows.skip(2);
      runs[n].push(block());
      continue;
    }
    const at = rows.int8();
    ranges[n] = forward ? { from: ranges[n].from, to: at } : { from: at, to: ranges[n].to };
    if (rows.isNull()) rows.skip(1);
    else lasts[n] = rows.int8();
    rows.skip(columnsCount);
  }
  return ranges.map((range, n) => ({
    range,
    last: lasts[n],
    versions: mergeVersions(runs[n].map((run) => clipVersions(run, range.from, range.to))),
  }));
}

function stepsOf(database: Database): BlockStepReader {
  return async (asked) => (await readSteps(database, [asked], asked))[0];
}

/** Walks a range from either end, in steps of bounded memory. */
export async function* walkSteps(
  read: BlockStepReader,
  { series, range, direction, stage }: Omit<BlockStepRequest, 'blocks'>,
): AsyncGenerator<BlockStep> {
  let rest = range;
  for (let blocks = stepBlocksMin; rest.from < rest.to; blocks = Math.min(blocks * stepGrowth, stepBlocksMax)) {
    const step = await read({ series, range: rest, direction, blocks, stage });
    rest = direction === 'forward' ? { from: step.range.to, to: rest.to } : { from: rest.from, to: step.range.from };
    yield step;
  }
}

export function walkVersions(database: Database, series: number, range: Range): AsyncGenerator<BlockStep> {
  return walkSteps(stepsOf(database), { series, range, direction: 'forward' });
}

/** The first or last `count` points of a span at a revision, in ascending order. */
export function readPoints(
  database: Database,
  series: number,
  range: Range,
  asOf: number,
  count: number,
  end: 'first' | 'last',
): Promise<Points> {
  const direction = end === 'first' ? 'forward' : 'backward';
  return pointsOfSteps(walkSteps(stepsOf(database), { series, range, direction }), asOf, count, end);
}

/** The first `count` points of a walk. `end` tells at which end of the series the walk began. */
export async function pointsOfSteps(
  steps: AsyncGenerator<BlockStep>,
  asOf: number,
  count: number,
  end: 'first' | 'last',
): Promise<Points> {
  const parts: Points[] = [];
  let missing = count;
  if (missing <= 0) return mergeVersions([]);
  for await (const step of steps) {
    const points = foldVersions(step.versions, asOf);
    const length = points.t.length;
    const part =
      end === 'first'
        ? sliceVersions(points, 0, Math.min(missing, length))
        : sliceVersions(points, Math.max(0, length - missing), length);
    parts.push(part);
    missing -= part.t.length;
    if (missing === 0) break;
  }
  return mergeVersions(parts);
}

/** Every version of one instant, oldest first. */
export async function readInstant(database: Database, series: number, t: number): Promise<Versions> {
  return readVersions(database, series, { from: t, to: t + 1 });
}

/** The range from the first to the last instant of a series' blocks; undefined for a series without blocks. */
export async function readExtent(database: Database, series: number): Promise<Range | undefined> {
  const [row] = await database.query<{ from: string | null; to: string | null }>(
    `SELECT min(low) AS from, max(high) AS to FROM (
       (SELECT from_t AS low, NULL::bigint AS high FROM sealed_blocks WHERE series = ${series} ORDER BY from_t LIMIT 1)
       UNION ALL (SELECT NULL, to_t FROM sealed_blocks WHERE series = ${series} ORDER BY from_t DESC LIMIT 1)
       UNION ALL SELECT min(from_t), max(to_t) FROM fresh_blocks WHERE series = ${series} AND revision IS NOT NULL
     ) AS block`,
  );
  if (row.from === null || row.to === null) return undefined;
  return { from: Number(row.from), to: Number(row.to) + 1 };
}

/** For each series: the last revision up to `asOf` in those of its sealed blocks that also hold later revisions. */
export async function readMixedRevisions(
  database: Database,
  ids: readonly number[],
  asOf: number,
): Promise<Map<number, number>> {
  const last = new Map<number, number>();
  const rows = await readBinary(
    database,
    `SELECT series, base_revision, versions, offsets FROM sealed_blocks
     WHERE series IN (${ids.join(',')}) AND max_revision > ${asOf} AND base_revision <= ${asOf}`,
  );
  while (rows.next()) {
    const series = rows.int4();
    const base = rows.int8();
    const revisions = new Float64Array(rows.int4());
    rows.packedRevisions(base, revisions);
    const upTo = revisions.reduce((max, revision) => (revision <= asOf && revision > max ? revision : max), 0);
    last.set(series, Math.max(last.get(series) ?? 0, upTo));
  }
  return last;
}

/** The range from the first to the last instant of a series' blocks in a stage. */
export async function readStagedExtent(database: Database, series: number, stage: string): Promise<Range | undefined> {
  const [row] = await database.query<{ from: string | null; to: string | null }>(
    'SELECT min(from_t) AS from, max(to_t) AS to FROM fresh_blocks WHERE series = $1 AND stage = $2::uuid',
    [series, stage],
  );
  return row.from === null || row.to === null ? undefined : { from: Number(row.from), to: Number(row.to) + 1 };
}

/** The ranges of the blocks that hold versions of (after, to], merged where they touch, in ascending order. */
export async function readTouched(
  database: Database,
  series: number,
  after: number,
  to: number,
  range: Range,
): Promise<Range[]> {
  const rows = await database.query<{ from: string; to: string }>(
    `SELECT from_t AS from, to_t + 1 AS to FROM fresh_blocks
       WHERE series = ${series} AND revision > ${after} AND revision <= ${to} AND from_t < ${range.to} AND to_t >= ${range.from}
     UNION ALL SELECT from_t, to_t + 1 FROM sealed_blocks
       WHERE series = ${series} AND max_revision > ${after} AND base_revision <= ${to} AND from_t < ${range.to} AND to_t >= ${range.from}
     ORDER BY 1`,
  );
  return mergeRanges(
    rows.map((row) => ({ from: Math.max(Number(row.from), range.from), to: Math.min(Number(row.to), range.to) })),
  );
}
