import { Definitions, Index } from '../derive/definitions.ts';
import type { Tail } from '../derive/walk.ts';
import { parseFormula } from '../engine/formula/parse.ts';
import { operatorsByName } from '../engine/operators/registry.ts';
import { type Plan, planFormula } from '../engine/plan.ts';
import type { Database } from '../store/connect.ts';
import { type DefinitionRow, storageOf } from '../store/definitions.ts';
import { readLanes, type Step } from '../store/lanes.ts';

/** The progress of one definition as this process knows it. The row in the store decides: its basis is compared at each commit. */
export interface Lane {
  row: DefinitionRow;
  readonly plan: Plan;
  /** For each leaf of each stage: the storage and the column that it reads. */
  readonly leaves: readonly (readonly { readonly storage: number; readonly column: 'value' | 'size' }[])[];
  basis: number;
  stops: readonly number[];
  untils: readonly number[];
  step: Step | null;
  /** The state of each stage at the newest point, from the last pass; valid for the basis only. */
  tails: (Tail | undefined)[];
  /** It is too far behind for a pass: a job advances it alone. */
  needsBackfill: boolean;
  /** When a pass last used it, in milliseconds since 1970. */
  usedAt: number;
}

/** The new definitions that a look into the catalogue has found. */
export interface Loaded {
  readonly lanes: Lane[];
  /** Definitions whose formulas this program cannot plan, with the reason. */
  readonly broken: Map<number, string>;
}

/** The lanes of all definitions that are computed, each after those that it reads. */
export class LaneRegistry {
  readonly #database: Database;
  readonly #definitions: Definitions;
  readonly #lanes = new Map<number, Lane>();
  readonly #bySource = new Index<Lane>();
  /** Definitions whose lanes have not been read yet. */
  readonly #unread = new Set<number>();
  #loading: Promise<unknown> = Promise.resolve();

  constructor(database: Database) {
    this.#database = database;
    this.#definitions = new Definitions(database);
  }

  get definitions(): Definitions {
    return this.#definitions;
  }

  get version(): number {
    return this.#definitions.version;
  }

  get lanes(): ReadonlyMap<number, Lane> {
    return this.#lanes;
  }

  /** The lanes that depend on a source series. */
  dependingOn(source: number): Iterable<Lane> {
    return this.#bySource.get(source);
  }

  /** Reads the changes of the catalogue; known lanes stay as they are. Calls run one after another, so that a lane is made once. */
  load(): Promise<Loaded> {
    const loading = this.#loading.then(() => this.#load());
    this.#loading = loading.catch(() => undefined);
    return loading;
  }

  async #load(): Promise<Loaded> {
    for (const id of await this.#definitions.refresh()) {
      const row = this.#definitions.byId.get(id);
      const lane = this.#lanes.get(id);
      if (!row) this.#drop(id);
      else if (lane) lane.row = row;
      else this.#unread.add(id);
    }
    const loaded: Loaded = { lanes: [], broken: new Map() };
    if (this.#unread.size === 0) return loaded;
    const unread = [...this.#unread];
    const stored = await readLanes(this.#database, unread);
    // A definition has a higher id than those that it reads.
    for (const each of stored.sort((a, b) => a.definition - b.definition)) {
      const row = this.#definitions.byId.get(each.definition);
      if (!row) continue;
      try {
        loaded.lanes.push(this.#add(laneOf(row, each, this.#definitions)));
      } catch (error) {
        loaded.broken.set(row.id, error instanceof Error ? error.message : String(error));
      }
    }
    for (const id of unread) this.#unread.delete(id);
    return loaded;
  }

  #add(lane: Lane): Lane {
    this.#lanes.set(lane.row.id, lane);
    for (const source of lane.row.sources) this.#bySource.add(source, lane);
    return lane;
  }

  #drop(id: number): void {
    const lane = this.#lanes.get(id);
    this.#lanes.delete(id);
    this.#unread.delete(id);
    if (lane) for (const source of lane.row.sources) this.#bySource.delete(source, lane);
  }

  /** Reads the rows of lanes anew. A lane that has another basis by now loses its tails. */
  async refresh(definitions: readonly number[]): Promise<void> {
    for (const stored of await readLanes(this.#database, definitions)) {
      const lane = this.lanes.get(stored.definition);
      if (lane) updateLane(lane, stored);
    }
  }

  /** Drops the tails of the lanes that were used least recently until the others take at most this memory. */
  limitTails(bytesMax: number): void {
    let bytes = 0;
    const warm = [...this.#lanes.values()].filter(({ tails }) => tails.length > 0);
    warm.sort((a, b) => b.usedAt - a.usedAt);
    for (const lane of warm) {
      for (const tail of lane.tails) bytes += tail?.run.bytes() ?? 0;
      if (bytes > bytesMax) lane.tails = [];
    }
  }
}

type StoredLane = Awaited<ReturnType<typeof readLanes>>[number];

/** Throws when this program cannot plan the formula. */
export function laneOf(
  definition: DefinitionRow,
  { basis, stops, untils, step, trouble }: StoredLane,
  definitions: Definitions,
): Lane {
  const row = { ...definition, ...trouble };
  const plan = planFormula(parseFormula(row.formula, operatorsByName));
  const leaves = leavesOf(row, plan, definitions.byId);
  return { row, plan, leaves, basis, stops, untils, step, tails: [], needsBackfill: step !== null, usedAt: 0 };
}

/** Takes over the row of a lane as it was just read. */
export function updateLane(lane: Lane, { basis, stops, untils, step, trouble }: StoredLane): void {
  const before = lane.basis;
  if (before !== basis) lane.tails = [];
  lane.row = { ...lane.row, ...trouble };
  lane.basis = basis;
  lane.stops = stops;
  lane.untils = untils;
  lane.step = step;
  lane.needsBackfill = step !== null || (lane.needsBackfill && before === basis);
}

function leavesOf(row: DefinitionRow, plan: Plan, byId: ReadonlyMap<number, DefinitionRow>): Lane['leaves'] {
  const storageByKey = new Map<string, number>();
  for (const { key, series, definition } of row.inputs) {
    if (definition === null) {
      storageByKey.set(key, series);
      continue;
    }
    const input = byId.get(definition);
    if (!input) throw new Error(`the definition of '${key}' that '${row.key}' reads is gone`);
    storageByKey.set(key, storageOf(input));
  }
  return plan.stages.map(({ leaves }) =>
    leaves.map((leaf) => {
      if (leaf.kind === 'stage') return { storage: row.storages[leaf.stage], column: 'value' };
      const storage = storageByKey.get(leaf.key);
      if (storage === undefined) throw new Error(`'${leaf.key}' is no input of '${row.key}'`);
      return { storage, column: leaf.column };
    }),
  );
}
