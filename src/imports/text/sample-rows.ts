import { CsvRowParser } from './csv-row-parser.ts';
import type { FileSample } from './file-sample.ts';
import { textOf } from './parse-number.ts';

const sampleRowsMax = 1_000;

/** The complete rows at the start of a sample, as texts. */
export function csvRowsOf(sample: FileSample, delimiter: number, quote: number, rowsMax = sampleRowsMax): string[][] {
  const rows = new CsvRowParser(delimiter, quote);
  // The parser unescapes cells in place, so it gets a copy.
  const bytes = Buffer.from(sample.bytes);
  const found: string[][] = [];
  let at = 0;
  while (at < sample.length && found.length < rowsMax) {
    if (bytes[at] === 10 || bytes[at] === 13) {
      at++;
      continue;
    }
    const next = rows.split(bytes, at, sample.length, sample.whole);
    if (next < 0) break;
    rows.unescape(bytes);
    found.push(Array.from({ length: rows.cells }, (_, i) => textOf(bytes, rows.starts[i], rows.ends[i])));
    at = next;
  }
  return found;
}

/** The objects at the start of a sample. Other lines are skipped. */
export function objectsOf(sample: FileSample): Readonly<Record<string, unknown>>[] {
  const lines = sample.bytes.toString('utf8', 0, sample.length).split(/\r\n|\r|\n/);
  if (!sample.whole) lines.pop();
  const found: Readonly<Record<string, unknown>>[] = [];
  for (const line of lines) {
    if (found.length === sampleRowsMax) break;
    const object = objectOf(line);
    if (object !== undefined) found.push(object);
  }
  return found;
}

export function objectOf(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
