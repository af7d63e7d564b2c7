import type { SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import { type DefinitionRow, readHistoryOfDefinitions, storageOf } from '../store/definitions.ts';
import { readStandings, type Standing } from '../store/lanes.ts';
import { newestExact } from './lane-progress.ts';

/** The revisions [since, until) in which one storage holds the points of a derived series. */
interface StorageTerm {
  readonly storage: number;
  readonly since: number;
  readonly until: number;
}

/** No series has this id: no points are stored under it. */
export const noStorage = 0;

/** The storage and the revision at which the points of a series are read. */
export interface ReadPosition {
  readonly storage: number;
  /**
   * The points at this revision never change again. For a derived series that is not up to date it is older than the requested
   * one; the points at both are equal now.
   */
  readonly asOf: number;
}

/** Says which storage holds the points of a derived series at which revisions, oldest first. */
export type StorageHistory = readonly StorageTerm[];

/** The terms of definitions that answer or have answered. */
export function storageHistoryOf(definitions: readonly DefinitionRow[]): StorageHistory {
  return definitions
    .flatMap((row) =>
      row.since === null
        ? []
        : [{ storage: storageOf(row), since: row.since, until: row.until ?? Number.POSITIVE_INFINITY }],
    )
    .sort((a, b) => a.since - b.since);
}

/** The definition that answers at a revision; undefined before the first one does. */
export function answeringAt<T extends { readonly since: number | null; readonly until: number | null }>(
  definitions: readonly T[],
  revision: number,
): T | undefined {
  return definitions.find(
    ({ since, until }) => since !== null && since <= revision && (until === null || revision < until),
  );
}

export function storageAt(history: StorageHistory, revision: number): number {
  return answeringAt(history, revision)?.storage ?? noStorage;
}

/** The storage histories of derived series, by their ids. */
export async function readStorageHistories(
  database: Database,
  series: readonly number[],
): Promise<Map<number, StorageHistory>> {
  const byId = new Map<number, DefinitionRow[]>(series.map((id) => [id, []]));
  for (const row of await readHistoryOfDefinitions(database, series)) byId.get(row.series)?.push(row);
  return new Map([...byId].map(([id, rows]) => [id, storageHistoryOf(rows)]));
}

/**
 * The newest revision up to another one at which the points of a series are final: its lane stamps further changes with later
 * revisions.
 */
function finalUpTo(standing: Standing, revision: number): number {
  const { basis, since } = standing;
  if (revision <= basis || revision < since) return revision;
  return Math.max(since, newestExact(standing, revision) ?? since);
}

/** The read positions of derived series at a revision that is committed already, by their ids. */
export async function readPositions(
  database: Database,
  series: readonly number[],
  revision: number,
): Promise<Map<number, ReadPosition>> {
  const [histories, { standings }] = await Promise.all([
    readStorageHistories(database, series),
    readStandings(database, { series }),
  ]);
  const bySeries = new Map(standings.map((standing) => [standing.series, standing]));
  return new Map(
    series.map((id) => {
      const standing = bySeries.get(id);
      const asOf = standing ? finalUpTo(standing, revision) : revision;
      return [id, { storage: storageAt(histories.get(id) ?? [], revision), asOf }];
    }),
  );
}

/** The storages of series at a revision; a source series has one under its own id. */
export async function readStorages(
  database: Database,
  rows: readonly SeriesRow[],
  revision: number,
): Promise<Map<number, number>> {
  const derived = derivedAmong(rows);
  const histories =
    derived.length > 0 ? await readStorageHistories(database, derived) : new Map<number, StorageHistory>();
  return new Map(rows.map(({ id }) => [id, histories.has(id) ? storageAt(histories.get(id) ?? [], revision) : id]));
}

export function derivedAmong(rows: readonly SeriesRow[]): number[] {
  return rows.flatMap(({ id, kind }) => (kind === 'DERIVED' ? [id] : []));
}
