import type { ImportPlan } from '../import-plan.ts';
import { openRows } from './open-rows.ts';
import { textOf } from './parse-number.ts';
import { rowProblem } from './row-problem.ts';
import { type ByteSource, startOfFile } from './tick-batch.ts';

const rowsMax = 4_096;
const textBytesMax = 262_144;

/** Reads the cells of a file as texts in batches of rows, in the order of its columns. Invalid rows are skipped. */
export async function* readTable(source: ByteSource, plan: ImportPlan): AsyncGenerator<readonly (readonly string[])[]> {
  const { reader, close } = await openRows(source, plan, startOfFile);
  try {
    let batch: string[][] = [];
    let bytes = 0;
    do {
      for (let at = reader.window.at; reader.next(); at = reader.window.at) {
        if (rowProblem(reader, plan) !== undefined) continue;
        const { starts, ends } = reader.rows;
        batch.push(plan.columns.map((_, cell) => textOf(reader.window.bytes, starts[cell], ends[cell])));
        bytes += reader.window.at - at;
        if (batch.length < rowsMax && bytes < textBytesMax) continue;
        yield batch;
        batch = [];
        bytes = 0;
      }
    } while (await reader.fill());
    if (batch.length > 0) yield batch;
  } finally {
    await close();
  }
}
