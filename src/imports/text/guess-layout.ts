import { Fault } from '../../engine/fault.ts';
import { quoted } from '../../engine/key.ts';
import type { FileFormat, ImportInput } from '../import-input.ts';
import type { FileSample } from './file-sample.ts';
import { looksLikeNumber } from './guess-number.ts';
import { oneByte } from './open-rows.ts';
import { trim } from './parse-number.ts';
import { csvRowsOf, objectOf, objectsOf } from './sample-rows.ts';

/** The layout of a table, as its first rows show it. */
export interface FileLayout {
  readonly format: FileFormat;
  readonly delimiter: string;
  readonly quote: string;
  readonly header: boolean;
  readonly names: readonly string[];
  /** For each column, the texts of its first rows; '' where a row has no such cell. */
  readonly texts: readonly (readonly string[])[];
}

const delimiters = [',', ';', '\t', '|'];

export function guessLayout(sample: FileSample, input: ImportInput): FileLayout {
  const text = sample.bytes.toString('utf8', 0, Math.min(sample.length, 65_536)).trimStart();
  if (text === '') throw new Fault('BAD_USER_INPUT', 'This file is empty: it has no row.');
  const [line] = text.split(/\r|\n/, 1);
  const isObject = objectOf(line) !== undefined;
  if (input.format === undefined && /^\[\s*(\{|$)/.test(line)) {
    throw new Fault('BAD_USER_INPUT', 'This is a JSON array: send NDJSON, which is one object a line, or CSV.');
  }
  return (input.format ?? (isObject ? 'NDJSON' : 'CSV')) === 'NDJSON' ? jsonForm(sample) : csvForm(sample, input, text);
}

function jsonForm(sample: FileSample): FileLayout {
  const objects = objectsOf(sample);
  if (objects.length === 0) throw new Fault('BAD_USER_INPUT', 'This file is no NDJSON: no line is one JSON object.');
  const names = [...new Set(objects.flatMap((object) => Object.keys(object)))];
  const texts = names.map((name) => objects.map((object) => jsonText(object[name])));
  return { format: 'NDJSON', delimiter: ',', quote: '"', header: false, names, texts };
}

function jsonText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value).toString();
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function csvForm(sample: FileSample, input: ImportInput, text: string): FileLayout {
  const quote = input.quote ?? guessQuote(text);
  const quoteByte = quote === '' ? -1 : oneByte(quote, 'quote');
  if (input.delimiter !== undefined) oneByte(input.delimiter, 'delimiter');
  const delimiter = input.delimiter ?? guessDelimiter(sample, quoteByte);
  const rows = csvRowsOf(sample, oneByte(delimiter, 'delimiter'), quoteByte);
  const [first] = rows;
  // The first row is longer than the sample. The reader reports the error when it reads the file.
  if (first === undefined) return { format: 'CSV', delimiter, quote, header: false, names: [], texts: [] };
  refuseTitle(first, rows);
  const header = input.header ?? isHeader(first);
  const body = header ? rows.slice(1) : rows;
  if (body.length === 0 && !sample.whole) return { format: 'CSV', delimiter, quote, header, names: [], texts: [] };
  const names = first.map((name, i) => (header && trim(name) !== '' ? trim(name) : `${i + 1}`));
  if (body.length === 0) {
    throw new Fault('BAD_USER_INPUT', 'This file holds a header and no row: say header: false if it is a row.', [
      'input',
      'header',
    ]);
  }
  const whole = body.filter((row) => row.length === first.length);
  return { format: 'CSV', delimiter, quote, header, names, texts: names.map((_, i) => whole.map((row) => row[i])) };
}

/** Lines that some programs write above a table. */
function refuseTitle([title, ...more]: readonly string[], [, second, third]: readonly (readonly string[])[]): void {
  const isAlone = more.every((cell) => cell === '') && title !== '';
  const separator = /^sep=.?$/i.test(title);
  const told = separator || (more.length === 0 && second?.length > 1 && second.length === third?.length);
  if (!isAlone || !told) return;
  throw new Fault(
    'BAD_USER_INPUT',
    `The first line, ${quoted(title)}, is no row of the table behind it: delete it, so that the file begins with its header or its first row.`,
  );
}

function guessQuote(text: string): string {
  if (text.includes('"')) return '"';
  return /(^|[,;|\t\n])'[^'\n]*'([,;|\t\r\n]|$)/.test(text) ? "'" : '"';
}

/**
 * Chooses the delimiter that gives rows of equal length with non-empty cells; among equals, the one with more cells.
 */
function guessDelimiter(sample: FileSample, quote: number): string {
  let best = { delimiter: ',', score: 0, cells: 0 };
  for (const delimiter of delimiters) {
    const rows = csvRowsOf(sample, delimiter.charCodeAt(0), quote, 100);
    const counts = new Map<number, number>();
    for (const { length } of rows) counts.set(length, (counts.get(length) ?? 0) + 1);
    const [cells, equal] = [...counts].reduce((most, each) => (each[1] > most[1] ? each : most), [1, 0]);
    if (cells < 2) continue;
    const body = rows.length > 1 ? rows.slice(1) : rows;
    const all = body.flat();
    const telling = all.filter((cell) => trim(cell) === '' || saysMuch(trim(cell))).length;
    const score =
      (equal / rows.length) * (rows[0].length === cells ? 1 : 0.5) * (0.5 + telling / Math.max(1, all.length));
    if (score > best.score + 1e-9 || (score > best.score - 1e-9 && cells > best.cells))
      best = { delimiter, score, cells };
  }
  return best.delimiter;
}

/** True for a number, or for a text that starts like a date. */
function saysMuch(text: string): boolean {
  return (
    looksLikeNumber(text) ||
    /^(\d{1,4}[-/. ](\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{1,4}|[A-Z][a-z]{2,8} \d{1,2},? \d{4})($|[T ])/.test(text)
  );
}

const timeNames = /^(t|ts|time|date|datetime|timestamp|zeit|datum)$/i;

function isHeader(first: readonly string[]): boolean {
  const cells = first.map(trim).filter((cell) => cell !== '');
  return cells.some((cell) => timeNames.test(cell)) || !cells.some(saysMuch);
}
