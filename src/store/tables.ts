import { sql } from 'drizzle-orm';
import {
  bigint,
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
  },
  (table) => [index('commits_at').on(table.at)],
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
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
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
