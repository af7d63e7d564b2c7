import { and, arrayContains, asc, desc, eq, gt, inArray, isNull, lte, ne, type SQL, sql } from 'drizzle-orm';
import { Fault } from '../engine/fault.ts';
import { readMixedRevisions } from './block-reads.ts';
import type { Database } from './connect.ts';
import { micros } from './micros.ts';
import { retryOnConnectionLoss } from './retry.ts';
import { commits, marks, series, writeKeys } from './tables.ts';

type SeriesKind = 'SOURCE' | 'DERIVED';

export interface SeriesRow {
  readonly id: number;
  readonly key: string;
  readonly kind: SeriesKind;
  readonly name: string | null;
  readonly unit: string | null;
  readonly tags: readonly string[];
  readonly createdRevision: number;
}

export interface CommitRow {
  readonly revision: number;
  /** Microseconds since 1970. */
  readonly at: number;
  readonly note: string | null;
  /** The import that wrote it. */
  readonly import: number | null;
}

const seriesFields = {
  id: series.id,
  key: series.key,
  // No caller asks for rows of kind STORAGE.
  kind: sql<SeriesKind>`${series.kind}`,
  name: series.name,
  unit: series.unit,
  tags: series.tags,
  createdRevision: series.createdRevision,
};

const commitFields = {
  revision: commits.revision,
  at: sql.raw(micros('commits.at')) as SQL<string>,
  note: commits.note,
  import: commits.import,
};

function commitRow(row: Omit<CommitRow, 'at'> & { at: string }): CommitRow {
  return { ...row, at: Number(row.at) };
}

