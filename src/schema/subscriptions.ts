import { Fault } from '../engine/fault.ts';
import { type CandleChange, type CandleEvent, subscribeToCandles } from '../feed/candle-changes.ts';
import { type ChangeEvent, type SeriesChange, subscribeToPoints } from '../feed/changes.ts';
import type { SubscriptionEvent } from '../feed/followed.ts';
import { type LatestValue, subscribeToLatest } from '../feed/latest.ts';
import { bucketsMaxOf } from '../market/candles.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import { builder, type Context } from './builder.ts';
import { CandleType } from './candle.ts';
import { PointType, rangeOf, SamplesType, SpanType, TimeRange } from './point.ts';

const ChangeKindType = builder.enumType('ChangeKind', {
  description: 'What to do with an event.',
  values: {
    SNAPSHOT: { description: 'Drop what you hold, then apply; `reason` says why when it was not the start.' },
    CHANGE: { description: 'Of one revision, or of several whole ones merged; cursor is the last of them.' },
    PROGRESS: {
      description:
        'Nothing changed for you. The cursor has moved, or is the one you have; one comes at least every 15 s.',
    },
  } as const,
});

const SeriesChangeType = builder.objectRef<SeriesChange>('SeriesChange').implement({
  description:
    'Replace everything that you hold in the span by these points. With `bucket` spans are whole buckets (clipped to `range`), and what you hold equals samples(bucket:).',
  fields: (t) => ({
    series: t.exposeString('series', { description: 'The key.' }),
    span: t.expose('span', { type: SpanType, description: 'Where.' }),
    points: t.field({
      type: SamplesType,
      description: 'What the span holds now.',
      resolve: ({ samples }) => samples,
    }),
    truncated: t.exposeBoolean('truncated', {
      description:
        'More than 10,000 points, or more than the 100,000 that one event holds: they are left out; fetch them with asOf: cursor.',
    }),
  }),
});

const ChangeEventType = builder.objectRef<ChangeEvent>('ChangeEvent').implement({
  description: 'A step of a subscription. Resume with `after: cursor`, strictly exclusive.',
  fields: (t) => ({
    kind: t.expose('kind', { type: ChangeKindType, description: 'What to do with it.' }),
    cursor: t.expose('cursor', { type: 'Revision', description: 'The revision that you hold after applying it.' }),
    changes: t.field({
      type: [SeriesChangeType],
      description: 'What to replace, series by series.',
      resolve: ({ changes }) => [...changes],
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Why a SNAPSHOT was needed, when it was not the start.',
    }),
  }),
});

const CandleChangeType = builder.objectRef<CandleChange>('CandleChange').implement({
  description:
    'Replace every candle that you hold whose start lies in the span by these. Spans are whole candles, also where the range cuts into one.',
  fields: (t) => ({
    span: t.expose('span', { type: SpanType, description: 'Where.' }),
    candles: t.field({
      type: [CandleType],
      description: 'What the span holds now, ascending.',
      resolve: ({ candles }) => [...candles],
    }),
    truncated: t.exposeBoolean('truncated', {
      description:
        'More than 10,000 candles, or than 100,000 in one event: they are left out; fetch them with asOf: cursor.',
    }),
  }),
});

const CandleEventType = builder.objectRef<CandleEvent>('CandleEvent').implement({
  description: 'A step of a subscription to candles. Resume with `after: cursor`, strictly exclusive.',
  fields: (t) => ({
    kind: t.expose('kind', { type: ChangeKindType, description: 'What to do with it.' }),
    cursor: t.expose('cursor', { type: 'Revision', description: 'The revision that you hold after applying it.' }),
    changes: t.field({
      type: [CandleChangeType],
      description: 'What to replace, ascending.',
      resolve: ({ changes }) => [...changes],
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Why a SNAPSHOT was needed, when it was not the start.',
    }),
  }),
});

const LatestValueType = builder.objectRef<LatestValue>('LatestValue').implement({
  description: 'The newest point of a series.',
  fields: (t) => ({
    series: t.exposeString('series', { description: 'The key.' }),
    point: t.expose('point', {
      type: PointType,
      nullable: true,
      description: 'Its last point; null when it holds none.',
    }),
  }),
});

