import type { Bell, CommitNotice } from '../bell/bell.ts';
import { partitionOf } from '../store/partitions.ts';
import { sealBlocksOf } from './upkeep.ts';

/** The time for which wakes are collected. */
const gatherMillis = 1_000;

/**
 * Wakes workers when a partition has enough fresh blocks, and on every commit if the bell does not announce commits
 * itself. The workers' sweep finds what it misses.
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

  /** Called for a commit that wrote blocks; `large` when a single one of them is worth sealing. */
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
