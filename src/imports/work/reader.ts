import type { ImportInput } from '../input.ts';
import type { ImportPlan } from '../plan.ts';
import { planOf } from '../text/plan-of.ts';
import { readTicks } from '../text/read-ticks.ts';
import type { Batch, Place, Source } from '../text/reading.ts';

/** What makes ticks of bytes. */
export interface Reader {
  planOf(source: Source, input: ImportInput): Promise<ImportPlan>;
  readTicks(source: Source, plan: ImportPlan, from?: Place): AsyncIterable<Batch>;
}

export const textReader: Reader = { planOf, readTicks };
