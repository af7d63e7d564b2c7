import { batchesOf } from '../engine/batches.ts';
import type { Grid } from '../engine/bucket.ts';
import type { Range } from '../engine/ranges.ts';
import { packedExtremes, Tally, unpackChunks } from '../engine/tally.ts';
import {
  clipVersions,
  foldVersions,
  lowerBound,
  mergeVersions,
  type Points,
  sliceVersions,
  type Versions,
} from '../engine/versions.ts';
import { readBinary } from './binary-in.ts';
import { blockReader, columnsCount, freshColumns, freshIn, noColumns, sealedColumns, sealedIn } from './block-reads.ts';
import type { Database } from './connect.ts';

/** EXTREMES omits sums, first, last and counts, and so opens far fewer blocks. */
export type TallyNeed = 'EXTREMES' | 'ALL';

/** Tallies by the index of their bucket; buckets without points are absent. */
export type Tallies = Map<number, Tally>;

interface SealedHead {
  readonly id: number;
  readonly from: number;
  /** Inclusive. */
  readonly to: number;
  readonly maxRevision: number;
  readonly summary: Float64Array;
  readonly chunks: Float64Array | undefined;
}

interface Snapshot {
  readonly heads: SealedHead[];
  readonly fresh: Versions;
}

/**
 * The heads of the sealed blocks, and the fresh blocks themselves, in one snapshot. Chunks are read only for blocks
 * that may lie in two buckets; `width` is that of a uniform grid.
 */
async function readSnapshot(
  database: Database,
  series: number,
  range: Range,
  width: number | undefined,
  need: TallyNeed,
): Promise<Snapshot> {
  const extremes = need === 'EXTREMES';
  const chunks =
    width === undefined || !extremes
      ? 'NULL::float8[]'
      : `CASE WHEN from_t / ${width} <> to_t / ${width} OR from_t < ${range.from} OR to_t >= ${range.to} THEN chunks END`;
  const rows = await readBinary(
    database,
    `SELECT id, from_t, to_t, max_revision, ${extremes ? `summary${packedExtremes}` : 'summary'}, ${chunks}, ${noColumns} ${sealedIn(series, range)}
     UNION ALL SELECT 0, 0, 0, 0, NULL, NULL, ${freshColumns} ${freshIn(series, range)}`,
  );
  const heads: SealedHead[] = [];
  const runs: Versions[] = [];
  const block = blockReader(rows, 6);
  while (rows.next()) {
    const id = rows.int8();
    const from = rows.int8();
    const to = rows.int8();
    const maxRevision = rows.int8();
    const summary = rows.float8s();
    const parts = rows.float8s();
    if (summary) {
      rows.skip(columnsCount);
      heads.push({ id, from, to, maxRevision, summary, chunks: parts });
    } else {
      runs.push(clipVersions(block(), range.from, range.to));
    }
  }
  heads.sort((a, b) => a.from - b.from);
  return { heads, fresh: mergeVersions(runs) };
}

/** Whole blocks by id; undefined when a compaction has replaced one of them since its head was read. */
async function readOpened(database: Database, ids: readonly number[]): Promise<Map<number, Versions> | undefined> {
  const opened = new Map<number, Versions>();
  for (const some of batchesOf(ids, { weightMax: 64 })) {
    const rows = await readBinary(
      database,
      `SELECT id, ${sealedColumns} FROM sealed_blocks WHERE id IN (${some.join(',')})`,
    );
    const block = blockReader(rows, 1);
    while (rows.next()) {
      const id = rows.int8();
      opened.set(id, block());
    }
  }
  return opened.size === ids.length ? opened : undefined;
}

function visible(versions: Versions, asOf: number): Versions {
  if (versions.revision.every((revision) => revision <= asOf)) return versions;
  const kept: number[] = [];
  versions.revision.forEach((revision, i) => {
    if (revision <= asOf) kept.push(i);
  });
  const pick = (column: Float64Array) => Float64Array.from(kept, (i) => column[i]);
  return {
    t: pick(versions.t),
    revision: pick(versions.revision),
    value: pick(versions.value),
    size: versions.size && pick(versions.size),
  };
}

