import { batchesOf } from '../../engine/batches.ts';
import { cutAtGaps, sortColumn } from '../../ingest/column.ts';

import type { Database } from '../../store/connect.ts';
import { readWeights, type StagedBlocks } from '../../store/imports/import-stages.ts';
import { cutColumn, type StagedColumn, stageBlocks, statementPointsMax } from '../../store/staged-blocks.ts';
import { compareColumns, withoutUnchanged } from './compare-columns.ts';
import type { StagedCoverage } from './staged-coverage.ts';

const blocksPerStage = 2_048;
const weightsPerStatement = 4_096;

/** A part of a series that becomes at most one block. */
interface Piece extends StagedColumn {
  readonly generation: number;
}

export interface ComparedPieces {
  readonly pieces: readonly Piece[];
  readonly unchanged: number;
  readonly changed: number;
  /** The series whose points change. */
  readonly touched: ReadonlySet<number>;
}

/**
 * Sorts the buffered ticks of each series, cuts them into blocks and drops points that are already stored. A block that
 * overlaps an earlier block of the same import is kept whole, because that one is not visible yet.
 */
export async function compareWithStored(
  database: Database,
  given: readonly StagedColumn[],
  coverage: StagedCoverage,
): Promise<ComparedPieces> {
  const pieces: Piece[] = given.flatMap(({ series, column }) =>
    cutAtGaps(sortColumn(column).column)
      .flatMap(cutColumn)
      .map((piece) => ({
        series,
        column: piece,
        generation: coverage.generationOf(series, piece.t[0], piece.t[piece.t.length - 1]),
      })),
  );
  const weights = await weightsOf(database, pieces);
  const kept: (Piece | undefined)[] = [...pieces];
  const counts = { unchanged: 0, changed: 0 };
  const comparisons = await compareColumns(
    database,
    pieces.map(({ series, column }, i) => ({ series, column, weight: weights[i] })),
  );
  comparisons.forEach(({ verdicts, unchanged, changed }, i) => {
    counts.unchanged += unchanged;
    counts.changed += changed;
    const piece = pieces[i];
    if (piece.generation > 0 || unchanged === 0) return;
    const column = withoutUnchanged(piece.column, verdicts);
    kept[i] = column.t.length > 0 ? { ...piece, column } : undefined;
  });
  const left = kept.filter((piece) => piece !== undefined);
  return { ...counts, pieces: left, touched: new Set(left.map(({ series }) => series)) };
}

async function weightsOf(database: Database, pieces: readonly Piece[]): Promise<number[]> {
  const weights = new Array<number>(pieces.length).fill(0);
  const known = pieces.map((_, i) => i).filter((i) => pieces[i].series > 0);
  for (const some of batchesOf(known, { weightMax: weightsPerStatement })) {
    const spans = some.map((i) => {
      const { t } = pieces[i].column;
      return { series: pieces[i].series, from: t[0], to: t[t.length - 1] };
    });
    const found = await readWeights(database, spans);
    some.forEach((i, n) => {
      weights[i] = found[n];
    });
  }
  return weights;
}

/** Writes blocks that no reader sees. The next checkpoint of the import records their stages. */
export async function stagePieces(
  database: Database,
  pieces: readonly Piece[],
  coverage: StagedCoverage,
): Promise<StagedBlocks[]> {
  const stages: StagedBlocks[] = [];
  for (const { series, column, generation } of pieces) {
    coverage.add(series, column.t[0], column.t[column.t.length - 1], generation);
  }
  for (const some of statements(pieces)) {
    const stage = await stageBlocks(database, some);
    stages.push({ stage, generation: some[0].generation, blocks: some.length });
  }
  return stages;
}

/** Groups pieces of one generation into statements. */
function* statements(pieces: readonly Piece[]): Generator<Piece[]> {
  const generations = [...new Set(pieces.map(({ generation }) => generation))];
  for (const generation of generations) {
    let some: Piece[] = [];
    let points = 0;
    for (const piece of pieces) {
      if (piece.generation !== generation) continue;
      some.push(piece);
      points += piece.column.t.length;
      if (points < statementPointsMax && some.length < blocksPerStage) continue;
      yield some;
      some = [];
      points = 0;
    }
    if (some.length > 0) yield some;
  }
}
