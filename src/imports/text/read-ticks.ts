import { Fault } from '../../engine/fault.ts';
import type { ImportPlan } from '../import-plan.ts';
import { openRows } from './open-rows.ts';
import { type ByteSource, type FilePosition, startOfFile, type TickBatch } from './tick-batch.ts';
import { TickParser } from './tick-parser.ts';

const rowsMax = 65_536;
const textBytesMax = 4 * 1_048_576;

/** Reads the ticks of a file from a position on, by its plan. `keys` are the keys that were known at that position. */
export async function* readTicks(
  source: ByteSource,
  plan: ImportPlan,
  from: FilePosition = startOfFile,
  keys: readonly string[] = [],
): AsyncGenerator<TickBatch> {
  if (plan.problem !== null) throw new Fault('BAD_USER_INPUT', plan.problem);
  const { reader, counter, close } = await openRows(source, plan, from);
  try {
    const ticks = new TickParser(reader, plan, keys);
    let first = reader.place;
    for (;;) {
      const more = ticks.read(first.row + rowsMax, first.byte + textBytesMax) || (await reader.fill());
      const end = reader.place;
      const full = end.row - first.row >= rowsMax || end.byte - first.byte >= textBytesMax || ticks.full;
      if (more && !full) continue;
      if (end.row > first.row) yield ticks.take(end, first, counter.bytes);
      first = end;
      if (!more) return;
    }
  } finally {
    await close();
  }
}
