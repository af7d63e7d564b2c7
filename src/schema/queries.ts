import { type DerivedHealth, readDerivedHealth } from '../derive/derivation.ts';
import { Fault } from '../engine/fault.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import { countSeries } from '../store/catalogue.ts';
import { type ImportLoad, readImportLoad } from '../store/imports/import-work.ts';
import { countFreshBlocks } from '../store/seal-candidates.ts';
import type { App, Health } from './app.ts';
import { builder } from './builder.ts';
import { keyCursor, parseGlobalId, parseImportId, parseKeyCursor } from './ids.ts';
import { requireInstant } from './instant-argument.ts';
import { type PageInfo, PageInfoType } from './page-info.ts';
import { CommitType } from './point.ts';
import { NodeType, SeriesKindType, SeriesType } from './series.ts';

interface SeriesPage {
  readonly rows: readonly SeriesRow[];
  readonly pageInfo: PageInfo;
}

const SeriesEdgeType = builder.objectRef<{ node: SeriesRow; cursor: string }>('SeriesEdge').implement({
  description: 'A series and its place in the list.',
  fields: (t) => ({
    node: t.expose('node', { type: SeriesType, description: 'The series.' }),
    cursor: t.exposeString('cursor', { description: 'Its place, for after.' }),
  }),
});

const SeriesConnectionType = builder.objectRef<SeriesPage>('SeriesConnection').implement({
  description: 'A page of series, in the order of their keys.',
  fields: (t) => ({
    edges: t.field({
      type: [SeriesEdgeType],
      description: 'The series with their cursors.',
      resolve: ({ rows }) => rows.map((node) => ({ node, cursor: keyCursor(node.key) })),
    }),
    nodes: t.field({ type: [SeriesType], description: 'The series alone.', resolve: ({ rows }) => [...rows] }),
    pageInfo: t.expose('pageInfo', { type: PageInfoType, description: 'Whether and where to go on.' }),
  }),
});

const FailedSeriesType = builder.objectRef<DerivedHealth['failed'][number]>('FailedSeries').implement({
  description: 'A derived series that cannot be computed.',
  fields: (t) => ({
    key: t.exposeString('key', { description: 'Its key.' }),
    problem: t.exposeString('problem', { description: 'Why not.' }),
  }),
});

const CatchingUpType = builder.objectRef<DerivedHealth['catchingUp'][number]>('CatchingUp').implement({
  description: 'A derived series of which much is being computed.',
  fields: (t) => ({
    key: t.exposeString('key', { description: 'Its key.' }),
    progress: t.exposeFloat('progress', { description: 'How much of it is done, 0 to 1.' }),
  }),
});

const RecomputeHealthType = builder.objectRef<DerivedHealth>('RecomputeHealth').implement({
  description: 'How derived series follow what is written.',
  fields: (t) => ({
    settledRevision: t.expose('settledRevision', {
      type: 'Revision',
      description: 'The newest revision that every derived series reflects; those below aside.',
    }),
    lagRevisions: t.expose('lagRevisions', {
      type: 'Long',
      description: 'How many revisions there are behind that one.',
    }),
    lagSeconds: t.exposeFloat('lagSeconds', { description: 'How long ago the first of them was committed.' }),
    failed: t.field({
      type: [FailedSeriesType],
      description: 'Derived series that cannot be computed, the first 100.',
      resolve: ({ failed }) => [...failed],
    }),
    catchingUp: t.field({
      type: [CatchingUpType],
      description: 'Derived series of which much is being computed, the first 100.',
      resolve: ({ catchingUp }) => [...catchingUp],
    }),
  }),
});

const ImportHealthType = builder.objectRef<ImportLoad>('ImportHealth').implement({
  description: 'What workers have to do with files.',
  fields: (t) => ({
    queued: t.exposeInt('queued', { description: 'Imports that wait, for a worker or for earlier ones.' }),
    running: t.exposeInt('running', { description: 'Imports that workers are at.' }),
    queuedSince: t.expose('queuedSince', {
      type: 'Instant',
      nullable: true,
      description:
        'Since when the one that waits longest waits: its bytes were here, and it was asked for; null: none waits.',
    }),
  }),
});

const HealthType = builder.objectRef<Health & { readonly app: App }>('Health').implement({
  description: 'How the server is doing.',
  fields: (t) => ({
    ready: t.boolean({ description: 'Whether the database answers.', resolve: ({ app }) => app.isReady() }),
    version: t.exposeString('version', { description: 'The version of the program.' }),
    role: t.exposeString('role', { description: 'What this process does: api or all.' }),
    database: t.exposeString('database', { description: 'embedded or external.' }),
    bell: t.exposeString('bell', { description: 'What wakes workers and subscribers: postgres or redis.' }),
    startedAt: t.expose('startedAt', { type: 'Instant', description: 'When this process started.' }),
    seriesCount: t.field({
      type: 'Long',
      description: 'How many series there are.',
      resolve: ({ app }) => countSeries(app.database),
    }),
    freshBlocks: t.field({
      type: 'Long',
      description:
        'The backlog of compaction: blocks that are not merged yet. Reads are right meanwhile, and a little slower.',
      resolve: ({ app }) => countFreshBlocks(app.database),
    }),
    recompute: t.field({
      type: RecomputeHealthType,
      description: 'How derived series follow what is written.',
      resolve: ({ app }) => readDerivedHealth(app.database, app.catalogue, app.settled),
    }),
    imports: t.field({
      type: ImportHealthType,
      description: 'What workers have to do with files.',
      resolve: ({ app }) => readImportLoad(app.database),
    }),
    subscribers: t.field({
      type: 'Int',
      description: 'Subscriptions that this process serves.',
      resolve: ({ app }) => app.feed.subscribers + app.followedImports.subscribers,
    }),
  }),
});

