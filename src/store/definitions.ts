import { mergeVersions, type Versions } from '../engine/versions.ts';
import { type BinaryRows, idArray, readBinary, revisionArray } from './binary-in.ts';
import { blockReader } from './block-reads.ts';
import type { NewSeries } from './commit.ts';
import type { Database } from './connect.ts';
import { errorCodeOf } from './retry.ts';

type DefinitionState = 'BUILDING' | 'LIVE' | 'RETIRED' | 'CANCELLED';

/** The series that a key of a formula refers to. A source series has no definition. */
export interface DefinitionInput {
  readonly key: string;
  readonly series: number;
  readonly definition: number | null;
}

/** A definition of a derived series; the table has the details. */
export interface DefinitionRow {
  readonly id: number;
  readonly series: number;
  readonly key: string;
  readonly formula: string;
  readonly state: DefinitionState;
  readonly bundle: number;
  readonly inputs: readonly DefinitionInput[];
  readonly upstream: readonly number[];
  readonly sources: readonly number[];
  readonly partition: number;
  readonly storages: readonly number[];
  readonly since: number | null;
  readonly until: number | null;
  readonly arithmetic: string;
  readonly problem: string | null;
  readonly attempts: number;
  /** The time of the next attempt, on the clock of performance.now(). */
  readonly retryAt: number | null;
}

export interface DefinitionCatalogue {
  readonly version: number;
  readonly definitions: readonly DefinitionRow[];
}

/** The id under which the points of a definition's last stage are stored: those are the points of its series. */
export function storageOf({ storages }: Pick<DefinitionRow, 'storages'>): number {
  return storages[storages.length - 1];
}

type Raw = Omit<DefinitionRow, 'since' | 'until' | 'retryAt'> & {
  since: string | null;
  until: string | null;
  retry_millis: number | null;
};

/** The time until the next attempt, by the database's clock, which set it. The clock of this process may differ. */
export const retryMillis = `extract(epoch FROM d.retry_at - clock_timestamp())::float8 * 1000 AS retry_millis`;

export function retryAtOf(millis: number | null): number | null {
  return millis === null ? null : performance.now() + millis;
}

const columns = `d.id, d.series, s.key, d.formula, d.state, d.bundle, d.inputs, d.upstream, d.sources, d.partition, d.storages,
  d.since, d.until, d.arithmetic, d.problem, d.attempts, ${retryMillis}`;

function definitionRow({ retry_millis, ...row }: Raw): DefinitionRow {
  return {
    ...row,
    since: row.since === null ? null : Number(row.since),
    until: row.until === null ? null : Number(row.until),
    retryAt: retryAtOf(retry_millis),
  };
}

/**
 * All definitions that are computed, with the version of the catalogue. With `since`, only those that changed after
 * that version, including those that are no longer computed.
 */
export async function readDefinitions(database: Database, since = -1): Promise<DefinitionCatalogue> {
  const wanted = since < 0 ? `d.state IN ('BUILDING', 'LIVE')` : `d.changed_version > ${since}`;
  const [row] = await database.query<{ version: string; definitions: Raw[] | null }>(
    `SELECT (SELECT value FROM marks WHERE name = 'catalogue_version') AS version,
       (SELECT json_agg(row_to_json(d) ORDER BY d.id) FROM (
          SELECT ${columns} FROM definitions AS d JOIN series AS s ON s.id = d.series WHERE ${wanted}) AS d) AS definitions`,
  );
  return { version: Number(row.version), definitions: (row.definitions ?? []).map(definitionRow) };
}

/** All definitions of some series, retired ones included, oldest first. */
export async function readHistoryOfDefinitions(
  database: Database,
  series: readonly number[],
): Promise<DefinitionRow[]> {
  const rows = await database.query<Raw>(
    `SELECT ${columns} FROM definitions AS d JOIN series AS s ON s.id = d.series
     WHERE d.series = ANY ($1::int[]) AND d.state <> 'CANCELLED' ORDER BY d.id`,
    [series],
  );
  return rows.map(definitionRow);
}

/** `series` null is the new series. A definition below 0 is the -(i + 1)th of the list. */
export interface NewDefinition {
  readonly series: number | null;
  readonly formula: string;
  readonly inputs: readonly { readonly key: string; readonly series: number; readonly definition: number | null }[];
  readonly upstream: readonly number[];
  readonly sources: readonly number[];
  readonly partition: number;
  readonly stages: number;
  readonly arithmetic: string;
}

/** Definitions that go live together. */
export interface Bundle {
  readonly list: readonly NewDefinition[];
  /** The bundles that this one replaces, and their builds that continue in this one. */
  readonly cancel: readonly number[];
  readonly keep: readonly number[];
}

export interface Defined {
  readonly revision: number;
  readonly series: number;
  readonly definitions: readonly number[];
}

