import { Fault, type InputPath } from '../engine/fault.ts';
import { keyProblem, quoted } from '../engine/key.ts';
import { checkText } from '../ingest/ingest.ts';
import type { ColumnRole, FileFormat, ImportColumn, ImportInput } from './import-input.ts';

/** An ImportInput as a client sent it. Fields may be null. */
export interface RawImportInput {
  readonly columns?: readonly RawImportColumn[] | null | undefined;
  readonly series?: string | null | undefined;
  readonly format?: FileFormat | null | undefined;
  readonly delimiter?: string | null | undefined;
  readonly quote?: string | null | undefined;
  readonly header?: boolean | null | undefined;
  readonly decimalComma?: boolean | null | undefined;
  readonly encoding?: string | null | undefined;
  readonly timeFormat?: string | null | undefined;
  readonly timeZone?: string | null | undefined;
  readonly createMissing?: boolean | null | undefined;
  readonly partial?: boolean | null | undefined;
  readonly previewOnly?: boolean | null | undefined;
  readonly note?: string | null | undefined;
}

export interface RawImportColumn {
  readonly column: string;
  readonly role: ColumnRole;
  readonly series?: string | null | undefined;
}

const columnsMax = 10_000;
const columnLengthMax = 1_000;
const noteLengthMax = 1_000;
const timeFormatLengthMax = 100;

/** Validates an input. Each error names the path of the invalid field. */
export function validateImportInput(given: RawImportInput | null | undefined, path: InputPath): ImportInput {
  return mergeImportInput({ createMissing: false, partial: false, previewOnly: false }, given, path);
}

/** Merges a client's new input into the previous one. */
export function mergeImportInput(
  before: ImportInput,
  given: RawImportInput | null | undefined,
  path: InputPath,
): ImportInput {
  if (!given) return before;
  const checked = {
    columns: given.columns ? columnsOf(given.columns, [...path, 'columns']) : undefined,
    series: given.series ?? undefined,
    format: given.format ?? undefined,
    delimiter: given.delimiter ?? undefined,
    quote: given.quote ?? undefined,
    header: given.header ?? undefined,
    decimalComma: given.decimalComma ?? undefined,
    encoding: given.encoding?.toLowerCase(),
    timeFormat: given.timeFormat ?? undefined,
    timeZone: given.timeZone ?? undefined,
    createMissing: given.createMissing ?? undefined,
    partial: given.partial ?? undefined,
    previewOnly: given.previewOnly ?? undefined,
    note: given.note ?? undefined,
  };
  const said = Object.fromEntries(Object.entries(checked).filter(([, value]) => value !== undefined));
  const merged: ImportInput = { ...before, ...said };
  checkInput(merged, path);
  return merged;
}

function refuse(message: string, path: InputPath): Fault {
  return new Fault('BAD_USER_INPUT', message, path);
}

function checkInput(input: ImportInput, path: InputPath): void {
  if (input.series !== undefined) checkKey(input.series, [...path, 'series']);
  for (const name of ['delimiter', 'quote'] as const) {
    const character = input[name];
    if (character !== undefined && !/^[\t\x20-\x7e]$/.test(character))
      throw refuse(`The ${name} is one character: a tab or one of ASCII that can be seen.`, [...path, name]);
  }
  if (input.delimiter !== undefined && input.delimiter === input.quote)
    throw refuse('The delimiter and the quote cannot be the same character.', [...path, 'quote']);
  if (input.encoding !== undefined && !isEncoding(input.encoding))
    throw refuse(
      `There is no encoding ${quoted(input.encoding)}; name it as the Encoding Standard does: utf-8, utf-16le, windows-1252.`,
      [...path, 'encoding'],
    );
  if (input.timeZone !== undefined && !isZone(input.timeZone))
    throw refuse(`There is no time zone ${quoted(input.timeZone)}; name one like Europe/Berlin or UTC.`, [
      ...path,
      'timeZone',
    ]);
  if (input.timeFormat === '')
    throw refuse('A timeFormat cannot be empty: leave it out to have it guessed.', [...path, 'timeFormat']);
  checkText(input.timeFormat ?? null, timeFormatLengthMax, [...path, 'timeFormat']);
  checkText(input.note ?? null, noteLengthMax, [...path, 'note']);
}

function columnsOf(given: readonly RawImportColumn[], path: InputPath): ImportColumn[] {
  if (given.length > columnsMax)
    throw refuse(`At most ${columnsMax.toLocaleString('en')} columns, these are ${given.length}.`, path);
  const known = new Set<string>();
  const held = new Set<ColumnRole>();
  return given.map(({ column, role, series }, i) => {
    const at = [...path, i];
    if (column === '') throw refuse('A column is named by its header, or by its number from 1 on.', [...at, 'column']);
    checkText(column, columnLengthMax, [...at, 'column']);
    if (known.has(column)) throw refuse(`The column ${quoted(column)} is named twice.`, [...at, 'column']);
    known.add(column);
    if ((role === 'T' || role === 'SERIES') && held.has(role))
      throw refuse(`Only one column can be ${role}.`, [...at, 'role']);
    held.add(role);
    if (series == null) return { column, role };
    if (role !== 'VALUE' && role !== 'SIZE')
      throw refuse(`Only columns that are VALUE or SIZE belong to a series; this one is ${role}.`, [...at, 'series']);
    checkKey(series, [...at, 'series']);
    return { column, role, series };
  });
}

function checkKey(key: string, path: InputPath): void {
  const problem = keyProblem(key);
  if (problem) throw refuse(`This cannot be a series: ${problem}.`, path);
}

function isEncoding(name: string): boolean {
  try {
    return new TextDecoder(name).encoding !== '';
  } catch {
    return false;
  }
}

function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

export interface RawUpload {
  readonly filename: string;
  readonly size: number;
  readonly sha256?: string | null | undefined;
  readonly import?: RawImportInput | null | undefined;
}

const filenameLengthMax = 255;

export function validateUpload(given: RawUpload) {
  const { filename, size } = given;
  if (filename === '') throw refuse('A filename cannot be empty.', ['input', 'filename']);
  checkText(filename, filenameLengthMax, ['input', 'filename']);
  const sha256 = given.sha256?.toLowerCase();
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256))
    throw refuse('A SHA-256 is written as 64 hexadecimal digits.', ['input', 'sha256']);
  return { filename, size, sha256, input: validateImportInput(given.import, ['input', 'import']) };
}
