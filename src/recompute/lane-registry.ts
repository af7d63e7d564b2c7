import { Definitions, Index } from '../derive/definitions.ts';
import type { Tail } from '../derive/walk.ts';
import { parseFormula } from '../engine/formula/parse.ts';
import { operatorsByName } from '../engine/operators/registry.ts';
import { type Plan, planFormula } from '../engine/plan.ts';
import type { Database } from '../store/connect.ts';
import { type DefinitionRow, storageOf } from '../store/definitions.ts';
import { readLanes, type Step } from '../store/lanes.ts';

/** A definition on its way through the revisions, as this process knows it: the store has the last word. */
export interface Lane {
  row: DefinitionRow;
  readonly plan: Plan;
  /** Of each stage, of each leaf: the storage that it is read from. */
  readonly leaves: readonly (readonly { readonly storage: number; readonly column: 'value' | 'size' }[])[];
  basis: number;
  stops: readonly number[];
  untils: readonly number[];
  step: Step | null;
  /** What is left of the last pass over each stage. */
  tails: (Tail | undefined)[];
  /** It is too far to go with the others: a job of its own brings it there. */
  isLong: boolean;
  /** When it was last used. */
  usedAt: number;
}

/** What a look into the catalogue brought. */
export interface Loaded {
  readonly lanes: Lane[];
  /** Definitions whose formulas cannot be planned by this program. */
  readonly broken: Map<number, string>;
}

/** The lanes there are, each behind those that it reads. */
export class Book {
  readonly #database: Database;
  readonly #definitions: Definitions;
  readonly #lanes = new Map<number, Lane>();
  readonly #bySource = new Index<Lane>();
  /** Definitions of which it is not yet known where they stand. */
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

  /** The lanes that hang on a source series. */
  of(source: number): Iterable<Lane> {
    return this.#bySource.get(source);
  }

  /**
   * Reads what has changed of the catalogue: lanes that are still there keep what is known of them. One after another: a lane
   * is made once.
   */
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
    const stands = await readLanes(this.#database, unread);
    // What reads another one was defined later.
    for (const stand of stands.sort((a, b) => a.definition - b.definition)) {
      const row = this.#definitions.byId.get(stand.definition);
      if (!row) continue;
      try {
        loaded.lanes.push(this.#add(laneOf(row, stand, this.#definitions)));
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

  /** Reads anew where lanes stand; what is left of their last passes no longer holds. */
  async refresh(definitions: readonly number[]): Promise<void> {
    for (const stand of await readLanes(this.#database, definitions)) {
      const lane = this.lanes.get(stand.definition);
      if (lane) standAs(lane, stand);
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

type Stand = Awaited<ReturnType<typeof readLanes>>[number];

/** Throws when this program cannot plan the formula. */
export function laneOf(
  definition: DefinitionRow,
  { basis, stops, untils, step, trouble }: Stand,
  definitions: Definitions,
): Lane {
  const row = { ...definition, ...trouble };
  const plan = planFormula(parseFormula(row.formula, operatorsByName));
  const leaves = leavesOf(row, plan, definitions.byId);
  return { row, plan, leaves, basis, stops, untils, step, tails: [], isLong: step !== null, usedAt: 0 };
}

/** Takes over where a lane stands by now. */
export function standAs(lane: Lane, { basis, stops, untils, step, trouble }: Stand): void {
  const stood = lane.basis;
  if (stood !== basis) lane.tails = [];
  lane.row = { ...lane.row, ...trouble };
  lane.basis = basis;
  lane.stops = stops;
  lane.untils = untils;
  lane.step = step;
  lane.isLong = step !== null || (lane.isLong && stood === basis);
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
