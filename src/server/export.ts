import { Fault } from '../engine/fault.ts';
import { formatInstant, instantMicros, instantProblem } from '../engine/instant.ts';
import { everything, type Range } from '../engine/ranges.ts';
import { foldVersions, type Points } from '../engine/versions.ts';
import type { App } from '../schema/app.ts';
import { parseImportId } from '../schema/ids.ts';
import type { OperationReads } from '../schema/operation-reads.ts';
import { walkVersions } from '../store/block-reads.ts';
import { readRejects } from '../store/imports/import-rejects.ts';
import { idOfWork, readImport } from '../store/imports/import-rows.ts';
import { type Download, textCell } from './download.ts';

type Format = 'csv' | 'ndjson';

const types: Readonly<Record<Format, string>> = {
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson; charset=utf-8',
};

/** The number of rows that are formatted together. */
const rowsAtOnce = 2_000;

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Fault('BAD_USER_INPUT', 'The address is not percent-encoded UTF-8.');
  }
}

/** Exports the points of a series: /export/KEY.csv and .ndjson. */
export async function exportOf(
  app: App,
  operation: OperationReads,
  path: string,
  parameters: URLSearchParams,
): Promise<Download | undefined> {
  const match = /^\/export\/(.+)\.(csv|ndjson)$/.exec(path);
  if (!match) return undefined;
  const format = match[2] === 'csv' ? 'csv' : 'ndjson';
  checkNames(parameters, ['from', 'to', 'asOf']);
  const range = {
    from: instantOf(parameters, 'from') ?? everything.from,
    to: instantOf(parameters, 'to') ?? everything.to,
  };
  if (range.from > range.to) throw new Fault('BAD_USER_INPUT', 'from lies behind to.');
  const row = await operation.requireSeries(decoded(match[1]), ['key']);
  const place = await operation.place(row, revisionOf(parameters));
  return {
    filename: `${row.key}.${format}`,
    type: types[format],
    parts: pointTexts(app, place.storage, place.asOf, range, format),
  };
}

async function* pointTexts(
  app: App,
  series: number,
  asOf: number,
  range: Range,
  format: Format,
): AsyncGenerator<string> {
  if (format === 'csv') yield 't,value,size\n';
  for await (const { versions } of walkVersions(app.database, series, range)) {
    const points = foldVersions(versions, asOf);
    for (let start = 0; start < points.t.length; start += rowsAtOnce)
      yield textOf(points, start, Math.min(points.t.length, start + rowsAtOnce), format);
  }
}

function textOf({ t, value, size }: Points, start: number, end: number, format: Format): string {
  let text = '';
  for (let i = start; i < end; i++) {
    const own = size?.[i] ?? Number.NaN;
    const instant = formatInstant(t[i]);
    if (format === 'csv') text += `${instant},${value[i]},${Number.isNaN(own) ? '' : own}\n`;
    else text += `{"t":"${instant}","value":${value[i]}${Number.isNaN(own) ? '' : `,"size":${own}`}}\n`;
  }
  return text;
}

/** Exports the rejected rows of an import: /imports/ID/rejects.csv. */
export async function rejectsOf(app: App, path: string, parameters: URLSearchParams): Promise<Download | undefined> {
  const match = /^\/imports\/([^/]+)\/rejects\.csv$/.exec(path);
  if (!match) return undefined;
  checkNames(parameters, []);
  const id = parseImportId(decoded(match[1]));
  const found = id === undefined ? undefined : await readImport(app.database, id);
  if (!found) throw new Fault('NOT_FOUND', 'There is no import with this id.');
  return { filename: `${found.filename}.rejects.csv`, type: types.csv, parts: rejectTexts(app, idOfWork(found)) };
}

async function* rejectTexts(app: App, id: number): AsyncGenerator<string> {
  yield 'line,column,reason\n';
  for (let place = -1; ; ) {
    const rows = await readRejects(app.database, id, rowsAtOnce, place);
    if (rows.length > 0)
      yield rows.map(({ line, column, reason }) => `${line},${textCell(column ?? '')},${textCell(reason)}\n`).join('');
    if (rows.length < rowsAtOnce) return;
    place = rows[rows.length - 1].place;
  }
}

function checkNames(parameters: URLSearchParams, known: readonly string[]): void {
  for (const name of parameters.keys()) {
    if (known.includes(name) && parameters.getAll(name).length === 1) continue;
    const may = known.length === 0 ? 'it takes none' : `it takes each of ${known.join(', ')} once`;
    throw new Fault('BAD_USER_INPUT', `The parameter '${name.slice(0, 60)}' is not taken here: ${may}.`);
  }
}

/** Parses RFC 3339 text or milliseconds since 1970. */
function instantOf(parameters: URLSearchParams, name: string): number | undefined {
  const text = parameters.get(name);
  if (text === null) return undefined;
  // An unencoded + of an offset arrives as a space.
  const given = /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text.replace(/ (?=\d\d:\d\d$)/, '+');
  const micros = instantMicros(given);
  if (Number.isNaN(micros)) throw new Fault('BAD_USER_INPUT', `${name}: not an instant: ${instantProblem(given)}.`);
  return micros;
}

function revisionOf(parameters: URLSearchParams): number | undefined {
  const text = parameters.get('asOf');
  if (text === null) return undefined;
  const revision = Number(text);
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(revision))
    throw new Fault('BAD_USER_INPUT', 'asOf is a revision: a whole number from 0 to 2^53 - 1.');
  return revision;
}