const pageOfSeriesMax = 1_000;

builder.queryFields((t) => ({
  node: t.field({
    type: NodeType,
    nullable: true,
    description: 'Whatever has this id.',
    args: { id: t.arg.id({ required: true, description: 'The id.' }) },
    resolve: async (_, { id }, { app, operation }) => {
      const ofImport = parseImportId(id);
      if (ofImport !== undefined) return (await operation.import(ofImport)) ?? null;
      const parsed = parseGlobalId(id);
      if (parsed?.type !== 'Series' || parsed.number > 2 ** 31 - 1) return null;
      return (await app.catalogue.seriesByIds([parsed.number]))[0] ?? null;
    },
  }),
  series: t.field({
    type: SeriesType,
    nullable: true,
    description: 'The series of a key.',
    args: { key: t.arg.string({ required: true, description: 'The key.' }) },
    resolve: async (_, { key }, { operation }) => (await operation.series(key)) ?? null,
  }),
  seriesByKeys: t.field({
    type: t.listRef(SeriesType, { nullable: true }),
    description: 'The series of many keys, in their order; null where there is none.',
    args: { keys: t.arg.stringList({ required: true, description: 'The keys.' }) },
    resolve: (_, { keys }, { operation }) => {
      if (keys.length > pageOfSeriesMax)
        throw new Fault('TOO_EXPENSIVE', `At most ${pageOfSeriesMax} keys at once.`, ['keys']);
      return Promise.all(keys.map(async (key) => (await operation.series(key)) ?? null));
    },
  }),
  allSeries: t.field({
    type: SeriesConnectionType,
    description: 'The series there are, in the order of their keys, page by page.',
    args: {
      keyContains: t.arg.string({ description: 'Only keys that hold this; upper and lower case are the same.' }),
      tag: t.arg.string({ description: 'Only series with this tag.' }),
      kind: t.arg({ type: SeriesKindType, description: 'Only these.' }),
      first: t.arg.int({ description: 'At most so many; 100 when left out.' }),
      after: t.arg.string({ description: 'The cursor to go on behind.' }),
    },
    resolve: async (_, args, { app }) => {
      const first = args.first ?? 100;
      if (first < 0) throw new Fault('BAD_USER_INPUT', 'first cannot be negative.', ['first']);
      if (first > pageOfSeriesMax)
        throw new Fault('TOO_EXPENSIVE', `A page has at most ${pageOfSeriesMax} series.`, ['first']);
      for (const name of ['keyContains', 'tag'] as const)
        if (args[name]?.includes('\0'))
          throw new Fault('BAD_USER_INPUT', 'This holds a character that no text can hold.', [name]);
      const afterKey = args.after == null ? undefined : parseKeyCursor(args.after, ['after']);
      const rows = await app.catalogue.listSeries(
        { keyContains: args.keyContains, tag: args.tag, kind: args.kind, afterKey },
        first + 1,
      );
      const page = rows.slice(0, first);
      const pageInfo = {
        hasNextPage: rows.length > first,
        hasPreviousPage: afterKey !== undefined,
        startCursor: page.length > 0 ? keyCursor(page[0].key) : null,
        endCursor: page.length > 0 ? keyCursor(page[page.length - 1].key) : null,
      };
      return { rows: page, pageInfo };
    },
  }),
  revision: t.field({
    type: 'Revision',
    description: 'The newest revision.',
    resolve: (_, __, { operation }) => operation.revision(),
  }),
  oldestRevision: t.field({
    type: 'Revision',
    description: 'The oldest revision that asOf can name.',
    resolve: (_, __, { app }) => app.catalogue.oldestRevision(),
  }),
  settledRevision: t.field({
    type: 'Revision',
    description:
      'The newest revision whose writes, and all before, every derived series reflects. Those that cannot be computed, and those that are computed for the first time, stand aside: health lists them.',
    resolve: async (_, __, { app, operation }) => Math.min(await app.settled.revision(), await operation.revision()),
  }),
  commit: t.field({
    type: CommitType,
    nullable: true,
    description: 'A commit by its revision, or the last one at or before a moment. Exactly one argument.',
    args: {
      revision: t.arg({ type: 'Revision', description: 'Its number.' }),
      at: t.arg({ type: 'Instant', description: 'The moment.' }),
    },
    resolve: async (_, { revision, at }, { app, operation }) => {
      if ((revision == null) === (at == null))
        throw new Fault('BAD_USER_INPUT', 'Give exactly one of revision and at.', ['revision']);
      const newest = await operation.revision();
      const found =
        revision == null ? (await app.catalogue.commitAt(requireInstant(at ?? 0, ['at'])))?.revision : revision;
      if (found === undefined || (revision != null && found > newest)) return null;
      // Commits made after this operation began are invisible to it.
      return (await operation.commit(Math.min(found, newest))) ?? null;
    },
  }),
  health: t.field({
    type: HealthType,
    description: 'How the server is doing.',
    resolve: (_, __, { app }) => ({ ...app.health(), app }),
  }),
}));
