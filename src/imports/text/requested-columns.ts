import { Fault } from '../../engine/fault.ts';
import { keyProblem, quoted } from '../../engine/key.ts';
import type { ImportColumn, ImportInput } from '../import-input.ts';
import type { FileLayout } from './guess-layout.ts';

const columnsMax = 10_000;

export interface RequestedColumns {
  readonly byName: ReadonlyMap<string, ImportColumn>;
  /** Requested members that no object has had yet. */
  readonly unseen: readonly string[];
}

/** Matches the columns that the client named with the columns of the file. */
export function requestedColumns(input: ImportInput, form: FileLayout, whole: boolean): RequestedColumns {
  checkNames(form.names);
  const byName = new Map<string, ImportColumn>();
  const unseen: string[] = [];
  (input.columns ?? []).forEach((column, i) => {
    const path = ['input', 'columns', i];
    if (byName.has(column.column))
      throw new Fault('BAD_USER_INPUT', `columns names ${quoted(column.column)} twice.`, path);
    if (!form.names.includes(column.column)) {
      if (form.format === 'CSV' || whole) {
        throw new Fault(
          'BAD_USER_INPUT',
          `There is no column ${quoted(column.column)}; there are: ${listed(form.names)}.`,
          path,
        );
      }
      unseen.push(column.column);
    }
    const problem = column.series === undefined ? undefined : keyProblem(column.series);
    if (problem !== undefined) {
      throw new Fault(
        'BAD_USER_INPUT',
        `Column ${quoted(column.column)} cannot be the series ${quoted(column.series ?? '')}: ${problem}.`,
        path,
      );
    }
    if (column.series !== undefined && column.role !== 'VALUE' && column.role !== 'SIZE') {
      throw new Fault(
        'BAD_USER_INPUT',
        `Only columns of values and sizes belong to a series, and ${quoted(column.column)} is ${column.role}.`,
        path,
      );
    }
    byName.set(column.column, column);
  });
  for (const role of ['T', 'SERIES'] as const) {
    const [one, other] = [...byName.values()].filter((column) => column.role === role);
    if (other === undefined) continue;
    throw new Fault(
      'BAD_USER_INPUT',
      `Columns ${quoted(one.column)} and ${quoted(other.column)} are both ${role}: only one can be.`,
      ['input', 'columns'],
    );
  }
  checkSeries(input, [...byName.values()]);
  return { byName, unseen };
}

function checkSeries(input: ImportInput, given: readonly ImportColumn[]): void {
  const says = given.find(({ role }) => role === 'SERIES');
  if (input.series !== undefined) {
    const problem = keyProblem(input.series);
    if (problem !== undefined)
      throw new Fault('BAD_USER_INPUT', `${quoted(input.series)} cannot be a series: ${problem}.`, ['input', 'series']);
    if (says) {
      throw new Fault(
        'BAD_USER_INPUT',
        `series is given, and column ${quoted(says.column)} says it too: leave one out.`,
        ['input', 'series'],
      );
    }
  }
  const values = given.filter(({ role }) => role === 'VALUE');
  const own = values.find(({ series }) => series !== undefined);
  if (says && own) {
    throw new Fault(
      'BAD_USER_INPUT',
      `Column ${quoted(own.column)} has a series of its own, and column ${quoted(says.column)} says the series of each row: leave one out.`,
      ['input', 'columns'],
    );
  }
  if (says && values.length > 1) {
    const [one, other] = values;
    throw new Fault(
      'BAD_USER_INPUT',
      `Columns ${quoted(one.column)} and ${quoted(other.column)} are both VALUE, and column ${quoted(says.column)} says the series of each row: only one can be.`,
      ['input', 'columns'],
    );
  }
}

function checkNames(names: readonly string[]): void {
  if (names.length > columnsMax) {
    throw new Fault(
      'TOO_EXPENSIVE',
      `This file has ${names.length.toLocaleString('en')} columns: ${columnsMax.toLocaleString('en')} are allowed.`,
    );
  }
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw new Fault('BAD_USER_INPUT', `The header names column ${quoted(name)} twice: rename one.`);
    seen.add(name);
  }
}

/** Names in the form in which messages list them. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 20).map((name) => quoted(name).slice(1, -1));
  return names.length > shown.length ? `${shown.join(', ')} and ${names.length - shown.length} more` : shown.join(', ');
}
