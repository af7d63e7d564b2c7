import type { ImportInput } from '../../../src/imports/import-input.ts';
import type { ImportPlan, PlannedColumn } from '../../../src/imports/import-plan.ts';
import { makeImportPlan } from '../../../src/imports/text/make-import-plan.ts';
import { readTicks } from '../../../src/imports/text/read-ticks.ts';
import type { ByteSource, FilePosition, RejectedCell, TickBatch } from '../../../src/imports/text/tick-batch.ts';

/** A file in memory, given in pieces of so many bytes. */
export function sourceOf(content: string | Buffer, filename = 'BTC.csv', pieceBytes = 65_536): ByteSource {
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

export function planned(source: ByteSource, input: Partial<ImportInput> = {}): Promise<ImportPlan> {
  return makeImportPlan(source, { ...said, ...input });
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
  readonly rejects: readonly RejectedCell[];
  readonly rows: number;
  readonly ends: readonly FilePosition[];
}

export async function readAll(
  source: ByteSource,
  plan: ImportPlan,
  from?: FilePosition,
  keys?: readonly string[],
): Promise<Read> {
  const ticks: Tick[] = [];
  const rejects: RejectedCell[] = [];
  const ends: FilePosition[] = [];
  let rows = 0;
  for await (const batch of readTicks(source, plan, from, keys)) {
    ticks.push(...ticksOf(batch));
    rejects.push(...batch.rejects);
    rows += batch.rows;
    ends.push(batch.end);
  }
  return { ticks, rejects, rows, ends };
}

export function ticksOf(batch: TickBatch): Tick[] {
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
