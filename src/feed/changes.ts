import { uniformGrid } from '../engine/bucket.ts';
import { Fault } from '../engine/fault.ts';
import type { Source } from '../query/diff.ts';
import { readSamples, type Samples } from '../query/samples.ts';
import type { Catalogue, SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import type { Range } from '../store/read.ts';
import { readCountBounds } from '../store/tallies.ts';
import type { Feed } from './feed.ts';
import { type FollowOptions, follow } from './follow.ts';
import type { FoldedEvent } from './followed.ts';
import { FollowedSpans } from './spans.ts';

export interface SeriesChange {
  readonly series: string;
  readonly span: Range;
  readonly samples: Samples;
  readonly asOf: number;
  /** There are more points than are sent: fetch them. */
  readonly truncated: boolean;
}

export type ChangeEvent = FoldedEvent<SeriesChange>;

/** What of series is followed. */
export interface FollowedPoints {
  readonly series: readonly SeriesRow[];
  readonly range: Range;
  readonly bucketMicros: number | undefined;
}

export interface ChangesRequest extends FollowedPoints {
  readonly after: number | undefined;
}

/** A change of more points is sent without them. */
const pointsMax = 10_000;

const none: Samples = { t: new Float64Array(0), value: new Float64Array(0), size: undefined, thinned: false };

export class Changes {
  readonly #database: Database;
  readonly #catalogue: Catalogue;
  readonly #feed: Feed;
  readonly #options: FollowOptions;

  constructor(database: Database, catalogue: Catalogue, feed: Feed, options: FollowOptions = {}) {
    this.#database = database;
    this.#catalogue = catalogue;
    this.#feed = feed;
    this.#options = options;
  }

  follow(request: ChangesRequest): AsyncGenerator<ChangeEvent, void> {
    const followed = followedPoints(this.#database, this.#catalogue, request);
    return follow(this.#feed, this.#catalogue, followed, request.after, this.#options);
  }
}

/** Points of series, or buckets of them. */
export function followedPoints(
  database: Database,
  catalogue: Catalogue,
  { series, range, bucketMicros }: FollowedPoints,
): FollowedSpans<SeriesChange> {
  return new FollowedSpans(database, catalogue, {
    series,
    range,
    grid: bucketMicros === undefined ? undefined : uniformGrid(bucketMicros),
    pointsMax: bucketMicros === undefined ? pointsMax : 0,
    read: async ({ key }, source, span, known) => {
      const samples = known ? { ...known, thinned: false } : await samplesOf(database, source, span, bucketMicros);
      return { series: key, span, samples: samples ?? none, asOf: source.asOf, truncated: samples === undefined };
    },
  });
}

async function samplesOf(
  database: Database,
  { storage: series, asOf }: Source,
  range: Range,
  bucketMicros: number | undefined,
): Promise<Samples | undefined> {
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
