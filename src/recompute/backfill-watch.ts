import type { Bell, DerivedNotice } from '../bell/bell.ts';
import { isDue } from './backfill-jobs.ts';
import type { Lane, LaneRegistry } from './lane-registry.ts';

/** This worker takes over a backfill that has made no step for this time: its worker may be dead. */
const idleMillisMax = 2_500;
const backfillsAtOnce = 2;

export interface BackfillWatchOptions {
  readonly log: (line: string) => void;
  /** Whether this worker holds the lane's partition. */
  readonly holds: (lane: Lane) => boolean;
  /** Runs a backfill in this process. */
  readonly build: (definition: number) => Promise<void>;
  /** Called when a backfill has ended. */
  readonly onEnd: (lane: Lane) => void;
}

/**
 * Watches the backfills of the lanes that this worker holds. Any worker may run the job of a backfill; this one looks whether
 * it has ended, wakes a worker again, and runs it itself when it makes no progress.
 */
export class BackfillWatch {
  readonly #registry: LaneRegistry;
  readonly #bell: Bell;
  readonly #options: BackfillWatchOptions;
  /** The definitions whose backfill this process runs. */
  readonly #running = new Set<number>();
  /** The count of steps of each backfill, and since when it has not changed. */
  readonly #seen = new Map<number, { readonly count: number; readonly since: number }>();
  #isLooking = false;
  #lookAgain = false;
  #isStopped = false;

  constructor(registry: LaneRegistry, bell: Bell, options: BackfillWatchOptions) {
    this.#registry = registry;
    this.#bell = bell;
    this.#options = options;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Whether a notice names a series of a lane in backfill; a notice without names may. */
  isNamedBy({ series, unchanged }: DerivedNotice): boolean {
    const named = series && new Set([...series, ...unchanged]);
    for (const lane of this.#registry.lanes.values())
      if (lane.needsBackfill && (named?.has(lane.row.series) ?? true)) return true;
    return false;
  }

  /** Looks at all backfills; calls meanwhile make it look once more. */
  async look(): Promise<void> {
    this.#lookAgain = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      while (this.#lookAgain && !this.#isStopped) {
        this.#lookAgain = false;
        await this.#look();
      }
    } finally {
      this.#isLooking = false;
    }
  }

  /** Queues the job of a backfill. One that other lanes wait for goes first when it waits for no lane itself. */
  async wake({ row: { id, upstream } }: Lane): Promise<void> {
    const isReady =
      upstream.length > 0 && upstream.every((other) => (this.#registry.lanes.get(other)?.basis ?? -1) >= 0);
    await this.#bell.wake('build', String(id), { definition: id }, isReady);
  }

  async #look(): Promise<void> {
    const lanes = [...this.#registry.lanes.values()].filter(
      (lane) => lane.needsBackfill && this.#options.holds(lane) && !this.#running.has(lane.row.id),
    );
    if (lanes.length === 0) return;
    await this.#registry.refresh([...new Set(lanes.flatMap(({ row }) => [row.id, ...row.upstream]))]);
    const now = Date.now();
    for (const lane of lanes) {
      const { id } = lane.row;
      if (!lane.needsBackfill) {
        this.#seen.delete(id);
        this.#options.onEnd(lane);
        continue;
      }
      if (!isDue(lane.row)) continue;
      const count = lane.step?.count ?? 0;
      const seen = this.#seen.get(id);
      if (seen?.count !== count) this.#seen.set(id, { count, since: now });
      if (seen?.count === count && now - seen.since > idleMillisMax && this.#running.size < backfillsAtOnce)
        void this.#run(id);
      else await this.wake(lane);
    }
  }

  async #run(definition: number): Promise<void> {
    this.#running.add(definition);
    try {
      await this.#options.build(definition);
    } catch (error) {
      this.#options.log(`recompute: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this.#running.delete(definition);
    }
  }
}
