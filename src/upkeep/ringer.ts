import type { Bell, CommitNotice } from '../bell/bell.ts';
import { partitionOf } from '../store/partitions.ts';
import { sealBlocksOf } from './upkeep.ts';

/** Wakes are gathered for so long. */
const gatherMillis = 1_000;

/**
 * Rings for workers when enough of a partition is fresh, and while there are commits, should they not hear of those by
 * themselves. What it forgets, the workers' sweep finds.
 */
export class Ringer {
  readonly #bell: Bell;
  readonly #log: (line: string) => void;
  readonly #blocks = new Map<number, number>();
  readonly #due = new Set<number>();
  #advance = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(bell: Bell, log: (line: string) => void) {
    this.#bell = bell;
    this.#log = log;
  }

  /** A commit wrote blocks; `large` when a single one of them is worth sealing. */
  hear(notice: Pick<CommitNotice, 'series'>, large: boolean): void {
    for (const series of notice.series ?? []) {
      const blocks = (this.#blocks.get(series) ?? 0) + 1;
      if (blocks < sealBlocksOf(series) && !large) {
        this.#blocks.set(series, blocks);
        continue;
      }
      this.#blocks.delete(series);
      this.#due.add(partitionOf(series));
    }
    if (notice.series === undefined || notice.series.length > 0) this.#advance = true;
    if (this.#due.size > 0 || this.#advance) this.#timer ??= setTimeout(() => void this.#ring(), gatherMillis);
  }

  async #ring(): Promise<void> {
    this.#timer = undefined;
    const due = [...this.#due];
    const advance = this.#advance;
    this.#due.clear();
    this.#advance = false;
    try {
      await Promise.all([
        ...due.map((partition) => this.#bell.wake('seal', String(partition), { partition })),
        ...(advance ? [this.#bell.wake('advance', 'all', {})] : []),
      ]);
    } catch (error) {
      this.#log(`could not wake a worker: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
