import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  customType,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';

const instant = (name: string) => bigint(name, { mode: 'number' });
/** A column of a block; packed-columns.ts defines its bytes. */
const packed = customType<{ data: Buffer }>({ dataType: () => 'bytea' });
const revision = (name: string) => bigint(name, { mode: 'number' });

/** One row per revision of the global order. The newest row is the newest revision. */
export const commits = pgTable(
  'commits',
  {
    revision: revision('revision').primaryKey(),
    at: timestamp('at', { withTimezone: true, precision: 6, mode: 'string' }).notNull(),
    note: text('note'),
    /** The import that wrote it. */
    import: integer('import'),
  },
  (table) => [
    index('commits_at').on(table.at),
    index('commits_import').on(table.import).where(sql`import is not null`),
  ],
);

/**
 * The catalogue. A deleted series keeps its row, so that its id is never reused; its key is free again. The points of a
 * derived series are stored under the ids of its definitions' storages: rows of kind STORAGE, with keys that no user
 * can write.
 */
export const series = pgTable(
  'series',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    key: text('key').notNull(),
    kind: text('kind', { enum: ['SOURCE', 'DERIVED', 'STORAGE'] })
      .notNull()
      .default('SOURCE'),
    name: text('name'),
    unit: text('unit'),
    tags: text('tags').array().notNull().default(sql`'{}'`),
    createdRevision: revision('created_revision').notNull(),
    deletedRevision: revision('deleted_revision'),
    /** Counts the changes of its sealed blocks. A compaction compares it before it replaces any. */
    sealCount: bigint('seal_count', { mode: 'number' }).notNull().default(0),
  },
  (table) => [
    uniqueIndex('series_key').on(table.key).where(sql`deleted_revision is null`),
    index('series_deleted').on(table.deletedRevision).where(sql`deleted_revision is not null`),
  ],
);

/**
 * The points that one commit wrote to one series: sorted instants and their values, NaN for a deletion. Rows with a
 * stage and no revision belong to a large write that is not published yet, and are invisible.
 */
export const freshBlocks = pgTable(
  'fresh_blocks',
  {
    /** Rows are found by their series. An index of its own would add a fifth to the cost of a tick. */
    id: bigint('id', { mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    series: integer('series').notNull(),
    revision: revision('revision'),
    stage: uuid('stage'),
    stagedAt: timestamp('staged_at', { withTimezone: true, mode: 'string' }),
    fromT: instant('from_t').notNull(),
    toT: instant('to_t').notNull(),
    versions: integer('versions').notNull(),
    t: packed('t').notNull(),
    value: packed('value').notNull(),
    size: packed('size'),
  },
  (table) => [
    index('fresh_blocks_series_revision').on(table.series, table.revision),
    index('fresh_blocks_stage').on(table.stage).where(sql`stage is not null`),
  ],
);

/**
 * Merged blocks: versions sorted by (t, revision), without overlaps within a series. Revisions are stored as offsets
 * from the lowest one; there are no offsets when all are equal. engine/tally.ts packs `summary` and `chunks`.
 */
export const sealedBlocks = pgTable(
  'sealed_blocks',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    series: integer('series').notNull(),
    fromT: instant('from_t').notNull(),
    toT: instant('to_t').notNull(),
    baseRevision: revision('base_revision').notNull(),
    maxRevision: revision('max_revision').notNull(),
    versions: integer('versions').notNull(),
    points: integer('points').notNull(),
    t: packed('t').notNull(),
    value: packed('value').notNull(),
    size: packed('size'),
    offsets: packed('offsets'),
    summary: doublePrecision('summary').array().notNull(),
    chunks: doublePrecision('chunks').array().notNull(),
  },
  (table) => [
    uniqueIndex('sealed_blocks_series_from').on(table.series, table.fromT),
    index('sealed_blocks_series_revision').on(table.series, table.maxRevision),
  ],
);

/** Idempotency keys, with the hash and the answer of their write. */
export const writeKeys = pgTable(
  'write_keys',
  {
    key: text('key').primaryKey(),
    hash: text('hash').notNull(),
    answer: jsonb('answer').notNull(),
    at: timestamp('at', { withTimezone: true, mode: 'string' }).notNull(),
  },
  (table) => [index('write_keys_at').on(table.at)],
);

/** The answer of each commit call, so that a retry after a lost answer gets it again instead of writing twice. */
export const batches = pgTable(
  'batches',
  {
    id: uuid('id').primaryKey(),
    answer: jsonb('answer').notNull(),
    at: timestamp('at', { withTimezone: true, mode: 'string' }).notNull(),
  },
  (table) => [index('batches_at').on(table.at)],
);

/** Single numbers of the whole store, such as the oldest readable revision. */
export const marks = pgTable('marks', {
  name: text('name').primaryKey(),
  value: bigint('value', { mode: 'number' }).notNull(),
  at: timestamp('at', { withTimezone: true, mode: 'string' }).notNull(),
});

/**
 * The definitions of derived series. A new one is BUILDING until it has caught up, then LIVE from a revision on. Its
 * predecessor is RETIRED until that revision, and can be read before it.
 */
export const definitions = pgTable(
  'definitions',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    series: integer('series').notNull(),
    formula: text('formula').notNull(),
    state: text('state', { enum: ['BUILDING', 'LIVE', 'RETIRED', 'CANCELLED'] })
      .notNull()
      .default('BUILDING'),
    /** Definitions that go live together: a redefined series, and all series that depend on it. */
    bundle: integer('bundle').notNull(),
    /** The series of each key in the formula: [{ key, series, definition }]. A source series has no definition. */
    inputs: jsonb('inputs').notNull(),
    /** The definitions among its inputs, and all source series that it depends on, directly or not. */
    upstream: integer('upstream').array().notNull(),
    sources: integer('sources').array().notNull(),
    partition: smallint('partition').notNull(),
    /** The ids under which the points of its stages are stored; the last one is the series' own. */
    storages: integer('storages').array().notNull(),
    since: revision('since'),
    until: revision('until'),
    /** The fingerprint of the exp, log and pow that computed it. */
    arithmetic: text('arithmetic').notNull(),
    problem: text('problem'),
    attempts: integer('attempts').notNull().default(0),
    retryAt: timestamp('retry_at', { withTimezone: true, mode: 'string' }),
    /** The catalogue version of its last change of state, which a trigger sets. */
    changedVersion: bigint('changed_version', { mode: 'number' }).notNull().default(0),
  },
  (table) => [
    index('definitions_series').on(table.series),
    index('definitions_state').on(table.state),
    index('definitions_changed_version').on(table.changedVersion),
  ],
);

