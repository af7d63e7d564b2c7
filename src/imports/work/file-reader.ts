import type { ImportInput } from '../import-input.ts';
import type { ImportPlan } from '../import-plan.ts';
import { makeImportPlan } from '../text/make-import-plan.ts';
import { readTicks } from '../text/read-ticks.ts';
import type { ByteSource, FilePosition, TickBatch } from '../text/tick-batch.ts';

/** Plans a file and reads its ticks. */
export interface FileReader {
  makeImportPlan(source: ByteSource, input: ImportInput): Promise<ImportPlan>;
  readTicks(source: ByteSource, plan: ImportPlan, from?: FilePosition): AsyncIterable<TickBatch>;
}

export const textReader: FileReader = { makeImportPlan, readTicks };
