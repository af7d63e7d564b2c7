import { type Range, rangesAround } from '../../engine/ranges.ts';
import { foldVersions, lowerBound, type Points, type Versions } from '../../engine/versions.ts';
import type { Column } from '../../store/block-columns.ts';
import { readSteps, walkVersions } from '../../store/block-reads.ts';
import type { Database } from '../../store/connect.ts';

/** The verdict on a point: 0 for a new one, or different from the stored point, or equal to it. */
const changed = 1;
const unchanged = 2;

/**
 * If the store holds more than this multiple of points between the ends of a column, only the neighbourhoods of its
 * points are read.
 */
const sparseTimes = 16;
const closeMicros = 3_600_000_000;
/** The estimated number of versions in one neighbourhood. */
const closeVersions = 8_192;

/** The limits of one statement: spans, and estimated versions. */
const batchPartsMax = 512;
const batchVersionsMax = 131_072;
const readersMax = 3;
const noLimit = 1_000_000;

/** A sorted column. `weight` is the number of versions that the store holds between its ends. */
export interface ComparedColumn {
  readonly series: number;
  readonly column: Column;
  readonly weight: number;
}

/** The verdicts on the points of a column. */
export class Comparison {
  readonly verdicts: Uint8Array;
  unchanged = 0;
  changed = 0;
  readonly #column: Column;

  constructor(column: Column) {
    this.#column = column;
    this.verdicts = new Uint8Array(column.t.length);
  }

  /** Compares the column with the stored versions of a span. */
  addStored(versions: Versions): void {
    const column = this.#column;
    const points = foldVersions(versions, Number.POSITIVE_INFINITY);
    if (points.t.length === 0) return;
    for (let i = 0, at = lowerBound(column.t, points.t[0]); i < points.t.length; i++) {
      while (at < column.t.length && column.t[at] < points.t[i]) at++;
      if (at === column.t.length) return;
      if (column.t[at] !== points.t[i]) continue;
      const same = isSame(column, at, points, i);
      this.verdicts[at] = same ? unchanged : changed;
      if (same) this.unchanged++;
      else this.changed++;
    }
  }
}

/** Compares columns with the stored points. One statement reads the spans of several small columns. */
export async function compareColumns(database: Database, columns: readonly ComparedColumn[]): Promise<Comparison[]> {
  const comparisons = columns.map(({ column }) => new Comparison(column));
  const batches = batchesOf(columns);
  const read = async () => {
    for (const batch of batches) {
      if (batch.length === 1) {
        const [{ n, series, range }] = batch;
        for await (const { versions } of walkVersions(database, series, range)) comparisons[n].addStored(versions);
        continue;
      }
      const asked = batch.map(({ series, range }) => ({
        series,
        range,
        direction: 'forward' as const,
        blocks: noLimit,
      }));
      const steps = await readSteps(database, asked, { direction: 'forward' });
      batch.forEach(({ n }, i) => void comparisons[n].addStored(steps[i].versions));
    }
  };
  await Promise.all(Array.from({ length: readersMax }, read));
  return comparisons;
}

interface Part {
  readonly n: number;
  readonly series: number;
  readonly range: Range;
}

/** Batches of spans, one batch per statement. A large span has a statement of its own. */
function* batchesOf(columns: readonly ComparedColumn[]): Generator<Part[]> {
  let batch: Part[] = [];
  let sum = 0;
  for (const [n, { series, column, weight }] of columns.entries()) {
    if (series < 0 || weight === 0) continue;
    const isSparse = weight > sparseTimes * column.t.length;
    const size = isSparse ? Math.min(weight, closeVersions) : weight;
    for (const range of isSparse ? rangesAround(column.t, closeMicros) : [wholeRange(column.t)]) {
      if (size > batchVersionsMax) {
        yield [{ n, series, range }];
        continue;
      }
      if (batch.length === batchPartsMax || sum + size > batchVersionsMax) {
        yield batch;
        batch = [];
        sum = 0;
      }
      batch.push({ n, series, range });
      sum += size;
    }
  }
  if (batch.length > 0) yield batch;
}

function isSame(column: Column, at: number, points: Points, i: number): boolean {
  const size = column.size ? column.size[at] : Number.NaN;
  const stored = points.size ? points.size[i] : Number.NaN;
  return Object.is(column.value[at], points.value[i]) && Object.is(size, stored);
}

function wholeRange(t: Float64Array): Range {
  return { from: t[0], to: t[t.length - 1] + 1 };
}

/** Removes the points that equal the stored ones. */
export function withoutUnchanged(column: Column, says: Uint8Array): Column {
  const keep = (from: Float64Array) => from.filter((_, i) => says[i] !== unchanged);
  return { t: keep(column.t), value: keep(column.value), size: column.size && keep(column.size) };
}
