import DataLoader from 'dataloader';
import { batchesOf } from '../engine/batches.ts';
import type { Range } from '../engine/ranges.ts';
import { type BlockStep, type BlockStepRequest, readSteps, readTouched } from './block-reads.ts';
import type { Database } from './connect.ts';
import { type CheckpointRow, readCheckpoints, readNewestRevision, readStandings, type Standing } from './lanes.ts';
import { RecentCommits } from './recent-commits.ts';
import {
  type DeltaRequest,
  type EndRequest,
  type ProgressRequest,
  readEnds,
  readSeriesDeltas,
  readSeriesProgress,
  type SeriesDelta,
  type SeriesProgress,
} from './series-delta.ts';

export interface CheckpointRequest {
  readonly definition: number;
  readonly stage: number;
  /** The last checkpoint at or before the instant, or the first ones after it. */
  readonly side: 'before' | 'after';
  readonly t: number;
  readonly count: number;
}

/** The progress of the series' live definition, if there is one, and the newest revision at that time. */
export interface StandingAnswer {
  readonly newest: number;
  readonly standing: Standing | undefined;
}

/** A reader of series deltas. Either `take` or `fail` is called once. */
export interface DeltaReader {
  readonly asked: readonly DeltaRequest[];
  take(news: readonly SeriesDelta[]): void;
  fail(error: unknown): void;
}

/** The source of the steps of a walk. */
export type BlockStepReads = Pick<BatchedReads, 'step'>;

/** The limit of requests per statement. */
const togetherMax = 32;
const newsTogetherMax = 1_000;

/**
 * Batches reads that are requested in the same turn of the event loop into one statement. Lanes that advance together
 * read at the same moment, and a statement costs more than its rows.
 */
export class BatchedReads {
  readonly #database: Database;
  readonly #steps: DataLoader<BlockStepRequest, BlockStep>;
  readonly #checkpoints: DataLoader<CheckpointRequest, readonly CheckpointRow[]>;
  readonly #ends: DataLoader<EndRequest, number>;
  readonly #standings: DataLoader<number, StandingAnswer>;
  readonly #onward: DataLoader<ProgressRequest, SeriesProgress>;
  readonly #newest: DataLoader<0, number>;
  /** The newest commits of this process. */
  readonly recent = new RecentCommits();
  /** The readers that wait for the next statement. */
  #readers: DeltaReader[] = [];
  /** The number of versions that were read. */
  pointsRead = 0;

  constructor(database: Database) {
    this.#database = database;
    const options = {
      cache: false,
      maxBatchSize: togetherMax,
      batchScheduleFn: (run: () => void) => void setImmediate(run),
    };
    this.#steps = new DataLoader(async (asked) => {
      const steps = await readGrouped(database, asked);
      for (const { versions } of steps) this.pointsRead += versions.t.length;
      return steps;
    }, options);
    this.#checkpoints = new DataLoader((asked) => readCheckpoints(database, asked), options);
    const many = { ...options, maxBatchSize: newsTogetherMax };
    this.#ends = new DataLoader((asked) => readEnds(database, asked), many);
    this.#standings = new DataLoader(async (series) => {
      const { newest, standings } = await readStandings(database, { series });
      const bySeries = new Map(standings.map((standing) => [standing.series, standing]));
      return series.map((id) => ({ newest, standing: bySeries.get(id) }));
    }, many);
    this.#onward = new DataLoader((asked) => readSeriesProgress(database, asked), many);
    this.#newest = new DataLoader(async (asked) => {
      const newest = await readNewestRevision(database);
      return asked.map(() => newest);
    }, many);
  }

  step(asked: BlockStepRequest): Promise<BlockStep> {
    return this.#steps.load(asked);
  }

  checkpoints(asked: CheckpointRequest): Promise<readonly CheckpointRow[]> {
    return this.#checkpoints.load(asked);
  }

  touched(series: number, after: number, upTo: number, range: Range): Promise<Range[]> {
    return readTouched(this.#database, series, after, upTo, range);
  }

  news(asked: readonly DeltaRequest[]): Promise<readonly SeriesDelta[]> {
    return new Promise((take, fail) => this.askNews({ asked, take, fail }));
  }

  /** Like `news`, but without a promise per reader: thousands may read at once, several times a second. */
  askNews(asker: DeltaReader): void {
    this.#readers.push(asker);
    if (this.#readers.length > 1) return;
    setImmediate(() => {
      const askers = this.#readers;
      this.#readers = [];
      const limits = { weightMax: newsTogetherMax, weightOf: ({ asked }: DeltaReader) => asked.length };
      for (const batch of batchesOf(askers, limits)) this.#tell(batch);
    });
  }

  #tell(askers: readonly DeltaReader[]): void {
    const all = askers.length === 1 ? askers[0].asked : askers.flatMap(({ asked }) => asked);
    readSeriesDeltas(this.#database, all).then(
      (news) => {
        let start = 0;
        for (const { asked, take, fail } of askers) {
          const end = start + asked.length;
          try {
            take(askers.length === 1 ? news : news.slice(start, end));
          } catch (error) {
            fail(error);
          }
          start = end;
        }
      },
      (error: unknown) => {
        for (const { fail } of askers) fail(error);
      },
    );
  }

  standing(series: number): Promise<StandingAnswer> {
    return this.#standings.load(series);
  }

  /** The progress of a series and its delta, read in one snapshot. */
  onward(asked: ProgressRequest): Promise<SeriesProgress> {
    return this.#onward.load(asked);
  }

  newestRevision(): Promise<number> {
    return this.#newest.load(0);
  }

  /** The last instant that any version up to a revision has. */
  end(asked: EndRequest): Promise<number> {
    return this.#ends.load(asked);
  }
}

/** Groups requests that differ in direction or stage into separate statements. */
async function readGrouped(database: Database, asked: readonly BlockStepRequest[]): Promise<BlockStep[]> {
  const groups = new Map<string, { asked: BlockStepRequest[]; places: number[] }>();
  for (const [place, step] of asked.entries()) {
    const name = `${step.direction} ${step.stage?.id}`;
    const group = groups.get(name) ?? { asked: [], places: [] };
    group.asked.push(step);
    group.places.push(place);
    groups.set(name, group);
  }
  const steps: BlockStep[] = [];
  const read = async (group: { asked: BlockStepRequest[]; places: number[] }) => {
    const found = await readSteps(database, group.asked, group.asked[0]);
    found.forEach((step, i) => {
      steps[group.places[i]] = step;
    });
  };
  await Promise.all([...groups.values()].map(read));
  return steps;
}
