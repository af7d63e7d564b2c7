import DataLoader from 'dataloader';
import { batchesOf } from '../engine/batches.ts';
import type { Range } from '../engine/ranges.ts';
import { readSteps, readTouched, type WalkStep, type WalkStepRequest } from './block-reads.ts';
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
  /** The last one at or before an instant, or the first ones behind it. */
  readonly side: 'before' | 'after';
  readonly t: number;
  readonly count: number;
}

/** Where the definition of a series stands that answers now, if there is one, and the newest revision then. */
export interface StandingAnswer {
  readonly newest: number;
  readonly standing: Standing | undefined;
}

/** Who asks for news, and is told them or why not. */
export interface DeltaReader {
  readonly asked: readonly DeltaRequest[];
  take(news: readonly SeriesDelta[]): void;
  fail(error: unknown): void;
}

/** Where steps of walks come from. */
export type WalkStepReads = Pick<BatchedReads, 'step'>;

/** So many in one statement. */
const togetherMax = 32;
const newsTogetherMax = 1_000;

/**
 * Reads what is asked for at the same time in one statement: of lanes that are brought together, most want something of
 * their own at the same moment, and a statement costs more than the rows.
 */
export class BatchedReads {
  readonly #database: Database;
  readonly #steps: DataLoader<WalkStepRequest, WalkStep>;
  readonly #checkpoints: DataLoader<CheckpointRequest, readonly CheckpointRow[]>;
  readonly #ends: DataLoader<EndRequest, number>;
  readonly #standings: DataLoader<number, StandingAnswer>;
  readonly #onward: DataLoader<ProgressRequest, SeriesProgress>;
  readonly #newest: DataLoader<0, number>;
  /** What this process wrote itself a moment ago. */
  readonly recent = new RecentCommits();
  /** Who asked for news since the last statement for them. */
  #askers: DeltaReader[] = [];
  /** How many versions of points were read. */
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

  step(asked: WalkStepRequest): Promise<WalkStep> {
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

  /** The same without a promise for each who asks: thousands may ask at once, and again a moment later. */
  askNews(asker: DeltaReader): void {
    this.#askers.push(asker);
    if (this.#askers.length > 1) return;
    setImmediate(() => {
      const askers = this.#askers;
      this.#askers = [];
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

  /** Where a series stands and what became of it, as one look finds both. */
  onward(asked: ProgressRequest): Promise<SeriesProgress> {
    return this.#onward.load(asked);
  }

  newestRevision(): Promise<number> {
    return this.#newest.load(0);
  }

  /** An instant behind which nothing had been said up to a revision. */
  end(asked: EndRequest): Promise<number> {
    return this.#ends.load(asked);
  }
}

/** What cannot go in one statement goes in several. */
async function readGrouped(database: Database, asked: readonly WalkStepRequest[]): Promise<WalkStep[]> {
  const groups = new Map<string, { asked: WalkStepRequest[]; places: number[] }>();
  for (const [place, step] of asked.entries()) {
    const name = `${step.direction} ${step.stage?.id}`;
    const group = groups.get(name) ?? { asked: [], places: [] };
    group.asked.push(step);
    group.places.push(place);
    groups.set(name, group);
  }
  const steps: WalkStep[] = [];
  const read = async (group: { asked: WalkStepRequest[]; places: number[] }) => {
    const found = await readSteps(database, group.asked, group.asked[0]);
    found.forEach((step, i) => {
      steps[group.places[i]] = step;
    });
  };
  await Promise.all([...groups.values()].map(read));
  return steps;
}
