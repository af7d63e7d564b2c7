import { answeringAt, storageHistoryOf } from '../derive/storage-history.ts';
import { Fault } from '../engine/fault.ts';
import { everything } from '../engine/ranges.ts';
import { readCandles } from '../market/candles.ts';
import { diffStorages } from '../query/diff.ts';
import { readHistory, readHistoryOfStorages } from '../query/history.ts';
import { readPage } from '../query/page.ts';
import { readSamples } from '../query/samples.ts';
import { readPoints } from '../store/block-reads.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import type { ImportRow } from '../store/imports/import-rows.ts';
import { type PointRow, pointAt } from '../store/last-points.ts';
import { builder, type Context } from './builder.ts';
import { CandleType } from './candle.ts';
import { globalId, parsePointCursor, pointCursor } from './ids.ts';
import { requireInstant } from './instant-argument.ts';
import type { OperationReads } from './operation-reads.ts';
import { PageInfoType } from './page-info.ts';
import { PointType, PointVersionType, rangeOf, SampleMethodType, SamplesType, SpanType, TimeRange } from './point.ts';

function typeOf({ kind }: SeriesRow): string {
  return kind === 'DERIVED' ? 'DerivedSeries' : 'SourceSeries';
}

export const NodeType = builder.interfaceRef<SeriesRow | ImportRow>('Node').implement({
  description: 'An object with an id.',
  resolveType: (row) => ('key' in row ? typeOf(row) : 'Import'),
  fields: (t) => ({
    id: t.id({
      description: 'The opaque id.',
      resolve: (row) => globalId('key' in row ? 'Series' : 'Import', row.id),
    }),
  }),
});

export const SeriesKindType = builder.enumType('SeriesKind', {
  description: "The origin of a series' points.",
  values: {
    SOURCE: { description: 'Clients write the points.' },
    DERIVED: { description: 'A formula gives the points.' },
  } as const,
});

