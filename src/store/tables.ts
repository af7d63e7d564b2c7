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
/** A column of a block: packed.ts says how numbers lie in it. */
const packed = customType<{ data: Buffer }>({ dataType: () => 'bytea' });
const revision = (name: string) => bigint(name, { mode: 'number' });

/** One row a revision of the global line; the newest row is the newest revision. */
export const commits = pgTable(
  'commits',
  {
    revision: revision('revision').primaryKey(),
    at: timestamp('at', { withTimezone: true, precision: 6, mode: 'string' }).notNull(),
    note: text('note'),
    /** The import that it is of. */
    import: integer('import'),
  },
  (table) => [
    index('commits_at').on(table.at),
    index('commits_import').on(table.import).where(sql`import is not null`),
  ],
);

/**
 * The catalogue. A deleted series keeps its row, so that its id is never given again; its key is free. The points of a
 * derived series lie under the ids of its definitions' storages, rows of kind STORAGE whose keys nobody can write.
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
    /** Counts the changes of its sealed blocks: what a compaction compares before it replaces any. */
    sealCount: bigint('seal_count', { mode: 'number' }).notNull().default(0),
  },
  (table) => [
    uniqueIndex('series_key').on(table.key).where(sql`deleted_revision is null`),
    index('series_deleted').on(table.deletedRevision).where(sql`deleted_revision is not null`),
  ],
);

/**
 * What one commit said of one series: sorted instants and their values; NaN deletes. Rows with a stage and no revision
 * are part of a large write that is not published yet, and invisible.
 */
export const freshBlocks = pgTable(
  'fresh_blocks',
  {
    /** Found by the series: an index of its own would be a fifth of what a tick costs. */
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
 * Merged blocks: versions sorted by (t, revision), disjoint in time within a series. Revisions are kept as offsets from
 * the lowest one; there are none when all are of one revision. `summary` and `chunks` are packed by engine/summary.ts.
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

/** Idempotency keys: which write a key stood for, and what it answered. */
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

/** What each commit call answered, so that a retry after a lost answer gets it again instead of writing twice. */
export const batches = pgTable(
  'batches',
  {
    id: uuid('id').primaryKey(),
    answer: jsonb('answer').notNull(),
    at: timestamp('at', { withTimezone: true, mode: 'string' }).notNull(),
  },
  (table) => [index('batches_at').on(table.at)],
);

/** Single numbers that belong to the whole store, such as the oldest revision that can be read. */
export const marks = pgTable('marks', {
  name: text('name').primaryKey(),
  value: bigint('value', { mode: 'number' }).notNull(),
  at: timestamp('at', { withTimezone: true, mode: 'string' }).notNull(),
});

/**
 * What a derived series is said to be, from one revision to another. A new one is BUILDING until it stands where the
 * others stand, then LIVE since a revision; the one before it is RETIRED until that revision, and can be read before it.
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
    /** Those that are switched in together: a series that is defined anew, and all that hang on it. */
    bundle: integer('bundle').notNull(),
    /** What each key of the formula stands for: [{ key, series, definition }]; a source series has no definition. */
    inputs: jsonb('inputs').notNull(),
    /** The definitions among its inputs, and all source series that it hangs on, near and far. */
    upstream: integer('upstream').array().notNull(),
    sources: integer('sources').array().notNull(),
    partition: smallint('partition').notNull(),
    /** The ids under which the points of its stages lie; the last is its own. */
    storages: integer('storages').array().notNull(),
    since: revision('since'),
    until: revision('until'),
    /** By which exp, log and pow it was computed. */
    arithmetic: text('arithmetic').notNull(),
    problem: text('problem'),
    attempts: integer('attempts').notNull().default(0),
    retryAt: timestamp('retry_at', { withTimezone: true, mode: 'string' }),
    /** The version of the catalogue at which its state last changed: a trigger sees to it. */
    changedVersion: bigint('changed_version', { mode: 'number' }).notNull().default(0),
  },
  (table) => [
    index('definitions_series').on(table.series),
    index('definitions_state').on(table.state),
    index('definitions_changed_version').on(table.changedVersion),
  ],
);

/**
 * How far a definition is brought: `basis` is the revision that it reflects, -1 before it reflects any. Where it stood
 * exactly before is in `stops`, each up to the revision in `untils`. `step` is what is known of a long way that is under way.
 */
export const lanes = pgTable('lanes', {
  definition: integer('definition').primaryKey(),
  basis: revision('basis').notNull().default(-1),
  stops: bigint('stops', { mode: 'number' }).array().notNull().default(sql`'{}'`),
  untils: bigint('untils', { mode: 'number' }).array().notNull().default(sql`'{}'`),
  step: jsonb('step'),
});

/** The states of what remembers forever, as of a lane's basis: before instant t, of each recursive node its length and its numbers. */
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

