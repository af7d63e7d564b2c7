import { Fault } from '../engine/fault.ts';
import { columnRoles, fileFormats, type ImportInput } from './import-input.ts';
import { type RawImportColumn, type RawImportInput, validateImportInput } from './validate-input.ts';

const path = ['import'];

function bad(message: string): Fault {
  return new Fault('BAD_USER_INPUT', message, path);
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

function text(given: Record<string, unknown>, name: string): string | null {
  const value = given[name] ?? null;
  if (value !== null && typeof value !== 'string') throw bad(`${name} must be a text.`);
  return value;
}

function flag(given: Record<string, unknown>, name: string): boolean | null {
  const value = given[name] ?? null;
  if (value !== null && typeof value !== 'boolean') throw bad(`${name} must be true or false.`);
  return value;
}

function oneOf<T extends string>(given: Record<string, unknown>, name: string, all: readonly T[]): T | null {
  const value = text(given, name);
  const found = all.find((each) => each === value);
  if (value !== null && found === undefined) throw bad(`${name} must be one of ${all.join(', ')}.`);
  return found ?? null;
}

function columnsOf(value: unknown): RawImportColumn[] | null {
  if (value == null) return null;
  if (!Array.isArray(value)) throw bad('columns must be a list.');
  return value.map((each, i) => {
    const given = objectOf(each, `columns[${i}]`, ['column', 'role', 'series']);
    const column = text(given, 'column');
    const role = oneOf(given, 'role', columnRoles);
    if (column === null || role === null) throw bad(`columns[${i}] needs a column and a role.`);
    return { column, role, series: text(given, 'series') };
  });
}

const texts = ['series', 'delimiter', 'quote', 'encoding', 'timeFormat', 'timeZone', 'note'] as const;
const flags = ['header', 'decimalComma', 'createMissing', 'partial', 'previewOnly'] as const;

/**
 * Parses an ImportInput that arrived as JSON outside of GraphQL. It must have the types of the GraphQL input and obeys
 * the same rules.
 */
export function parseImportInput(value: unknown): ImportInput {
  const given = objectOf(value, 'import', ['columns', 'format', ...texts, ...flags]);
  const input: RawImportInput = {
    columns: columnsOf(given.columns),
    format: oneOf(given, 'format', fileFormats),
    ...Object.fromEntries(texts.map((name) => [name, text(given, name)])),
    ...Object.fromEntries(flags.map((name) => [name, flag(given, name)])),
  };
  return validateImportInput(input, path);
}