/** PostgreSQL stores neither NUL nor half of a surrogate pair, so no series has such a key. */
function canBeStored(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

export interface SeriesFilter {
  readonly keyContains?: string | null | undefined;
  readonly tag?: string | null | undefined;
  readonly kind?: SeriesKind | null | undefined;
  /** Only keys after this one. */
  readonly afterKey?: string | undefined;
}

/** Series and commits. Each method is one statement, and sees everything that was committed before the call. */
export class Catalogue {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  #ask<T>(run: () => Promise<T>): Promise<T> {
    return retryOnConnectionLoss(run, this.#database.patienceMillis);
  }

  /** The revision that the live definition of each derived series reflects. */
  async derivedUpTo(series: readonly number[]): Promise<Map<number, number>> {
    const rows = await this.#ask(() =>
      this.#database.query<{ series: number; basis: string }>(
        `SELECT d.series, l.basis FROM definitions AS d JOIN lanes AS l ON l.definition = d.id
         WHERE d.state = 'LIVE' AND d.series = ANY ($1::int[])`,
        [series],
      ),
    );
    return new Map(rows.map((row) => [row.series, Number(row.basis)]));
  }

  async newestRevision(): Promise<number> {
    const rows = await this.#ask(() =>
      this.#database.catalogue
        .select({ revision: commits.revision })
        .from(commits)
        .orderBy(desc(commits.revision))
        .limit(1),
    );
    return rows[0]?.revision ?? 0;
  }

  /** The oldest readable revision. Older ones have lost the values that were overwritten since. */
  async oldestRevision(): Promise<number> {
    const rows = await this.#ask(() =>
      this.#database.catalogue.select({ value: marks.value }).from(marks).where(eq(marks.name, 'oldest_revision')),
    );
    return rows[0]?.value ?? 0;
  }

  async writeKey(key: string): Promise<{ hash: string; answer: Record<string, unknown> } | undefined> {
    const rows = await this.#ask(() =>
      this.#database.catalogue
        .select({ hash: writeKeys.hash, answer: writeKeys.answer })
        .from(writeKeys)
        .where(eq(writeKeys.key, key)),
    );
    return rows[0] && { hash: rows[0].hash, answer: rows[0].answer as Record<string, unknown> };
  }

  async seriesByKeys(keys: readonly string[]): Promise<SeriesRow[]> {
    return this.#series(
      and(inArray(series.key, keys.filter(canBeStored)), isNull(series.deletedRevision), ne(series.kind, 'STORAGE')),
    );
  }

  async seriesByIds(ids: readonly number[]): Promise<SeriesRow[]> {
    return this.#series(and(inArray(series.id, [...ids]), isNull(series.deletedRevision), ne(series.kind, 'STORAGE')));
  }

  #series(where: SQL | undefined): Promise<SeriesRow[]> {
    return this.#ask(() => this.#database.catalogue.select(seriesFields).from(series).where(where));
  }

  /** In the order of their keys, byte by byte. */
  async listSeries(filter: SeriesFilter, count: number): Promise<SeriesRow[]> {
    if (![filter.keyContains, filter.tag, filter.afterKey].every((text) => canBeStored(text ?? ''))) return [];
    const where = [isNull(series.deletedRevision), ne(series.kind, 'STORAGE')];
    if (filter.keyContains) where.push(sql`position(lower(${filter.keyContains}) in lower(${series.key})) > 0`);
    if (filter.tag) where.push(arrayContains(series.tags, [filter.tag]));
    if (filter.kind) where.push(eq(series.kind, filter.kind));
    if (filter.afterKey !== undefined) where.push(gt(sql`${series.key} COLLATE "C"`, filter.afterKey));
    return this.#ask(() =>
      this.#database.catalogue
        .select(seriesFields)
        .from(series)
        .where(and(...where))
        .orderBy(sql`${series.key} COLLATE "C"`)
        .limit(count),
    );
  }

  /** Keys similar to a wrong one: those that share its beginning, or a part of it. */
  async likelyKeys(wrong: string): Promise<string[]> {
    if (!canBeStored(wrong)) return [];
    const rows = await this.#ask(() =>
      this.#database.catalogue
        .select({ key: series.key })
        .from(series)
        .where(and(isNull(series.deletedRevision), ne(series.kind, 'STORAGE')))
        .orderBy(
          sql`lower(left(${series.key}, 2)) = lower(left(${wrong}, 2)) DESC, abs(length(${series.key}) - length(${wrong}))`,
        )
        .limit(2_000),
    );
    return rows.map(({ key }) => key);
  }

  async commits(revisions: readonly number[]): Promise<CommitRow[]> {
    const rows = await this.#ask(() =>
      this.#database.catalogue
        .select(commitFields)
        .from(commits)
        .where(inArray(commits.revision, [...revisions]))
        .orderBy(asc(commits.revision)),
    );
    return rows.map(commitRow);
  }

  /** The last commit at or before an instant. */
  async commitAt(micros: number): Promise<CommitRow | undefined> {
    const rows = await this.#ask(() =>
      this.#database.catalogue
        .select(commitFields)
        .from(commits)
        .where(lte(commits.at, sql`tidemark_instant(${micros}::bigint)`))
        .orderBy(desc(commits.at), desc(commits.revision))
        .limit(1),
    );
    return rows[0] && commitRow(rows[0]);
  }

  /** For each series: the last revision up to `asOf` that changed its points or created it. */
  async changedRevisions(ids: readonly number[], asOf: number): Promise<Map<number, number>> {
    const list = sql.join(
      ids.map((id) => sql`${id}`),
      sql`, `,
    );
    const { rows } = await this.#ask(() =>
      this.#database.catalogue.execute<{ id: number; revision: string }>(sql`
        SELECT id, greatest(created_revision,
          (SELECT max(revision) FROM fresh_blocks WHERE fresh_blocks.series = series.id AND revision <= ${asOf}),
          (SELECT max(max_revision) FROM sealed_blocks WHERE sealed_blocks.series = series.id AND max_revision <= ${asOf})) AS revision
        FROM series WHERE id IN (${list})`),
    );
    const mixed = await readMixedRevisions(this.#database, ids, asOf);
    return new Map(rows.map((row) => [row.id, Math.max(Number(row.revision), mixed.get(row.id) ?? 0)]));
  }

  /** Throws for a revision that is not written yet, or older than the history that is kept. */
  async checkReadable(revision: number, path: readonly (string | number)[]): Promise<void> {
    const newest = await this.newestRevision();
    if (revision > newest) {
      throw new Fault('BAD_USER_INPUT', `Revision ${revision} is not written yet; the newest is ${newest}.`, path);
    }
    const oldest = await this.oldestRevision();
    if (revision < oldest) {
      throw new Fault(
        'GONE',
        `Revision ${revision} is older than the history that is kept; the oldest is ${oldest}.`,
        path,
      );
    }
  }
}

export async function countSeries(database: Database): Promise<number> {
  const [row] = await database.query<{ count: string }>(
    `SELECT count(*) FROM series WHERE deleted_revision IS NULL AND kind <> 'STORAGE'`,
  );
  return Number(row.count);
}
