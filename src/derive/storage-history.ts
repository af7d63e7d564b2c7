import type { SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import { type DefinitionRow, readHistoryOfDefinitions, storageOf } from '../store/definitions.ts';
import { readStandings, type Standing } from '../store/lanes.ts';
import { newestExact } from './lane-progress.ts';

/** A stretch of revisions, [since, until), in which the points of a derived series lie under one id. */
export interface Tenure {
  readonly storage: number;
  readonly since: number;
  readonly until: number;
}

/** No series has this id, so nothing lies there. */
export const nowhere = 0;

/** Where the points of a series are read at a revision. */
export interface Place {
  readonly storage: number;
  /**
   * What is read at this revision will always be the same. Of a derived series that is not up to date it lies before the
   * one that was asked for; what is there at both is the same now.
   */
  readonly asOf: number;
}

/** The stretches of definitions that answer or have answered, oldest first. */
export function tenuresOf(definitions: readonly DefinitionRow[]): Tenure[] {
  return definitions
    .flatMap((row) =>
      row.since === null
        ? []
        : [{ storage: storageOf(row), since: row.since, until: row.until ?? Number.POSITIVE_INFINITY }],
    )
    .sort((a, b) => a.since - b.since);
}

/** What answers at a revision; undefined before the first definition does. */
export function answeringAt<T extends { readonly since: number | null; readonly until: number | null }>(
  definitions: readonly T[],
  revision: number,
): T | undefined {
  return definitions.find(
    ({ since, until }) => since !== null && since <= revision && (until === null || revision < until),
  );
}

export function storageAt(tenures: readonly Tenure[], revision: number): number {
  return answeringAt(tenures, revision)?.storage ?? nowhere;
}

/** The stretches of derived series, by their ids. */
export async function readTenures(database: Database, series: readonly number[]): Promise<Map<number, Tenure[]>> {
  const byId = new Map<number, DefinitionRow[]>(series.map((id) => [id, []]));
  for (const row of await readHistoryOfDefinitions(database, series)) byId.get(row.series)?.push(row);
  return new Map([...byId].map(([id, rows]) => [id, tenuresOf(rows)]));
}

/**
 * The newest revision up to another one at which a series will always hold what it holds now: what its lane is still to
 * be brought forward by is stamped with later ones.
 */
function firmUpTo(standing: Standing, revision: number): number {
  const { basis, since } = standing;
  if (revision <= basis || revision < since) return revision;
  return Math.max(since, newestExact(standing, revision) ?? since);
}

/** Where derived series are to be read at a revision that is written already, by their ids. */
export async function readPlaces(
  database: Database,
  series: readonly number[],
  revision: number,
): Promise<Map<number, Place>> {
  const [tenures, { standings }] = await Promise.all([
    readTenures(database, series),
    readStandings(database, { series }),
  ]);
  const bySeries = new Map(standings.map((standing) => [standing.series, standing]));
  return new Map(
    series.map((id) => {
      const standing = bySeries.get(id);
      const asOf = standing ? firmUpTo(standing, revision) : revision;
      return [id, { storage: storageAt(tenures.get(id) ?? [], revision), asOf }];
    }),
  );
}

/** The ids under which series are read at a revision; source series lie under their own. */
export async function readStorages(
  database: Database,
  rows: readonly SeriesRow[],
  revision: number,
): Promise<Map<number, number>> {
  const derived = derivedAmong(rows);
  const tenures = derived.length > 0 ? await readTenures(database, derived) : new Map<number, Tenure[]>();
  return new Map(rows.map(({ id }) => [id, tenures.has(id) ? storageAt(tenures.get(id) ?? [], revision) : id]));
}

export function derivedAmong(rows: readonly SeriesRow[]): number[] {
  return rows.flatMap(({ id, kind }) => (kind === 'DERIVED' ? [id] : []));
}