/** Collects tallies by bucket. Points come in any order. */
class Gathering {
  readonly tallies: Tallies = new Map();
  readonly #grid: Grid;
  readonly #need: TallyNeed;

  constructor(grid: Grid, need: TallyNeed) {
    this.#grid = grid;
    this.#need = need;
  }

  at(index: number): Tally {
    let tally = this.tallies.get(index);
    if (!tally) {
      tally = new Tally();
      this.tallies.set(index, tally);
    }
    return tally;
  }

  add(points: Points): void {
    let tally = new Tally();
    let end = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < points.t.length; i++) {
      if (points.t[i] >= end) {
        const index = this.#grid.indexOf(points.t[i]);
        tally = this.at(index);
        end = this.#grid.startOf(index + 1);
      }
      if (this.#need === 'ALL') tally.add(points, i);
      else tally.addExtremes(points, i);
    }
  }

  addSummary(index: number, summary: Float64Array): void {
    if (this.#need === 'ALL') this.at(index).addPacked(summary);
    else this.at(index).addPackedExtremes(summary);
  }

  /** The index of the bucket that [from, to] lies in, if it lies in one bucket and in the range. */
  bucketAround(from: number, to: number, range: Range): number | undefined {
    if (from < range.from || to >= range.to) return undefined;
    const index = this.#grid.indexOf(from);
    return to < this.#grid.startOf(index + 1) ? index : undefined;
  }

  /**
   * True when a part that lies in several buckets may hold an unknown extreme. Its own extremes are known with their
   * instants and are already entered; every other bucket that it touches must already have more extreme values.
   */
  mayMatter(
    part: { from: number; to: number; minT: number; min: number; maxT: number; max: number },
    range: Range,
  ): boolean {
    if (part.min > part.max) return false;
    if (part.from < range.from || part.to >= range.to) return true;
    this.at(this.#grid.indexOf(part.minT)).seeLow(part.minT, part.min);
    this.at(this.#grid.indexOf(part.maxT)).seeHigh(part.maxT, part.max);
    const last = this.#grid.indexOf(part.to);
    for (let index = this.#grid.indexOf(part.from); index <= last; index++) {
      const known = this.tallies.get(index);
      if (!known) return true;
      const earliest = Math.max(part.from, this.#grid.startOf(index));
      const couldBeat = (value: number, best: number, bestT: number, sign: number) =>
        value * sign > best * sign || (value === best && earliest < bestT);
      if (this.#grid.indexOf(part.minT) !== index && couldBeat(part.min, known.min, known.minT, -1)) return true;
      if (this.#grid.indexOf(part.maxT) !== index && couldBeat(part.max, known.max, known.maxT, 1)) return true;
    }
    return false;
  }
}

/** Compactions between two reads are rare. This many in a row do not happen. */
const attemptsMax = 20;

/**
 * The tally of each bucket of a grid at a revision. Blocks that lie in one bucket are not opened; with EXTREMES, only
 * blocks that could hold an extreme are. So the cost grows with the buckets, hardly with the points.
 */
export async function readTallies(
  database: Database,
  series: number,
  range: Range,
  asOf: number,
  grid: Grid & { readonly width?: number },
  need: TallyNeed,
): Promise<Tallies> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const tallies = await tryTallies(database, series, range, asOf, grid, need);
    if (tallies) return tallies;
  }
  throw new Error(`series ${series} is compacted faster than it can be read`);
}

async function tryTallies(
  database: Database,
  series: number,
  range: Range,
  asOf: number,
  grid: Grid & { readonly width?: number },
  need: TallyNeed,
): Promise<Tallies | undefined> {
  const snapshot = await readSnapshot(database, series, range, grid.width, need);
  const fresh = visible(snapshot.fresh, asOf);
  const gathering = new Gathering(grid, need);
  const toOpen: SealedHead[] = [];
  const crossing: SealedHead[] = [];
  let done = 0;
  for (const head of snapshot.heads) {
    const start = lowerBound(fresh.t, head.from);
    const end = lowerBound(fresh.t, head.to + 1);
    gathering.add(foldVersions(sliceVersions(fresh, done, Math.max(done, start)), asOf));
    done = Math.max(done, end);
    const index = gathering.bucketAround(head.from, head.to, range);
    if (end > start || head.maxRevision > asOf) toOpen.push(head);
    else if (index !== undefined) gathering.addSummary(index, head.summary);
    else if (head.chunks && need === 'EXTREMES') crossing.push(head);
    else toOpen.push(head);
  }
  gathering.add(foldVersions(sliceVersions(fresh, done, fresh.t.length), asOf));

  const parts = crossing.flatMap((head) => partsOf(head));
  const undecided: (Part & { head: SealedHead })[] = [];
  for (const part of parts) {
    const index = gathering.bucketAround(part.from, part.to, range);
    if (index === undefined) {
      undecided.push(part);
    } else if (part.min <= part.max) {
      const tally = gathering.at(index);
      tally.seeLow(part.minT, part.min);
      tally.seeHigh(part.maxT, part.max);
    }
  }
  const needed = undecided.filter((part) => gathering.mayMatter(part, range));
  const opened = await readOpened(database, [
    ...new Set([...toOpen, ...needed.map((part) => part.head)].map((head) => head.id)),
  ]);
  if (!opened) return undefined;
  for (const head of toOpen) {
    const said = [opened.get(head.id) ?? mergeVersions([]), clipVersions(fresh, head.from, head.to + 1)];
    gathering.add(clipVersions(foldVersions(mergeVersions(said), asOf), range.from, range.to));
  }
  for (const part of needed) {
    const block = foldVersions(opened.get(part.head.id) ?? mergeVersions([]), asOf);
    gathering.add(clipVersions(block, Math.max(part.from, range.from), Math.min(part.to + 1, range.to)));
  }
  for (const [index, tally] of gathering.tallies) if (tally.min > tally.max) gathering.tallies.delete(index);
  return gathering.tallies;
}

interface Part {
  readonly from: number;
  /** Inclusive. */
  readonly to: number;
  readonly minT: number;
  readonly min: number;
  readonly maxT: number;
  readonly max: number;
}

function partsOf(head: SealedHead): (Part & { head: SealedHead })[] {
  const chunks = unpackChunks(head.chunks ?? new Float64Array(0));
  return chunks.map((chunk, i) => ({
    ...chunk,
    head,
    from: chunk.fromT,
    to: (chunks[i + 1]?.fromT ?? head.to + 1) - 1,
  }));
}

/** A lower and an upper bound of the number of points in a span, found without opening blocks. */
export async function readCountBounds(
  database: Database,
  series: number,
  range: Range,
  asOf: number,
): Promise<{ least: number; most: number }> {
  const [row] = await database.query<{ least: string; most: string }>(
    `WITH fresh AS (SELECT from_t, to_t, versions ${freshIn(series, range)} AND revision <= ${asOf}),
       sealed AS (SELECT from_t, to_t, versions, points, max_revision ${sealedIn(series, range)})
     SELECT
       (SELECT coalesce(sum(versions), 0) FROM fresh) + (SELECT coalesce(sum(versions), 0) FROM sealed) AS most,
       greatest(0, (SELECT coalesce(sum(points), 0) FROM sealed WHERE max_revision <= ${asOf} AND from_t >= ${range.from} AND to_t < ${range.to})
         - (SELECT coalesce(sum(versions), 0) FROM fresh)) AS least`,
  );
  return { least: Number(row.least), most: Number(row.most) };
}
