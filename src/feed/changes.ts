import { uniformGrid } from '../engine/bucket.ts';
import { Fault } from '../engine/fault.ts';
import type { Range } from '../engine/ranges.ts';
import { foldVersions } from '../engine/versions.ts';
import type { VersionedSource } from '../query/diff.ts';
import { readSamples, type Samples } from '../query/samples.ts';
import { stepBlocksMin } from '../store/block-reads.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import { readCountBounds } from '../store/tallies.ts';
import type { Feed } from './feed.ts';
import type { FeedStore, SubscriptionEvent } from './followed.ts';
import { Subscription, type SubscriptionOptions } from './following.ts';
import { seriesSource } from './series-source.ts';
import { SpanReader } from './spans.ts';

export interface SeriesChange {
  readonly series: string;
  readonly span: Range;
  /** The points of the span at the cursor. */
  readonly samples: Samples & { readonly revision: number };
  /** There are more points than are sent: fetch them. */
  readonly truncated: boolean;
}

export type ChangeEvent = SubscriptionEvent<SeriesChange>;

/** The part of series that a subscription follows. */
export interface PointSelection {
  readonly series: readonly SeriesRow[];
  readonly range: Range;
  readonly bucketMicros: number | undefined;
}

export interface ChangesRequest extends PointSelection {
  readonly after: number | undefined;
}

/** A change of more points is sent without them. */
const pointsMax = 10_000;

const none: Samples = { t: new Float64Array(0), value: new Float64Array(0), size: undefined, thinned: false };

export function subscribeToPoints(
  store: FeedStore,
  feed: Feed,
  request: ChangesRequest,
  options: SubscriptionOptions<SeriesChange> = {},
): Subscription<SeriesChange> {
  return new Subscription(seriesSource(feed, request.series, pointReader(store, request)), request.after, options);
}

/** Points of series, or buckets of them. */
export function pointReader(
  store: FeedStore,
  { series, range, bucketMicros }: PointSelection,
): SpanReader<SeriesChange> {
  const changeOf = (
    series: string,
    span: Range,
    revision: number,
    samples: (Omit<Samples, 'thinned'> & Partial<Samples>) | undefined,
  ): SeriesChange => {
    const { t, value, size, thinned = false } = samples ?? none;
    return { series, span, samples: { t, value, size, thinned, revision }, truncated: samples === undefined };
  };
  return new SpanReader(store, {
    series,
    range,
    grid: bucketMicros === undefined ? undefined : uniformGrid(bucketMicros),
    pointsMax: bucketMicros === undefined ? pointsMax : 0,
    read: async ({ key }, source, span) =>
      changeOf(key, span, source.asOf, await samplesOf(store, source, span, bucketMicros)),
    known: ({ key }, { asOf }, span, points) => changeOf(key, span, asOf, points),
    truncated: ({ key }, { asOf }, span) => changeOf(key, span, asOf, undefined),
    sizeOf: ({ samples }) => samples.t.length,
  });
}

async function samplesOf(
  { database, reads }: FeedStore,
  { storage: series, asOf }: VersionedSource,
  range: Range,
  bucketMicros: number | undefined,
): Promise<Samples | undefined> {
  if (bucketMicros === undefined) {
    // Most series are short, and their beginnings are read together.
    const step = await reads.step({ series, range, direction: 'forward', blocks: stepBlocksMin });
    const points = step.range.to >= range.to ? foldVersions(step.versions, asOf) : undefined;
    if (points && points.t.length <= pointsMax) return { ...points, thinned: false };
  }
  if (bucketMicros === undefined && (await readCountBounds(database, series, range, asOf)).least > pointsMax)
    return undefined;
  try {
    const request = { series, range, asOf, maxPoints: undefined, bucketMicros, method: 'MINMAX' } as const;
    return await readSamples(database, request, { samplesMax: pointsMax });
  } catch (error) {
    if (error instanceof Fault && error.code === 'TOO_EXPENSIVE') return undefined;
    throw error;
  }
}