/** The revisions that all lanes aim at, so that they meet. */
export const waves = pgTable('waves', {
  number: bigint('number', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  revision: revision('revision').notNull(),
  at: timestamp('at', { withTimezone: true, mode: 'string' }).notNull(),
});

/** Who works, and which partitions each holds for a while. Two that hold the same one do no harm but work twice. */
export const workers = pgTable('workers', {
  id: uuid('id').primaryKey(),
  seenAt: timestamp('seen_at', { withTimezone: true, mode: 'string' }).notNull(),
});

export const leases = pgTable('leases', {
  partition: smallint('partition').primaryKey(),
  worker: uuid('worker').notNull(),
  until: timestamp('until', { withTimezone: true, mode: 'string' }).notNull(),
});

/** The bytes of a file, under its id in the store of uploads. They go after a while; what is known of them stays. */
export const uploads = pgTable(
  'uploads',
  {
    id: text('id').primaryKey(),
    filename: text('filename').notNull(),
    /** null while whoever sends it has not said. */
    size: bigint('size', { mode: 'number' }),
    /** Of all bytes, in hex: as it was said, and as it was found when they were here. */
    claimedSha256: text('claimed_sha256'),
    sha256: text('sha256'),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'string' }).notNull().defaultNow(),
    /** When the last byte was here. */
    completeAt: timestamp('complete_at', { withTimezone: true, mode: 'string' }),
    /** When the bytes were deleted. */
    goneAt: timestamp('gone_at', { withTimezone: true, mode: 'string' }),
  },
  (table) => [
    index('uploads_sha256').on(table.sha256),
    index('uploads_claimed_sha256').on(table.claimedSha256),
    index('uploads_there').on(table.createdAt).where(sql`gone_at is null`),
  ],
);

/** What is to become of an upload, and what became of it. `input` is what the user said, `plan` all that was made of it. */
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
    /** Of the bytes and the input: work that was done once is not done again. Known when the bytes are. */
    work: text('work'),
    /** The import that did the same work: this one shows what became of that one. */
    sameAs: integer('same_as'),
    plan: jsonb('plan'),
    /** What a worker is to do next: read it without writing, write it, take it back. */
    task: text('task', { enum: ['PREVIEW', 'COMMIT', 'UNDO'] })
      .notNull()
      .default('COMMIT'),
    /** Counts who took it up: only the last one may write. */
    epoch: integer('epoch').notNull().default(0),
    /** How many workers ended while they were at it, since it last came on. */
    deaths: integer('deaths').notNull().default(0),
    heartbeatAt: timestamp('heartbeat_at', { withTimezone: true, mode: 'string' }),
    cancelAsked: boolean('cancel_asked').notNull().default(false),
    /** Where whoever takes it up goes on. */
    place: jsonb('place'),
    bytes: bigint('bytes', { mode: 'number' }).notNull().default(0),
    rows: bigint('rows', { mode: 'number' }).notNull().default(0),
    accepted: bigint('accepted', { mode: 'number' }).notNull().default(0),
    rejectedCount: bigint('rejected_count', { mode: 'number' }).notNull().default(0),
    /** Against what was stored when the rows were read, also for instants that come back later in the file. */
    unchanged: bigint('unchanged', { mode: 'number' }).notNull().default(0),
    changed: bigint('changed', { mode: 'number' }).notNull().default(0),
    /** How many series it makes: import_series says which. */
    createdCount: integer('created_count').notNull().default(0),
    /** Derived series that would move, or moved: how many, and the keys of the first thousand. */
    movedCount: integer('moved_count').notNull().default(0),
    moved: jsonb('moved').notNull().default(sql`'[]'`),
    fromRevision: revision('from_revision'),
    toRevision: revision('to_revision'),
    /** What it wrote when it was taken back. */
    undoneRevision: revision('undone_revision'),
    /** Points that were then given back what they held before, and those that somebody had changed since. */
    restored: bigint('restored', { mode: 'number' }).notNull().default(0),
    kept: bigint('kept', { mode: 'number' }).notNull().default(0),
    problem: text('problem'),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'string' }).notNull().defaultNow(),
    endedAt: timestamp('ended_at', { withTimezone: true, mode: 'string' }),
    /** Grows with each change that is shown. */
    version: bigint('version', { mode: 'number' }).notNull().default(0),
  },
  (table) => [
    index('imports_upload').on(table.upload),
    index('imports_work').on(table.work),
    index('imports_open').on(table.status).where(sql`status in ('QUEUED', 'RUNNING')`),
  ],
);

/** What was asked of imports: by whom, and when. */
export const importRequests = pgTable(
  'import_requests',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    import: integer('import').notNull(),
    what: text('what', { enum: ['IMPORT', 'PREVIEW', 'COMMIT', 'CANCEL', 'UNDO'] }).notNull(),
    at: timestamp('at', { withTimezone: true, mode: 'string' }).notNull().default(sql`clock_timestamp()`),
    /** As the server knows it. */
    by: text('by'),
  },
  (table) => [index('import_requests_import').on(table.import, table.id)],
);

/** Rows that were refused, in the order of the file; the first ones of many. */
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

/** Series that an import makes: its staged blocks name the n-th as -n. */
export const importSeries = pgTable(
  'import_series',
  { import: integer('import').notNull(), n: integer('n').notNull(), key: text('key').notNull() },
  (table) => [primaryKey({ columns: [table.import, table.n] })],
);

/** What an import has laid down so far. Of two blocks that overlap the later one is of a later generation, and so of a later revision. */
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

/** Summaries of tables that were asked for. */
export const importSummaries = pgTable(
  'import_summaries',
  {
    import: integer('import').notNull(),
    groupBy: text('group_by').notNull(),
    /** '' for none. */
    of: text('of').notNull(),
    fn: text('fn').notNull(),
    /** [[group, value, count]], ready when it is there. */
    groups: jsonb('groups'),
    problem: text('problem'),
    askedAt: timestamp('asked_at', { withTimezone: true, mode: 'string' }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.import, table.groupBy, table.of, table.fn] })],
);
