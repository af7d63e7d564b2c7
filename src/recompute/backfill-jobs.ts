import type { Bell } from '../bell/bell.ts';
import { Definitions } from '../derive/definitions.ts';
import type { Database } from '../store/connect.ts';
import { fail, recover } from '../store/definitions.ts';
import { openWave, readLanes, type Trouble } from '../store/lanes.ts';
import { isLoss } from '../store/retry.ts';
import { backfill, type SharedSources } from './backfill.ts';
import { type Lane, laneOf } from './lane-registry.ts';

/** A job of a backfill works this long, or this multiple of the time that its first piece took; then other jobs have their turn. */
const jobMillis = 10_000;
const timesBeginning = 4;

export const retrySecondsMax = 300;

export interface BackfillJobsOptions {
  readonly log: (line: string) => void;
  /** While the process stops, a job ends after its next step; another worker continues. */
  readonly isStopping: () => boolean;
}

/** Runs the jobs of backfills, one definition each. Any worker can run them, whichever holds the lane's partition. */
export class BackfillJobs {
  readonly #database: Database;
  readonly #bell: Bell;
  readonly #options: BackfillJobsOptions;
  readonly #definitions: Definitions;
  readonly #running = new Set<number>();
  /** The sources that the last backfills read, all at one revision. */
  #sources: { target: number; sources: SharedSources } | undefined;

  constructor(database: Database, bell: Bell, options: BackfillJobsOptions) {
    this.#database = database;
    this.#bell = bell;
    this.#options = options;
    this.#definitions = new Definitions(database);
  }

  /** Advances a definition for one job's time, and queues another job when more is to be done. */
  async run(definition: number): Promise<void> {
    if (this.#running.has(definition)) return;
    this.#running.add(definition);
    try {
      await this.#run(definition);
    } finally {
      this.#running.delete(definition);
    }
  }

  async #run(definition: number): Promise<void> {
    await this.#definitions.refresh();
    const row = this.#definitions.byId.get(definition);
    const [stand] = await readLanes(this.#database, [definition]);
    if (!row || !stand || !isDue(stand.trouble)) return;
    try {
      const lane = laneOf(row, stand, this.#definitions);
      const isOver = (worked: number, beginning: number) =>
        this.#options.isStopping() || worked > Math.max(jobMillis, beginning * timesBeginning);
      const options = { announce: this.#bell.ringsInCommit, isOver };
      const { revision } = await openWave(this.#database, 0);
      const sources = this.#sourcesFor(lane, revision);
      const end = await backfill(this.#database, this.#definitions, lane, options, sources);
      if (end === 'interrupted' && !this.#options.isStopping())
        await this.#bell.wake('build', String(definition), { definition });
      if (end !== 'complete') return;
      if (stand.trouble.problem !== null) await recover(this.#database, [definition]);
      if (!this.#bell.ringsInCommit) this.#bell.tell({ derived: lane.basis, series: [row.series], unchanged: [] });
    } catch (error) {
      if (isLoss(error)) throw error;
      await noteFailure(this.#database, row, stand.trouble, error, this.#options.log);
    }
  }

  /** Backfills to one revision share the sources that they read. */
  #sourcesFor({ step }: Lane, newest: number): SharedSources {
    const target = step?.target ?? newest;
    if (this.#sources?.target !== target) this.#sources = { target, sources: new Map() };
    return this.#sources.sources;
  }
}

/** Whether a definition has not failed, or its retry is due. */
export function isDue({ retryAt }: Trouble): boolean {
  return retryAt === null || retryAt <= performance.now();
}

/** Stores that a definition could not be computed. It is tried again after a delay that doubles with each attempt. */
export async function noteFailure(
  database: Database,
  { id, key }: { readonly id: number; readonly key: string },
  { attempts }: Trouble,
  error: unknown,
  log: (line: string) => void,
): Promise<Trouble> {
  const problem = error instanceof Error ? error.message : String(error);
  const seconds = Math.min(retrySecondsMax, 2 ** attempts);
  log(`'${key}' cannot be computed, tried again in ${seconds} s: ${problem}`);
  await fail(database, id, problem, seconds);
  return { problem, attempts: attempts + 1, retryAt: performance.now() + seconds * 1000 };
}