/**
 * The progress of a definition. `basis` is the revision that it reflects, -1 before the first. `stops` are the earlier
 * revisions at which it was exact, each up to the one in `untils`. `step` is the state of a backfill in progress.
 */
export const lanes = pgTable('lanes', {
  definition: integer('definition').primaryKey(),
  basis: revision('basis').notNull().default(-1),
  stops: bigint('stops', { mode: 'number' }).array().notNull().default(sql`'{}'`),
  untils: bigint('untils', { mode: 'number' }).array().notNull().default(sql`'{}'`),
  step: jsonb('step'),
});

/**
 * The states of operators with endless memory, at a lane's basis: before instant t, for each recursive node its length
 * and its numbers.
 */
export const checkpoints = pgTable(
  'checkpoints',
  {
    definition: integer('definition').notNull(),
    stage: smallint('stage').notNull(),
    t: instant('t').notNull(),
    states: doublePrecision('states').array().notNull(),
  },
  (table) => [primaryKey({ columns: [table.definition, table.stage, table.t] })],
);

/** The common target revisions of all lanes. */
export const waves = pgTable('waves', {
  number: bigint('number', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  revision: revision('revision').notNull(),
  at: timestamp('at', { withTimezone: true, mode: 'string' }).notNull(),
});

/** The workers and the partitions that each leases. If two lease the same one, the work is done twice, without harm. */
export const workers = pgTable('workers', {
  id: uuid('id').primaryKey(),
  seenAt: timestamp('seen_at', { withTimezone: true, mode: 'string' }).notNull(),
});

export const leases = pgTable('leases', {
  partition: smallint('partition').primaryKey(),
  worker: uuid('worker').notNull(),
  until: timestamp('until', { withTimezone: true, mode: 'string' }).notNull(),
});

/**
 * Uploads: the bytes of a file, in the folder of uploads under this id. The bytes are deleted after a while; the row
 * stays.
 */
export const uploads = pgTable(
  'uploads',
  {
    id: text('id').primaryKey(),
    filename: text('filename').notNull(),
    /** null until the sender has declared it. */
    size: bigint('size', { mode: 'number' }),
    /** The hash of all bytes, in hex: the one that the sender declared, and the one that was computed. */
    claimedSha256: text('claimed_sha256'),
    sha256: text('sha256'),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'string' }).notNull().defaultNow(),
    /** The time of the last byte. */
    completeAt: timestamp('complete_at', { withTimezone: true, mode: 'string' }),
    /** The time when the bytes were deleted. */
    goneAt: timestamp('gone_at', { withTimezone: true, mode: 'string' }),
  },
  (table) => [
    index('uploads_sha256').on(table.sha256),
    index('uploads_claimed_sha256').on(table.claimedSha256),
    index('uploads_there').on(table.createdAt).where(sql`gone_at is null`),
  ],
);