interface PointPage {
  readonly points: readonly PointRow[];
  readonly revision: number;
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

const PointEdgeType = builder.objectRef<{ node: PointRow; cursor: string }>('PointEdge').implement({
  description: 'A point and its cursor.',
  fields: (t) => ({
    node: t.expose('node', { type: PointType, description: 'The point.' }),
    cursor: t.exposeString('cursor', { description: 'The cursor, for after and before.' }),
  }),
});

const edgesOf = ({ points, revision }: PointPage) =>
  points.map((node) => ({ node, cursor: pointCursor(revision, node.t) }));

const PointConnectionType = builder.objectRef<PointPage>('PointConnection').implement({
  description: 'A page of points, in the order of their instants.',
  fields: (t) => ({
    edges: t.field({ type: [PointEdgeType], description: 'The points with their cursors.', resolve: edgesOf }),
    nodes: t.field({
      type: [PointType],
      description: 'The points without cursors.',
      resolve: ({ points }) => [...points],
    }),
    pageInfo: t.field({
      type: PageInfoType,
      description: 'Whether there are more pages.',
      resolve: (page) => {
        const edges = edgesOf(page);
        return { ...page, startCursor: edges[0]?.cursor ?? null, endCursor: edges.at(-1)?.cursor ?? null };
      },
    }),
    revision: t.expose('revision', {
      type: 'Revision',
      description: 'The revision of this page and the following ones.',
    }),
  }),
});

const asOfDescription = 'Read what was known at this revision; the newest when left out.';

export const SeriesType = builder.interfaceRef<SeriesRow>('Series').implement({
  description:
    'A line of points over time, with one value per instant. Simultaneous trades of an exchange are spread over microseconds in its order.',
  interfaces: [NodeType],
  resolveType: typeOf,
  fields: (t) => ({
    key: t.exposeString('key', { description: 'The unique key: BTC-USD, BTC-USD.vol24h, TECH10.' }),
    name: t.exposeString('name', { nullable: true, description: 'A name for people.' }),
    unit: t.exposeString('unit', { nullable: true, description: 'The unit of the values.' }),
    tags: t.field({ type: ['String'], description: 'Tags to search by.', resolve: ({ tags }) => [...tags] }),
    revision: t.field({
      type: 'Revision',
      description: 'The last revision that changed its points, or created it.',
      resolve: (row, _, { operation }) => lastChange(row, operation),
    }),
    last: t.field({
      type: PointType,
      nullable: true,
      description: 'The last point.',
      args: { asOf: t.arg({ type: 'Revision', description: asOfDescription }) },
      resolve: async (row, { asOf }, { operation }) => (await operation.last(await operation.place(row, asOf))) ?? null,
    }),
    at: t.field({
      type: PointType,
      nullable: true,
      description: 'The last known point at an instant: the one there, or the one before.',
      args: {
        t: t.arg({ type: 'Instant', required: true, description: 'The instant.' }),
        maxAge: t.arg({
          type: 'Duration',
          description: 'Returns null instead of a point that is older than this at t.',
        }),
        asOf: t.arg({ type: 'Revision', description: asOfDescription }),
      },
      resolve: async (row, args, { app, operation }) => {
        const instant = requireInstant(args.t, ['t']);
        const from = args.maxAge == null ? everything.from : Math.max(everything.from, instant - args.maxAge);
        const { storage, asOf } = await operation.place(row, args.asOf);
        const points = await readPoints(app.database, storage, { from, to: instant + 1 }, asOf, 1, 'last');
        return points.t.length > 0 ? pointAt(points, 0) : null;
      },
    }),
    points: t.field({
      type: PointConnectionType,
      description:
        'The points in pages. Cursors fix their revision, so pages fit together whatever is written in between. A page has 100 points by default.',
      args: {
        range: t.arg({ type: TimeRange, description: 'Only points in this range.' }),
        first: t.arg.int({ description: 'The number of points from the start, or after `after`.' }),
        after: t.arg.string({ description: 'The cursor after which the page starts.' }),
        last: t.arg.int({ description: 'The number of points from the end, or before `before`.' }),
        before: t.arg.string({ description: 'The cursor before which the page ends.' }),
        asOf: t.arg({ type: 'Revision', description: `${asOfDescription} With a cursor, that of the cursor.` }),
      },
      resolve: (row, args, context) => pointPage(row, args, context),
    }),
    samples: t.field({
      type: SamplesType,
      description:
        'Points as parallel arrays, the form that chart libraries take. More than maxPoints points (by default 1,000) are thinned to at most maxPoints; MINMAX also keeps the first and the last point. Only the field `thinned` tells. bucket returns one point per bucket of an epoch-aligned grid, or with MINMAX its two extremes, and ignores maxPoints. null without a bucket returns all (TOO_EXPENSIVE past the limit).',
      args: {
        range: t.arg({ type: TimeRange, description: 'Only points in this range.' }),
        maxPoints: t.arg.int({
          defaultValue: 1000,
          description: 'The most points to return. The default is 1,000; null returns all.',
        }),
        bucket: t.arg({ type: 'Duration', description: 'The width of the buckets.' }),
        method: t.arg({
          type: SampleMethodType,
          defaultValue: 'MINMAX',
          description: 'The points that represent a bucket.',
        }),
        asOf: t.arg({ type: 'Revision', description: asOfDescription }),
      },
      resolve: async (row, args, { app, operation }) => {
        checkMaxPoints(args.maxPoints, app.limits.samplesMax);
        const { storage, asOf } = await operation.place(row, args.asOf);
        const request = {
          series: storage,
          range: rangeOf(args.range),
          asOf,
          maxPoints: args.maxPoints ?? undefined,
          bucketMicros: args.bucket ?? undefined,
          method: args.method ?? 'MINMAX',
        };
        return { ...(await readSamples(app.database, request, app.limits)), revision: asOf };
      },
    }),
    candles: t.field({
      type: [CandleType],
      description:
        'Open, high, low, close and volume of each interval with a tick. Candles are complete, even if the range cuts their interval. Intervals shorter than a day count elapsed time from local midnight, so on a day with a clock change they start at other local times.',
      args: {
        interval: t.arg({
          type: 'Duration',
          required: true,
          description: "The length of a candle: '1m', '4h', '1d', '1w'.",
        }),
        range: t.arg({ type: TimeRange, description: 'Only candles that overlap this range.' }),
        last: t.arg.int({ description: 'The number of candles from the end.' }),
        timeZone: t.arg.string({
          defaultValue: 'UTC',
          description: "The time zone of days and weeks, such as 'Europe/Berlin'.",
        }),
        asOf: t.arg({ type: 'Revision', description: asOfDescription }),
      },
      resolve: async (row, args, { app, operation }) => {
        if (args.last != null && args.last < 0) throw new Fault('BAD_USER_INPUT', 'last cannot be negative.', ['last']);
        const { storage, asOf } = await operation.place(row, args.asOf);
        const request = {
          series: storage,
          intervalMicros: args.interval,
          timeZone: args.timeZone ?? 'UTC',
          range: rangeOf(args.range),
          last: args.last ?? undefined,
          asOf,
        };
        return readCandles(app.database, request, app.limits);
      },
    }),
    diff: t.field({
      type: [SpanType],
      description:
        'The spans in which the series differs between two revisions, ascending. No span contains a point that is equal in both. After 10,000 spans, the last one covers the rest.',
      args: {
        from: t.arg({ type: 'Revision', required: true, description: 'The older revision.' }),
        to: t.arg({ type: 'Revision', description: 'The newer revision. The default is now.' }),
      },
      resolve: async (row, { from, to }, { app, operation }) => {
        const older = await operation.place(row, from, ['from']);
        const newer = await operation.place(row, to, ['to']);
        const newest = await operation.asOf(to, ['to']);
        if (from > newest) throw new Fault('BAD_USER_INPUT', `from (${from}) is newer than to (${newest}).`, ['from']);
        return diffStorages(app.reads, older, newer);
      },
    }),
    versions: t.field({
      type: [PointVersionType],
      description:
        'All versions of this instant, newest first: one for each commit that wrote it, even with the same value.',
      args: {
        t: t.arg({ type: 'Instant', required: true, description: 'The instant.' }),
        first: t.arg.int({ defaultValue: 100, description: 'The most versions to return.' }),
      },
      resolve: async (row, args, { app, operation }) => {
        const first = args.first ?? 100;
        if (first < 0) throw new Fault('BAD_USER_INPUT', 'first cannot be negative.', ['first']);
        const instant = requireInstant(args.t, ['t']);
        const { asOf } = await operation.place(row, null);
        if (row.kind === 'SOURCE') return readHistory(app.database, row.id, instant, first, asOf);
        const { history } = await operation.derivation(row.id);
        return readHistoryOfStorages(app.database, storageHistoryOf(history), instant, first, asOf);
      },
    }),
  }),
});

builder.interfaceField(SeriesType, 'dependents', (t) =>
  t.field({
    type: [SeriesType],
    description: 'The series whose formulas read this one.',
    resolve: ({ id }, _, { operation }) => operation.dependents(id),
  }),
);

/** The last revision that changed its readable points. */
async function lastChange(row: SeriesRow, operation: OperationReads): Promise<number> {
  const place = await operation.place(row, null);
  const changed = await operation.changedRevision(place);
  if (row.kind === 'SOURCE') return changed;
  const tenure = answeringAt(storageHistoryOf((await operation.derivation(row.id)).history), place.asOf);
  return Math.max(row.createdRevision, tenure?.since ?? 0, changed);
}

export function checkMaxPoints(given: number | null | undefined, most: number): void {
  if (given == null) return;
  if (given < 1) throw new Fault('BAD_USER_INPUT', 'maxPoints must be at least 1.', ['maxPoints']);
  if (given > most)
    throw new Fault('TOO_EXPENSIVE', `maxPoints is at most ${most.toLocaleString('en')}.`, ['maxPoints']);
}

interface PageArguments {
  readonly range?: Parameters<typeof rangeOf>[0] | undefined;
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
  readonly asOf?: number | null | undefined;
}

async function pointPage(row: SeriesRow, args: PageArguments, { app, operation }: Context): Promise<PointPage> {
  if (args.first != null && args.last != null)
    throw new Fault('BAD_USER_INPUT', 'Give first or last, not both.', ['last']);
  const name = args.last == null ? 'first' : 'last';
  const count = args[name] ?? 100;
  if (count < 0) throw new Fault('BAD_USER_INPUT', `${name} cannot be negative.`, [name]);
  if (count > app.limits.pageMax) {
    const most = app.limits.pageMax.toLocaleString('en');
    throw new Fault('TOO_EXPENSIVE', `A page has at most ${most} points; for more at once ask for samples.`, [name]);
  }
  const after = args.after == null ? undefined : parsePointCursor(args.after, ['after']);
  const before = args.before == null ? undefined : parsePointCursor(args.before, ['before']);
  const { storage, asOf } = await operation.place(row, args.asOf ?? after?.revision ?? before?.revision, [
    args.asOf == null ? (after ? 'after' : 'before') : 'asOf',
  ]);
  const page = await readPage(app.database, {
    series: storage,
    range: rangeOf(args.range),
    after: after?.t,
    before: before?.t,
    count,
    end: name,
    asOf,
  });
  return { ...page, revision: asOf };
}

export const SourceSeriesType = builder.objectRef<SeriesRow>('SourceSeries').implement({
  description: 'A series whose points clients write.',
  interfaces: [NodeType, SeriesType],
});
