import type { Database } from '../connect.ts';
import { micros } from '../micros.ts';
import type { Requester } from './import-requests.ts';

export type ImportStatus =
  | 'UPLOADING'
  | 'QUEUED'
  | 'PREVIEWED'
  | 'RUNNING'
  | 'DONE'
  | 'FAILED'
  | 'CANCELLED'
  | 'UNDONE';

/** The next task of a worker for an import. */
export type ImportTask = 'PREVIEW' | 'COMMIT' | 'UNDO';

/** An import as clients see it. One that repeats the work of another shows the other's results. */
export interface ImportRow {
  readonly id: number;
  readonly upload: string;
  readonly filename: string;
  readonly status: ImportStatus;
  readonly task: ImportTask;
  readonly epoch: number;
  /** The import that does the work, if it is not this one. */
  readonly sameAs: number | null;
  readonly input: unknown;
  readonly plan: unknown;
  /** The size of the file; null until the sender has declared it. */
  readonly size: number | null;
  readonly sha256: string | null;
  /** The number of bytes processed. */
  readonly bytes: number;
  readonly rows: number;
  readonly accepted: number;
  readonly rejectedCount: number;
  readonly unchanged: number;
  readonly changed: number;
  readonly createdCount: number;
  readonly movedCount: number;
  readonly moved: readonly string[];
  readonly restored: number;
  readonly kept: number;
  readonly fromRevision: number | null;
  readonly toRevision: number | null;
  readonly undoneRevision: number | null;
  readonly problem: string | null;
  /** Microseconds since 1970. */
  readonly createdAt: number;
  readonly createdBy: Requester;
  readonly endedAt: number | null;
  readonly version: number;
}

/** The id of the import that does, or did, the work of this one. */
export function idOfWork({ id, sameAs }: ImportRow): number {
  return sameAs ?? id;
}

const selected = `SELECT own.id, own.upload, own.filename, work.status, work.task, work.epoch, own.same_as, own.input, work.plan,
  uploads.size, coalesce(uploads.sha256, uploads.claimed_sha256) AS sha256, work.bytes, work.rows, work.accepted,
  work.rejected_count, work.unchanged, work.changed, work.created_count, work.moved_count, work.moved, work.restored, work.kept, work.from_revision, work.to_revision,
  work.undone_revision, work.problem, ${micros('own.created_at')} AS created_at,
  (SELECT by FROM import_requests WHERE import = own.id AND what = 'IMPORT' ORDER BY id LIMIT 1) AS created_by, ${micros('work.ended_at')} AS ended_at,
  own.version + CASE WHEN own.same_as IS NULL THEN 0 ELSE work.version END AS version
  FROM imports AS own JOIN imports AS work ON work.id = coalesce(own.same_as, own.id)
  LEFT JOIN uploads ON uploads.id = own.upload`;

type Raw = Record<string, unknown>;

const number = (value: unknown) => (value === null ? null : Number(value));

function importRow(raw: Raw): ImportRow {
  const count = (name: string) => Number(raw[name]);
  return {
    id: count('id'),
    upload: raw.upload as string,
    filename: raw.filename as string,
    status: raw.status as ImportStatus,
    task: raw.task as ImportTask,
    epoch: count('epoch'),
    sameAs: number(raw.same_as),
    input: raw.input,
    plan: raw.plan,
    size: number(raw.size),
    sha256: raw.sha256 as string | null,
    bytes: count('bytes'),
    rows: count('rows'),
    accepted: count('accepted'),
    rejectedCount: count('rejected_count'),
    unchanged: count('unchanged'),
    changed: count('changed'),
    createdCount: count('created_count'),
    movedCount: count('moved_count'),
    moved: raw.moved as readonly string[],
    restored: count('restored'),
    kept: count('kept'),
    fromRevision: number(raw.from_revision),
    toRevision: number(raw.to_revision),
    undoneRevision: number(raw.undone_revision),
    problem: raw.problem as string | null,
    createdAt: count('created_at'),
    createdBy: raw.created_by as Requester,
    endedAt: number(raw.ended_at),
    version: count('version'),
  };
}

export async function readImport(database: Database, id: number): Promise<ImportRow | undefined> {
  const [row] = await database.query<Raw>(`${selected} WHERE own.id = $1`, [id]);
  return row && importRow(row);
}

/** The imports before an id, newest first. */
export async function readImports(database: Database, count: number, before?: number): Promise<ImportRow[]> {
  const rows = await database.query<Raw>(
    `${selected} WHERE own.id < coalesce($1, 2147483647) ORDER BY own.id DESC LIMIT $2`,
    [before ?? null, count],
  );
  return rows.map(importRow);
}

/** The imports with these ids, in no order. */
export async function readImportsByIds(database: Database, ids: readonly number[]): Promise<ImportRow[]> {
  return (await database.query<Raw>(`${selected} WHERE own.id = ANY ($1::int[])`, [ids])).map(importRow);
}

/** The imports whose version differs from the one given for their id. */
export async function changedImports(database: Database, seen: ReadonlyMap<number, number>): Promise<number[]> {
  const rows = await database.query<{ id: number }>(
    `SELECT own.id FROM unnest($1::int[], $2::bigint[]) AS seen (id, version) JOIN imports AS own ON own.id = seen.id
     JOIN imports AS work ON work.id = coalesce(own.same_as, own.id)
     WHERE seen.version <> own.version + CASE WHEN own.same_as IS NULL THEN 0 ELSE work.version END`,
    [[...seen.keys()], [...seen.values()]],
  );
  return rows.map(({ id }) => id);
}

/** The keys of the first series that an import creates. */
export async function readCreated(database: Database, work: number, count: number): Promise<string[]> {
  const rows = await database.query<{ key: string }>(
    'SELECT key FROM import_series WHERE import = $1 ORDER BY n LIMIT $2',
    [work, count],
  );
  return rows.map(({ key }) => key);
}

export async function announceImport(database: Database, id: number): Promise<void> {
  await database.query(`SELECT pg_notify('tidemark', $1)`, [JSON.stringify({ import: id })]);
}