/** The imports of uploads. `input` is the user's, `plan` is the complete plan that was made of it. */
export const imports = pgTable(
  'imports',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    upload: text('upload').notNull(),
    filename: text('filename').notNull(),
    status: text('status', {
      enum: ['UPLOADING', 'QUEUED', 'PREVIEWED', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED', 'UNDONE'],
    }).notNull(),
    input: jsonb('input').notNull(),
    /** A hash of the bytes and the input, known when the bytes are. Work that was done once is not done again. */
    work: text('work'),
    /** The import that did the same work. This one shows its results. */
    sameAs: integer('same_as'),
    plan: jsonb('plan'),
    /** The next task of a worker: read without writing, write, or undo. */
    task: text('task', { enum: ['PREVIEW', 'COMMIT', 'UNDO'] })
      .notNull()
      .default('COMMIT'),
    /** Counts the workers that took it. Only the last one may write. */
    epoch: integer('epoch').notNull().default(0),
    /** The number of workers that died while they worked on it, since its last progress. */
    deaths: integer('deaths').notNull().default(0),
    heartbeatAt: timestamp('heartbeat_at', { withTimezone: true, mode: 'string' }),
    cancelAsked: boolean('cancel_asked').notNull().default(false),
    /** The position from which the next worker continues. */
    place: jsonb('place'),
    bytes: bigint('bytes', { mode: 'number' }).notNull().default(0),
    rows: bigint('rows', { mode: 'number' }).notNull().default(0),
    accepted: bigint('accepted', { mode: 'number' }).notNull().default(0),
    rejectedCount: bigint('rejected_count', { mode: 'number' }).notNull().default(0),
    /** Compared with the store when the rows were read, also for instants that occur again later in the file. */
    unchanged: bigint('unchanged', { mode: 'number' }).notNull().default(0),
    changed: bigint('changed', { mode: 'number' }).notNull().default(0),
    /** The number of series that it creates; import_series lists them. */
    createdCount: integer('created_count').notNull().default(0),
    /** The derived series that it changes: their number, and the keys of the first thousand. */
    movedCount: integer('moved_count').notNull().default(0),
    moved: jsonb('moved').notNull().default(sql`'[]'`),
    fromRevision: revision('from_revision'),
    toRevision: revision('to_revision'),
    /** The revision of its undo. */
    undoneRevision: revision('undone_revision'),
    /** The points that the undo restored, and those that were changed since and stay. */
    restored: bigint('restored', { mode: 'number' }).notNull().default(0),
    kept: bigint('kept', { mode: 'number' }).notNull().default(0),
    problem: text('problem'),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'string' }).notNull().defaultNow(),
    endedAt: timestamp('ended_at', { withTimezone: true, mode: 'string' }),
    /** Increases with each visible change. */
    version: bigint('version', { mode: 'number' }).notNull().default(0),
  },
  (table) => [
    index('imports_upload').on(table.upload),
    index('imports_work').on(table.work),
    index('imports_open').on(table.status).where(sql`status in ('QUEUED', 'RUNNING')`),
  ],
);

/** The requests about imports: the kind, the client and the time. */
export const importRequests = pgTable(
  'import_requests',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    import: integer('import').notNull(),
    what: text('what', { enum: ['IMPORT', 'PREVIEW', 'COMMIT', 'CANCEL', 'UNDO'] }).notNull(),
    at: timestamp('at', { withTimezone: true, mode: 'string' }).notNull().default(sql`clock_timestamp()`),
    /** The server's name for the client. */
    by: text('by'),
  },
  (table) => [index('import_requests_import').on(table.import, table.id)],
);

/** Rejected rows in the order of the file; only the first ones of many. */
export const importRejects = pgTable(
  'import_rejects',
  {
    import: integer('import').notNull(),
    place: bigint('place', { mode: 'number' }).notNull(),
    line: bigint('line', { mode: 'number' }).notNull(),
    column: text('column'),
    reason: text('reason').notNull(),
  },
  (table) => [primaryKey({ columns: [table.import, table.place] })],
);

/** The series that an import creates. Its staged blocks refer to the n-th as -n. */
export const importSeries = pgTable(
  'import_series',
  { import: integer('import').notNull(), n: integer('n').notNull(), key: text('key').notNull() },
  (table) => [primaryKey({ columns: [table.import, table.n] })],
);

/**
 * The stages of an import. Of two blocks that overlap, the later one has a later generation, and so a later revision.
 */
export const importStages = pgTable(
  'import_stages',
  {
    import: integer('import').notNull(),
    stage: uuid('stage').notNull(),
    generation: integer('generation').notNull(),
    blocks: integer('blocks').notNull(),
  },
  (table) => [primaryKey({ columns: [table.import, table.stage] })],
);

/** Summaries of tables that clients have requested. */
export const importSummaries = pgTable(
  'import_summaries',
  {
    import: integer('import').notNull(),
    groupBy: text('group_by').notNull(),
    /** '' for none. */
    of: text('of').notNull(),
    fn: text('fn').notNull(),
    /** [[group, value, count]]; null until it is computed. */
    groups: jsonb('groups'),
    problem: text('problem'),
    askedAt: timestamp('asked_at', { withTimezone: true, mode: 'string' }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.import, table.groupBy, table.of, table.fn] })],
);