const LatestEventType = builder.objectRef<SubscriptionEvent<LatestValue>>('LatestEvent').implement({
  description: 'Newest values at one revision.',
  fields: (t) => ({
    cursor: t.expose('cursor', { type: 'Revision', description: 'The revision that was read.' }),
    values: t.field({
      type: [LatestValueType],
      description: 'The series whose newest value changed.',
      resolve: ({ changes }) => [...changes],
    }),
  }),
});

const subscribedSeriesMax = 1_000;

async function seriesOf(keys: readonly string[], { operation }: Context): Promise<SeriesRow[]> {
  if (keys.length === 0) throw new Fault('BAD_USER_INPUT', 'Name at least one series.', ['series']);
  if (keys.length > subscribedSeriesMax)
    throw new Fault('TOO_EXPENSIVE', `At most ${subscribedSeriesMax} series in one subscription.`, ['series']);
  return Promise.all([...new Set(keys)].map((key) => operation.requireSeries(key, ['series', keys.indexOf(key)])));
}

builder.subscriptionFields((t) => ({
  changes: t.field({
    type: ChangeEventType,
    description:
      'Everything that happens to these series, with no gap and no duplicate: a snapshot (or, with `after`, whatever changed since), then every later change. Applying the events in order reproduces exactly what a query with `asOf: cursor` gives. A client that is slow gets several revisions merged into one event. A series that is deleted is an open span without points; when none is left, the subscription ends with NOT_FOUND. Derived series are told at a revision that all of them reflect: until there is one, PROGRESS comes.',
    args: {
      series: t.arg.stringList({ required: true, description: 'Their keys.' }),
      after: t.arg({ type: 'Revision', description: 'The cursor of the last event that you applied.' }),
      range: t.arg({ type: TimeRange, description: 'Only this span.' }),
      bucket: t.arg({ type: 'Duration', description: 'Buckets rather than points, as samples(bucket:) gives them.' }),
    },
    subscribe: async (_, args, context) => {
      const { app } = context;
      const series = await seriesOf(args.series, context);
      return subscribeToPoints(app, app.feed, {
        series,
        after: args.after ?? undefined,
        range: rangeOf(args.range),
        bucketMicros: args.bucket ?? undefined,
      });
    },
    resolve: (event) => event,
  }),
  candleChanges: t.field({
    type: CandleEventType,
    description:
      'The candles of a series, whole ones, `final` or not, and every later change of them, corrections and `final` included. Applying the events in order reproduces exactly what candles(interval:, timeZone:, range:) gives with `asOf: cursor`; resumable as changes is.',
    args: {
      series: t.arg.string({ required: true, description: 'Its key.' }),
      interval: t.arg({ type: 'Duration', required: true, description: "The length of a candle: '1m', '4h', '1d'." }),
      timeZone: t.arg.string({
        defaultValue: 'UTC',
        description: "The zone whose midnights days start at, as 'Europe/Berlin'.",
      }),
      after: t.arg({ type: 'Revision', description: 'The cursor of the last event that you applied.' }),
      range: t.arg({ type: TimeRange, description: 'Only candles that this touches.' }),
    },
    subscribe: async (_, args, { app, operation }) =>
      subscribeToCandles(app, app.feed, {
        series: await operation.requireSeries(args.series, ['series']),
        intervalMicros: args.interval,
        timeZone: args.timeZone ?? 'UTC',
        after: args.after ?? undefined,
        range: rangeOf(args.range),
        bucketsMax: bucketsMaxOf(app.limits),
      }),
    resolve: (event) => event,
  }),
  latest: t.field({
    type: LatestEventType,
    description:
      'The newest value of each series, as often as the client can take it; older ones are skipped. That of a series that is deleted is null.',
    args: { series: t.arg.stringList({ required: true, description: 'Their keys.' }) },
    subscribe: async (_, args, context) =>
      subscribeToLatest(context.app, context.app.feed, await seriesOf(args.series, context)),
    resolve: (event) => event,
  }),
}));
