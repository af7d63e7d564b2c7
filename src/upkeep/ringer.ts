import type { Bell, CommitNotice } from '../bell/bell.ts';
import { partitionOf } from '../store/care.ts';
import { sealBlocksMin } from './upkeep.ts';

/** Wakes are gathered for so long. */
const gatherMillis = 1_000;

/** Rings for workers when enough of a partition is fresh; what it forgets, the workers' sweep finds. */
export class Ringer {
  readonly #bell: Bell;
  readonly #log: (line: string) => void;
  readonly #blocks = new Map<number, number>();
  readonly #due = new Set<number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(bell: Bell, log: (line: string) => void) {
    this.#bell = bell;
    this.#log = log;
  }

  /** A commit wrote blocks; `large` when a single one of them is worth sealing. */
  hear(notice: Pick<CommitNotice, 'series'>, large: boolean): void {
    for (const series of notice.series ?? []) {
      const blocks = (this.#blocks.get(series) ?? 0) + 1;
      if (blocks < sealBlocksMin && !large) {
        this.#blocks.set(series, blocks);
        continue;
      }
      this.#blocks.delete(series);
      this.#due.add(partitionOf(series));
    }
    if (this.#due.size > 0) this.#timer ??= setTimeout(() => void this.#ring(), gatherMillis);
  }

  async #ring(): Promise<void> {
    this.#timer = undefined;
    const due = [...this.#due];
    this.#due.clear();
    try {
      await Promise.all(due.map((partition) => this.#bell.wake('seal', String(partition), { partition })));
    } catch (error) {
      this.#log(`could not wake a worker: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
