import type { ImportPlan } from '../import-plan.ts';
import type { RowReader } from './row-reader.ts';

/**
 * The reason why the last row is invalid, whatever its plan. The cell index equals the number of columns when the whole
 * row is.
 */
export function rowProblem(
  reader: RowReader,
  { columns, header }: Pick<ImportPlan, 'columns' | 'header'>,
): { readonly cell: number; readonly reason: string } | undefined {
  const { rows } = reader;
  if (rows.badCell >= 0) return { cell: rows.badCell, reason: rows.problem };
  const { cells } = rows;
  const wanted = columns.length;
  if (cells === wanted) return undefined;
  const have = `the row has ${cells} ${cells === 1 ? 'cell' : 'cells'}, the ${header ? 'header' : 'first row'} has ${wanted}`;
  if (cells > wanted) return { cell: wanted, reason: have };
  return { cell: cells, reason: reader.atTornEnd ? `${have}: the file stops in the middle of it` : have };
}
