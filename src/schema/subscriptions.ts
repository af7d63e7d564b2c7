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
  description: 'The kind of an event.',
  values: {
    SNAPSHOT: { description: 'Drop your copy, then apply. `reason` says why, unless it is the first event.' },
    CHANGE: { description: 'The changes of one revision, or of several complete ones; cursor is the last of them.' },
    PROGRESS: {
      description:
        'Nothing changed for you. The cursor is newer, or the one you have. The server sends one at least every 15 s.',
    },
  } as const,
});

const SeriesChangeType = builder.objectRef<SeriesChange>('SeriesChange').implement({
  description:
    'Replace all your points in the span by these. With `bucket`, spans are whole buckets (clipped to `range`), and your copy equals samples(bucket:).',
  fields: (t) => ({
    series: t.exposeString('series', { description: 'The key.' }),
    span: t.expose('span', { type: SpanType, description: 'The span to replace.' }),
    points: t.field({
      type: SamplesType,
      description: 'The present points of the span.',
      resolve: ({ samples }) => samples,
    }),
    truncated: t.exposeBoolean('truncated', {
      description:
        'True for more than 10,000 points, or more than 100,000 in one event: the points are left out. Fetch them with asOf: cursor.',
    }),
  }),
});

const ChangeEventType = builder.objectRef<ChangeEvent>('ChangeEvent').implement({
  description: 'An event. Resume with `after: cursor`, which is exclusive.',
  fields: (t) => ({
    kind: t.expose('kind', { type: ChangeKindType, description: 'The kind of the event.' }),
    cursor: t.expose('cursor', {
      type: 'Revision',
      description: 'The revision of your copy after you applied the event.',
    }),
    changes: t.field({
      type: [SeriesChangeType],
      description: 'The changes of each series.',
      resolve: ({ changes }) => [...changes],
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'The reason for a SNAPSHOT that is not the first event.',
    }),
  }),
});

const CandleChangeType = builder.objectRef<CandleChange>('CandleChange').implement({
  description:
    'Replace all your candles that start in the span by these. Spans are whole candles, even if the range cuts one.',
  fields: (t) => ({
    span: t.expose('span', { type: SpanType, description: 'The span to replace.' }),
    candles: t.field({
      type: [CandleType],
      description: 'The present candles of the span, ascending.',
      resolve: ({ candles }) => [...candles],
    }),
    truncated: t.exposeBoolean('truncated', {
      description:
        'True for more than 10,000 candles, or more than 100,000 in one event: the candles are left out. Fetch them with asOf: cursor.',
    }),
  }),
});

const CandleEventType = builder.objectRef<CandleEvent>('CandleEvent').implement({
  description: 'An event of a candle subscription. Resume with `after: cursor`, which is exclusive.',
  fields: (t) => ({
    kind: t.expose('kind', { type: ChangeKindType, description: 'The kind of the event.' }),
    cursor: t.expose('cursor', {
      type: 'Revision',
      description: 'The revision of your copy after you applied the event.',
    }),
    changes: t.field({
      type: [CandleChangeType],
      description: 'The changes, ascending.',
      resolve: ({ changes }) => [...changes],
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'The reason for a SNAPSHOT that is not the first event.',
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
      description: 'The last point; null when the series is empty.',
    }),
  }),
});

const LatestEventType = builder.objectRef<SubscriptionEvent<LatestValue>>('LatestEvent').implement({
  description: 'The newest values at one revision.',
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
      'All changes of these series, without a gap or a duplicate: a snapshot (or, with `after`, the changes since), then every later change. Applying the events in order gives exactly the result of a query with `asOf: cursor`. A slow client gets several revisions merged into one event. A deleted series is an open span without points; when no series is left, the subscription ends with NOT_FOUND. Changes of derived series are sent at a revision that all of them reflect; until there is one, the server sends PROGRESS.',
    args: {
      series: t.arg.stringList({ required: true, description: 'The keys.' }),
      after: t.arg({ type: 'Revision', description: 'The cursor of the last event that you applied.' }),
      range: t.arg({ type: TimeRange, description: 'Only changes in this range.' }),
      bucket: t.arg({ type: 'Duration', description: 'Buckets instead of points, as in samples(bucket:).' }),
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
      'The candles of a series, complete ones, `final` or not, and every later change of them, including corrections and `final`. Applying the events in order gives exactly the result of candles(interval:, timeZone:, range:) with `asOf: cursor`. It resumes like changes.',
    args: {
      series: t.arg.string({ required: true, description: 'The key.' }),
      interval: t.arg({ type: 'Duration', required: true, description: "The length of a candle: '1m', '4h', '1d'." }),
      timeZone: t.arg.string({
        defaultValue: 'UTC',
        description: "The time zone of days and weeks, such as 'Europe/Berlin'.",
      }),
      after: t.arg({ type: 'Revision', description: 'The cursor of the last event that you applied.' }),
      range: t.arg({ type: TimeRange, description: 'Only candles that overlap this range.' }),
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
      'The newest value of each series, as often as the client can receive it. Intermediate values are skipped. A deleted series has null.',
    args: { series: t.arg.stringList({ required: true, description: 'The keys.' }) },
    subscribe: async (_, args, context) =>
      subscribeToLatest(context.app, context.app.feed, await seriesOf(args.series, context)),
    resolve: (event) => event,
  }),
}));
