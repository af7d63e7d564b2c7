import { Fault } from '../../engine/fault.ts';
import type { ImportPlan } from '../import-plan.ts';
import { CsvRowParser } from './csv-row-parser.ts';
import type { ByteCounter } from './gunzip.ts';
import { JsonRowParser } from './json-row-parser.ts';
import { openText, startsWithMark } from './open-text.ts';
import { ReadBuffer } from './read-buffer.ts';
import type { RowParser } from './row-parser.ts';
import { RowReader } from './row-reader.ts';
import type { ByteSource, FilePosition } from './tick-batch.ts';

export interface OpenedRows {
  readonly reader: RowReader;
  readonly counter: ByteCounter;
  close(): Promise<void>;
}

/** Opens the rows of a file from a position on, past the header. */
export async function openRows(source: ByteSource, plan: ImportPlan, from: FilePosition): Promise<OpenedRows> {
  const names = plan.columns.map(({ name }) => name);
  const text = openText(source, plan.gzip, plan.encoding, from.byte);
  const window = new ReadBuffer(text.chunks, from.byte);
  const reader = new RowReader(window, rowsOf(plan), from, (cell) => names[cell] ?? `${cell + 1}`);
  try {
    await reader.fill();
    if (from.byte === 0) {
      if (startsWithMark(window.bytes.subarray(0, window.end))) window.at = 3;
      if (plan.format === 'CSV' && plan.header && reader.next()) reader.forgetHeader();
    }
  } catch (error) {
    await window.close();
    throw error;
  }
  return { reader, counter: text.counter, close: () => window.close() };
}

function rowsOf(plan: Pick<ImportPlan, 'format' | 'delimiter' | 'quote' | 'columns'>): RowParser {
  if (plan.format === 'NDJSON') return new JsonRowParser(plan.columns.map(({ name }) => name));
  return new CsvRowParser(oneByte(plan.delimiter, 'delimiter'), plan.quote === '' ? -1 : oneByte(plan.quote, 'quote'));
}

/** The parsers search for delimiters and quotes as single bytes. */
export function oneByte(text: string, what: 'delimiter' | 'quote'): number {
  const code = text.length === 1 ? text.charCodeAt(0) : 0;
  if (code > 0 && code < 128 && code !== 10 && code !== 13) return code;
  throw new Fault('BAD_USER_INPUT', `The ${what} must be one ASCII character that is no line break.`, ['input', what]);
}