/** Adds the definitions of a bundle; undefined when the catalogue has changed since they were planned. */
export async function define(
  database: Database,
  version: number,
  series: (NewSeries & { readonly id?: undefined }) | (Partial<NewSeries> & { readonly id: number }),
  { list, cancel, keep }: Bundle,
  announce: boolean,
): Promise<Defined | undefined> {
  try {
    const [row] = await database.query<{ defined: Defined | null }>(
      'SELECT tidemark_define($1, $2::jsonb, $3::jsonb, $4::int[], $5::int[], $6) AS defined',
      [version, JSON.stringify(series), JSON.stringify(list), cancel, keep, announce],
    );
    return row.defined ?? undefined;
  } catch (error) {
    // Another commit has taken the key.
    if (errorCodeOf(error) === '23505') return undefined;
    throw error;
  }
}

/** Makes definitions live in place of their predecessors; undefined when the catalogue has changed. */
export async function switchIn(
  database: Database,
  version: number,
  definitions: readonly number[],
  announce: boolean,
): Promise<number | undefined> {
  const [row] = await database.query<{ revision: string | null }>(
    'SELECT tidemark_switch($1, $2::int[], $3) AS revision',
    [version, definitions, announce],
  );
  return row.revision === null ? undefined : Number(row.revision);
}

export type Deletion =
  | { readonly revision: number }
  | { readonly missing: true }
  | { readonly dependents: readonly string[] };

export async function deleteSeries(database: Database, id: number, announce: boolean): Promise<Deletion> {
  const [row] = await database.query<{ deletion: Deletion }>('SELECT tidemark_delete_series($1, $2) AS deletion', [
    id,
    announce,
  ]);
  return row.deletion;
}

/** Records that a definition cannot be computed, the reason, and the time of the next attempt. */
export async function fail(
  database: Database,
  definition: number,
  problem: string,
  retrySeconds: number,
): Promise<void> {
  await database.query(
    `UPDATE definitions SET problem = $2, attempts = attempts + 1, retry_at = now() + $3 * interval '1 second' WHERE id = $1`,
    [definition, problem.replaceAll('\0', '?').slice(0, 1_000), retrySeconds],
  );
}

export async function recover(database: Database, definitions: readonly number[]): Promise<void> {
  await database.query(
    'UPDATE definitions SET problem = NULL, attempts = 0, retry_at = NULL WHERE id = ANY ($1::int[]) AND problem IS NOT NULL',
    [definitions],
  );
}

export interface Asked {
  readonly storage: number;
  readonly after: number;
}

/** For each storage: the versions of (after, to]. Storages without any are left out. */
export async function readChanged(
  database: Database,
  asked: readonly Asked[],
  to: number,
): Promise<Map<number, Versions>> {
  if (asked.length === 0) return new Map();
  return changedTaker(await readBinary(database, `SELECT * FROM tidemark_changed(${arraysOf(asked)}, ${to})`))(to);
}

/** SQL arrays of storages and revisions. */
export function arraysOf(asked: readonly Asked[]): string {
  return `${idArray(asked.map(({ storage }) => storage))}, ${revisionArray(asked.map(({ after }) => after))}`;
}

/** Reads these versions from rows of tidemark_changed, each after `before` fields that are null. */
export function changedTaker(rows: BinaryRows, before = 0): (to: number) => Map<number, Versions> {
  const block = blockReader(rows, before + 2);
  return (to) => {
    const runs = new Map<number, Versions[]>();
    while (rows.next()) {
      rows.skip(before);
      const storage = rows.int4();
      const after = rows.int8();
      const run = within(block(), after, to);
      if (run.t.length === 0) continue;
      const known = runs.get(storage);
      if (known) known.push(run);
      else runs.set(storage, [run]);
    }
    return new Map([...runs].map(([storage, blocks]) => [storage, mergeVersions(blocks)]));
  };
}

/** The versions of (after, to]. */
export function within(versions: Versions, after: number, to: number): Versions {
  const { t, revision, value, size } = versions;
  let count = 0;
  for (let i = 0; i < t.length; i++) if (revision[i] > after && revision[i] <= to) count++;
  if (count === t.length) return versions;
  const keep = (_: number, i: number) => revision[i] > after && revision[i] <= to;
  return { t: t.filter(keep), revision: revision.filter(keep), value: value.filter(keep), size: size?.filter(keep) };
}

/** An upper bound of the number of versions in (after, to], for each request. */
export async function countChanged(database: Database, asked: readonly Asked[], to: number): Promise<number[]> {
  if (asked.length === 0) return [];
  const counted = (table: string, where: string) =>
    `coalesce((SELECT sum(versions) FROM ${table} WHERE series = storage AND ${where}), 0)`;
  const rows = await database.query<{ count: string }>(
    `SELECT ${counted('sealed_blocks', `max_revision > after AND base_revision <= ${to}`)}
       + ${counted('fresh_blocks', `revision > after AND revision <= ${to}`)} AS count
     FROM unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS asked (storage, after, place) ORDER BY place`,
    [asked.map(({ storage }) => storage), asked.map(({ after }) => after)],
  );
  return rows.map(({ count }) => Number(count));
}
