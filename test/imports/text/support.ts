import type { ImportInput } from '../../../src/imports/input.ts';
import type { ImportPlan, PlannedColumn } from '../../../src/imports/plan.ts';
import { planOf } from '../../../src/imports/text/plan-of.ts';
import { readTicks } from '../../../src/imports/text/read-ticks.ts';
import type { Batch, Place, Reject, Source } from '../../../src/imports/text/reading.ts';

/** A file in memory, given in pieces of so many bytes. */
export function sourceOf(content: string | Buffer, filename = 'BTC.csv', pieceBytes = 65_536): Source {
  const bytes = Buffer.from(content);
  return {
    filename,
    size: bytes.length,
    async *read(from) {
      for (let at = from; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
    },
  };
}

export const said: ImportInput = { createMissing: true, partial: true, previewOnly: false };

export function planned(source: Source, input: Partial<ImportInput> = {}): Promise<ImportPlan> {
  return planOf(source, { ...said, ...input });
}

export function columnOf(name: string, role: PlannedColumn['role'], series: string | null = null): PlannedColumn {
  return { name, role, series, examples: [] };
}

export const plainPlan: ImportPlan = {
  format: 'CSV',
  gzip: false,
  encoding: 'utf-8',
  delimiter: ',',
  quote: '"',
  header: true,
  decimalComma: false,
  time: { kind: 'rfc3339' },
  timeZone: 'UTC',
  series: null,
  columns: [columnOf('t', 'T'), columnOf('series', 'SERIES'), columnOf('price', 'VALUE'), columnOf('size', 'SIZE')],
  problem: null,
};

export interface Tick {
  readonly key: string;
  readonly t: number;
  readonly value: number;
  readonly size: number;
  readonly line: number;
}

export interface Read {
  readonly ticks: readonly Tick[];
  readonly rejects: readonly Reject[];
  readonly rows: number;
  readonly ends: readonly Place[];
}

export async function readAll(source: Source, plan: ImportPlan, from?: Place, keys?: readonly string[]): Promise<Read> {
  const ticks: Tick[] = [];
  const rejects: Reject[] = [];
  const ends: Place[] = [];
  let rows = 0;
  for await (const batch of readTicks(source, plan, from, keys)) {
    ticks.push(...ticksOf(batch));
    rejects.push(...batch.rejects);
    rows += batch.rows;
    ends.push(batch.end);
  }
  return { ticks, rejects, rows, ends };
}

export function ticksOf(batch: Batch): Tick[] {
  return Array.from({ length: batch.count }, (_, i) => ({
    key: batch.keys[batch.series[i]],
    t: batch.t[i],
    value: batch.value[i],
    size: batch.size?.[i] ?? Number.NaN,
    line: batch.line[i],
  }));
}

/** What a file that was guessed gives. */
export async function readGuessed(content: string | Buffer, filename?: string, input?: Partial<ImportInput>) {
  const source = sourceOf(content, filename);
  const plan = await planned(source, input);
  return { plan, ...(await readAll(source, plan)) };
}
