import DataLoader from 'dataloader';
import type { Database } from './connect.ts';
import { type CheckpointRow, readCheckpoints, readNewestRevision, readStandings, type Standing } from './lanes.ts';
import { type AskedEnd, type AskedNews, type News, readEnds, readNews } from './news.ts';
import { type AskedStep, type Range, readSteps, readTouched, type Step } from './read.ts';

export interface AskedCheckpoints {
  readonly definition: number;
  readonly stage: number;
  /** The last one at or before an instant, or the first ones behind it. */
  readonly side: 'before' | 'after';
  readonly t: number;
  readonly count: number;
}

/** Where the definition of a series stands that answers now, if there is one, and the newest revision then. */
export interface AskedStanding {
  readonly newest: number;
  readonly standing: Standing | undefined;
}

/** Where steps of walks come from. */
export type StepReads = Pick<Reads, 'step'>;

/** So many in one statement. */
const togetherMax = 32;
const newsTogetherMax = 1_000;

/**
 * Reads what is asked for at the same time in one statement: of lanes that are brought together, most want something of
 * their own at the same moment, and a statement costs more than the rows.
 */
export class Reads {
  readonly #database: Database;
  readonly #steps: DataLoader<AskedStep, Step>;
  readonly #checkpoints: DataLoader<AskedCheckpoints, readonly CheckpointRow[]>;
  readonly #news: DataLoader<AskedNews, News>;
  readonly #ends: DataLoader<AskedEnd, number>;
  readonly #standings: DataLoader<number, AskedStanding>;
  readonly #newest: DataLoader<0, number>;
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
    this.#news = new DataLoader((asked) => readNews(database, asked), many);
    this.#ends = new DataLoader((asked) => readEnds(database, asked), many);
    this.#standings = new DataLoader(async (series) => {
      const { newest, standings } = await readStandings(database, { series });
      const bySeries = new Map(standings.map((standing) => [standing.series, standing]));
      return series.map((id) => ({ newest, standing: bySeries.get(id) }));
    }, many);
    this.#newest = new DataLoader(async (asked) => {
      const newest = await readNewestRevision(database);
      return asked.map(() => newest);
    }, many);
  }

  step(asked: AskedStep): Promise<Step> {
    return this.#steps.load(asked);
  }

  checkpoints(asked: AskedCheckpoints): Promise<readonly CheckpointRow[]> {
    return this.#checkpoints.load(asked);
  }

  touched(series: number, after: number, upTo: number, range: Range): Promise<Range[]> {
    return readTouched(this.#database, series, after, upTo, range);
  }

  news(asked: AskedNews): Promise<News> {
    return this.#news.load(asked);
  }

  standing(series: number): Promise<AskedStanding> {
    return this.#standings.load(series);
  }

  newestRevision(): Promise<number> {
    return this.#newest.load(0);
  }

  /** An instant behind which nothing had been said up to a revision. */
  end(asked: AskedEnd): Promise<number> {
    return this.#ends.load(asked);
  }
}

/** What cannot go in one statement goes in several. */
async function readGrouped(database: Database, asked: readonly AskedStep[]): Promise<Step[]> {
  const groups = new Map<string, { asked: AskedStep[]; places: number[] }>();
  for (const [place, step] of asked.entries()) {
    const name = `${step.direction} ${step.stage?.id}`;
    const group = groups.get(name) ?? { asked: [], places: [] };
    group.asked.push(step);
    group.places.push(place);
    groups.set(name, group);
  }
  const steps: Step[] = [];
  const read = async (group: { asked: AskedStep[]; places: number[] }) => {
    const found = await readSteps(database, group.asked, group.asked[0]);
    found.forEach((step, i) => {
      steps[group.places[i]] = step;
    });
  };
  await Promise.all([...groups.values()].map(read));
  return steps;
}
