import { backfill } from '../../src/recompute/backfill.ts';
import { type Lane, LaneRegistry } from '../../src/recompute/lane-registry.ts';
import { Pass, type PassResult } from '../../src/recompute/pass.ts';
import type { Database } from '../../src/store/connect.ts';
import { switchIn } from '../../src/store/definitions.ts';
import { openWave } from '../../src/store/lanes.ts';

/** A worker that does what a test says and when, with a book of its own. */
export class ManualWorker {
  readonly database: Database;
  readonly registry: LaneRegistry;

  constructor(database: Database) {
    this.database = database;
    this.registry = new LaneRegistry(database);
  }

  async wave(): Promise<number> {
    return (await openWave(this.database, 0)).revision;
  }

  lane(key: string): Lane {
    const lane = [...this.registry.lanes.values()].findLast(({ row }) => row.key === key);
    if (!lane) throw new Error(`there is no lane of '${key}'`);
    return lane;
  }

  /** Computes what is defined, and lets it answer. */
  async build(): Promise<void> {
    await this.registry.load();
    await this.wave();
    const building = [...this.registry.lanes.values()].filter(({ row }) => row.state === 'BUILDING');
    for (const lane of building) {
      const end = await backfill(this.database, this.registry.definitions, lane, {
        announce: false,
        isOver: () => false,
      });
      if (end !== 'complete') throw new Error(`'${lane.row.key}' is ${end}`);
      await switchIn(this.database, this.registry.version, [lane.row.id], false);
      await this.registry.load();
    }
  }

  /** Brings lanes to a revision; those that fail are thrown. */
  async pass(keys: readonly string[], target: number, database = this.database): Promise<PassResult> {
    const pass = new Pass(database, this.registry, target, {
      announce: false,
      count: true,
      onBackfill: () => undefined,
      onFailure: (lane, error) => {
        throw new Error(`'${lane.row.key}' failed`, { cause: error });
      },
    });
    return pass.run(keys.map((key) => this.lane(key)).sort((a, b) => a.row.id - b.row.id));
  }
}

/** The same connections, of which a test is told before and after they are asked something. */
export function watched(
  database: Database,
  watch: { readonly before?: (text: string) => Promise<void>; readonly after?: (text: string) => Promise<void> },
): Database {
  return {
    ...database,
    query: async (text, values) => {
      await watch.before?.(text);
      const rows = await database.query(text, values);
      await watch.after?.(text);
      return rows as never;
    },
  };
}
