import { Fault } from '../../engine/fault.ts';
import type { ImportPlan } from '../plan.ts';
import { CsvRows } from './csv-rows.ts';
import { JsonRows } from './json-rows.ts';
import { openText, startsWithMark } from './open-text.ts';
import type { Place, Source } from './reading.ts';
import { RowReader } from './row-reader.ts';
import type { Rows } from './rows.ts';
import type { Counter } from './unpack.ts';
import { Window } from './window.ts';

export interface OpenRows {
  readonly reader: RowReader;
  readonly counter: Counter;
  close(): Promise<void>;
}

/** The rows of a file from a place on, the header left behind. */
export async function openRows(source: Source, plan: ImportPlan, from: Place): Promise<OpenRows> {
  const names = plan.columns.map(({ name }) => name);
  const text = openText(source, plan.gzip, plan.encoding, from.byte);
  const window = new Window(text.chunks, from.byte);
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

export function rowsOf(plan: Pick<ImportPlan, 'format' | 'delimiter' | 'quote' | 'columns'>): Rows {
  if (plan.format === 'NDJSON') return new JsonRows(plan.columns.map(({ name }) => name));
  return new CsvRows(oneByte(plan.delimiter, 'delimiter'), plan.quote === '' ? -1 : oneByte(plan.quote, 'quote'));
}

/** Delimiters and quotes are looked for in bytes. */
export function oneByte(text: string, what: 'delimiter' | 'quote'): number {
  const code = text.length === 1 ? text.charCodeAt(0) : 0;
  if (code > 0 && code < 128 && code !== 10 && code !== 13) return code;
  throw new Fault('BAD_USER_INPUT', `The ${what} must be one ASCII character that is no line break.`, ['input', what]);
}
