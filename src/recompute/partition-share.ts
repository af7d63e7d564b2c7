import { randomUUID } from 'node:crypto';
import type { Database } from '../store/connect.ts';
import { leasePartitions, releasePartitions } from '../store/lanes.ts';
import { partitions } from '../store/partitions.ts';

/** A lease ends after this time unless the worker renews it. */
const leaseSeconds = 4;

/** The partitions that one worker leases. */
export class PartitionShare {
  readonly #database: Database;
  readonly #worker = randomUUID();
  #held: ReadonlySet<number> = new Set();

  constructor(database: Database) {
    this.#database = database;
  }

  holds(partition: number): boolean {
    return this.#held.has(partition);
  }

  /** Renews the leases and takes this worker's share of free partitions; returns what changed. */
  async renew(): Promise<{ readonly gained: ReadonlySet<number>; readonly lost: ReadonlySet<number> }> {
    const before = this.#held;
    const held = new Set(await leasePartitions(this.#database, this.#worker, leaseSeconds, partitions));
    this.#held = held;
    return {
      gained: new Set([...held].filter((partition) => !before.has(partition))),
      lost: new Set([...before].filter((partition) => !held.has(partition))),
    };
  }

  release(): Promise<void> {
    return releasePartitions(this.#database, this.#worker);
  }
}
