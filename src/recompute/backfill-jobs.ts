import type { Bell } from '../bell/bell.ts';
import { Definitions } from '../derive/definitions.ts';
import type { Database } from '../store/connect.ts';
import { fail, recover } from '../store/definitions.ts';
import { openWave, readLanes, type Trouble } from '../store/lanes.ts';
import { isLoss } from '../store/retry.ts';
import { backfill, type SharedSources } from './backfill.ts';
import { type Lane, laneOf } from './lane-registry.ts';

/** One job of a long way works for so long, then others have their turn; if it took long to begin, for longer. */
const jobMillis = 10_000;
const timesBeginning = 4;

export const retrySecondsMax = 300;

export interface BuildsOptions {
  readonly log: (line: string) => void;
  /** Whoever stops hands the rest of a way over to the next one who is woken. */
  readonly isStopping: () => boolean;
}

/** Goes long ways, one definition a job. Nothing of it needs to be on the machine where the lane is held. */
export class Builds {
  readonly #database: Database;
  readonly #bell: Bell;
  readonly #options: BuildsOptions;
  readonly #definitions: Definitions;
  readonly #running = new Set<number>();
  /** The sources that the last backfills read, all at one revision. */
  #sources: { target: number; sources: SharedSources } | undefined;

  constructor(database: Database, bell: Bell, options: BuildsOptions) {
    this.#database = database;
    this.#bell = bell;
    this.#options = options;
    this.#definitions = new Definitions(database);
  }

  /** Brings a definition as far as it gets in one job; rings again when there is more to do. */
  async build(definition: number): Promise<void> {
    if (this.#running.has(definition)) return;
    this.#running.add(definition);
    try {
      await this.#build(definition);
    } finally {
      this.#running.delete(definition);
    }
  }

  async #build(definition: number): Promise<void> {
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

/** It did not fail, or is to be tried again by now. */
export function isDue({ retryAt }: Trouble): boolean {
  return retryAt === null || retryAt <= performance.now();
}

/** Notes that a definition could not be computed; each time it is tried again after twice as long. */
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
