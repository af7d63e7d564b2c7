import { Fault } from '../engine/fault.ts';
import { type ColumnInput, formats, type ImportInput, roles } from './input.ts';

const columnsMax = 10_000;
const charsMax = 1_000;

function bad(message: string): Fault {
  return new Fault('BAD_USER_INPUT', message, ['import']);
}

function objectOf(value: unknown, what: string, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw bad(`${what} must be a JSON object, as an ImportInput of the API is.`);
  for (const name of Object.keys(value)) {
    if (!known.includes(name))
      throw bad(`${what} has no field '${name.slice(0, 60)}'; its fields are ${known.join(', ')}.`);
  }
  return value as Record<string, unknown>;
}

function text(given: Record<string, unknown>, name: string): string | undefined {
  const value = given[name];
  if (value == null) return undefined;
  if (typeof value !== 'string' || value.length > charsMax || value.includes('\0'))
    throw bad(`${name} must be a text of at most ${charsMax} characters.`);
  return value;
}

function flag(given: Record<string, unknown>, name: string): boolean | undefined {
  const value = given[name];
  if (value == null) return undefined;
  if (typeof value !== 'boolean') throw bad(`${name} must be true or false.`);
  return value;
}

function oneOf<T extends string>(given: Record<string, unknown>, name: string, all: readonly T[]): T | undefined {
  const value = text(given, name);
  const found = all.find((each) => each === value);
  if (value !== undefined && found === undefined) throw bad(`${name} must be one of ${all.join(', ')}.`);
  return found;
}

function columnsOf(value: unknown): ColumnInput[] | undefined {
  if (value == null) return undefined;
  if (!Array.isArray(value) || value.length > columnsMax)
    throw bad(`columns must be a list of at most ${columnsMax} columns.`);
  return value.map((each, i) => {
    const given = objectOf(each, `columns[${i}]`, ['column', 'role', 'series']);
    const column = text(given, 'column');
    const role = oneOf(given, 'role', roles);
    if (column === undefined || role === undefined) throw bad(`columns[${i}] needs a column and a role.`);
    return { column, role, series: text(given, 'series') };
  });
}

const texts = ['series', 'delimiter', 'quote', 'encoding', 'timeFormat', 'timeZone', 'note'] as const;
const flags = ['header', 'decimalComma', 'createMissing', 'partial', 'previewOnly'] as const;

/** An ImportInput that came as JSON, beside the API. */
export function importInputOf(value: unknown): ImportInput {
  const given = objectOf(value, 'import', ['columns', 'format', ...texts, ...flags]);
  const [series, delimiter, quote, encoding, timeFormat, timeZone, note] = texts.map((name) => text(given, name));
  const [header, decimalComma, createMissing, partial, previewOnly] = flags.map((name) => flag(given, name));
  return {
    columns: columnsOf(given.columns),
    format: oneOf(given, 'format', formats),
    series,
    delimiter,
    quote,
    encoding,
    timeFormat,
    timeZone,
    note,
    header,
    decimalComma,
    createMissing: createMissing ?? false,
    partial: partial ?? false,
    previewOnly: previewOnly ?? false,
  };
}
