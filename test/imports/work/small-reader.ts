import { makeImportPlan } from '../../../src/imports/text/make-import-plan.ts';
import { type RejectedCell, startOfFile } from '../../../src/imports/text/tick-batch.ts';
import type { FileReader } from '../../../src/imports/work/file-reader.ts';

/** Reads lines of series,t,value, so many at a time; t in milliseconds. `before` is called ahead of each batch. */
export function smallReader(
  rowsPerBatch: number,
  before: (row: number) => Promise<void> | void = () => {},
): FileReader {
  return {
    makeImportPlan,
    readTicks: async function* (source, _plan, from = startOfFile) {
      const parts: Buffer[] = [];
      for await (const part of source.read(0)) parts.push(part);
      const lines = Buffer.concat(parts).toString().trimEnd().split('\n').slice(1);
      const keys: string[] = [];
      for (let row = from.row; row < lines.length; row += rowsPerBatch) {
        await before(row);
        const rejects: RejectedCell[] = [];
        const ticks: { slot: number; t: number; value: number; line: number }[] = [];
        const some = lines.slice(row, row + rowsPerBatch);
        some.forEach((text, i) => {
          const [key, t, value] = text.split(',');
          const line = row + i + 2;
          if (Number.isNaN(Number(value))) {
            rejects.push({ line, column: 'value', reason: 'not a number' });
            return;
          }
          if (!keys.includes(key)) keys.push(key);
          ticks.push({ slot: keys.indexOf(key), t: Number(t) * 1000, value: Number(value), line });
        });
        const end = row + some.length;
        yield {
          rows: some.length,
          keys,
          count: ticks.length,
          series: Int32Array.from(ticks, ({ slot }) => slot),
          t: Float64Array.from(ticks, ({ t }) => t),
          value: Float64Array.from(ticks, ({ value }) => value),
          size: undefined,
          line: Float64Array.from(ticks, ({ line }) => line),
          rejects,
          end: { byte: end, line: end + 2, row: end },
          bytes: end,
        };
      }
    },
  };
}
