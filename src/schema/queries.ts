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
  description: 'A series and its cursor.',
  fields: (t) => ({
    node: t.expose('node', { type: SeriesType, description: 'The series.' }),
    cursor: t.exposeString('cursor', { description: 'The cursor, for after.' }),
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
    nodes: t.field({
      type: [SeriesType],
      description: 'The series without cursors.',
      resolve: ({ rows }) => [...rows],
    }),
    pageInfo: t.expose('pageInfo', { type: PageInfoType, description: 'Whether there are more pages.' }),
  }),
});

const FailedSeriesType = builder.objectRef<DerivedHealth['failed'][number]>('FailedSeries').implement({
  description: 'A derived series that cannot be computed.',
  fields: (t) => ({
    key: t.exposeString('key', { description: 'The key.' }),
    problem: t.exposeString('problem', { description: 'The reason.' }),
  }),
});

const CatchingUpType = builder.objectRef<DerivedHealth['catchingUp'][number]>('CatchingUp').implement({
  description: 'A derived series with a long computation.',
  fields: (t) => ({
    key: t.exposeString('key', { description: 'The key.' }),
    progress: t.exposeFloat('progress', { description: 'The share that is done, from 0 to 1.' }),
  }),
});

const RecomputeHealthType = builder.objectRef<DerivedHealth>('RecomputeHealth').implement({
  description: 'The progress of derived series.',
  fields: (t) => ({
    settledRevision: t.expose('settledRevision', {
      type: 'Revision',
      description: 'The newest revision that every derived series reflects, except those listed below.',
    }),
    lagRevisions: t.expose('lagRevisions', {
      type: 'Long',
      description: 'The number of revisions after that one.',
    }),
    lagSeconds: t.exposeFloat('lagSeconds', { description: 'The age of the first of them.' }),
    failed: t.field({
      type: [FailedSeriesType],
      description: 'Derived series that cannot be computed, the first 100.',
      resolve: ({ failed }) => [...failed],
    }),
    catchingUp: t.field({
      type: [CatchingUpType],
      description: 'Derived series with a long computation, the first 100.',
      resolve: ({ catchingUp }) => [...catchingUp],
    }),
  }),
});

const ImportHealthType = builder.objectRef<ImportLoad>('ImportHealth').implement({
  description: 'The backlog of imports.',
  fields: (t) => ({
    queued: t.exposeInt('queued', {
      description: 'The number of imports that wait for a worker or for earlier imports.',
    }),
    running: t.exposeInt('running', { description: 'The number of imports that workers are running.' }),
    queuedSince: t.expose('queuedSince', {
      type: 'Instant',
      nullable: true,
      description: 'The time since which the oldest queued import has been ready; null when none waits.',
    }),
  }),
});

const HealthType = builder.objectRef<Health & { readonly app: App }>('Health').implement({
  description: 'The state of the server.',
  fields: (t) => ({
    ready: t.boolean({ description: 'True when the database answers.', resolve: ({ app }) => app.isReady() }),
    version: t.exposeString('version', { description: 'The version of the program.' }),
    role: t.exposeString('role', { description: 'The role of this process: api or all.' }),
    database: t.exposeString('database', { description: 'embedded or external.' }),
    bell: t.exposeString('bell', { description: 'The channel that wakes workers and subscribers: postgres or redis.' }),
    startedAt: t.expose('startedAt', { type: 'Instant', description: 'The start time of this process.' }),
    seriesCount: t.field({
      type: 'Long',
      description: 'The number of series.',
      resolve: ({ app }) => countSeries(app.database),
    }),
    freshBlocks: t.field({
      type: 'Long',
      description: 'The number of blocks that are not merged yet. Reads are correct meanwhile, and slightly slower.',
      resolve: ({ app }) => countFreshBlocks(app.database),
    }),
    recompute: t.field({
      type: RecomputeHealthType,
      description: 'The progress of derived series.',
      resolve: ({ app }) => readDerivedHealth(app.database, app.catalogue, app.settled),
    }),
    imports: t.field({
      type: ImportHealthType,
      description: 'The backlog of imports.',
      resolve: ({ app }) => readImportLoad(app.database),
    }),
    subscribers: t.field({
      type: 'Int',
      description: 'The number of subscriptions of this process.',
      resolve: ({ app }) => app.feed.subscribers + app.followedImports.subscribers,
    }),
  }),
});

const pageOfSeriesMax = 1_000;

builder.queryFields((t) => ({
  node: t.field({
    type: NodeType,
    nullable: true,
    description: 'The object with an id.',
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
    description: 'The series with a key.',
    args: { key: t.arg.string({ required: true, description: 'The key.' }) },
    resolve: async (_, { key }, { operation }) => (await operation.series(key)) ?? null,
  }),
  seriesByKeys: t.field({
    type: t.listRef(SeriesType, { nullable: true }),
    description: 'The series with these keys, in their order; null for a missing one.',
    args: { keys: t.arg.stringList({ required: true, description: 'The keys.' }) },
    resolve: (_, { keys }, { operation }) => {
      if (keys.length > pageOfSeriesMax)
        throw new Fault('TOO_EXPENSIVE', `At most ${pageOfSeriesMax} keys at once.`, ['keys']);
      return Promise.all(keys.map(async (key) => (await operation.series(key)) ?? null));
    },
  }),
  allSeries: t.field({
    type: SeriesConnectionType,
    description: 'All series in the order of their keys, in pages.',
    args: {
      keyContains: t.arg.string({ description: 'Only keys that contain this text, in upper or lower case.' }),
      tag: t.arg.string({ description: 'Only series with this tag.' }),
      kind: t.arg({ type: SeriesKindType, description: 'Only series of this kind.' }),
      first: t.arg.int({ description: 'The most series to return. The default is 100.' }),
      after: t.arg.string({ description: 'The cursor after which the page starts.' }),
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
      'The newest revision up to which every derived series reflects all writes, except failed series and those in their first computation. health lists them.',
    resolve: async (_, __, { app, operation }) => Math.min(await app.settled.revision(), await operation.revision()),
  }),
  commit: t.field({
    type: CommitType,
    nullable: true,
    description: 'A commit by its revision, or the last one at or before a moment. Exactly one argument.',
    args: {
      revision: t.arg({ type: 'Revision', description: 'The revision.' }),
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
    description: 'The state of the server.',
    resolve: (_, __, { app }) => ({ ...app.health(), app }),
  }),
}));
