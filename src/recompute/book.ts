import type { Tail } from '../derive/walk.ts';
import { parseFormula } from '../engine/formula/parse.ts';
import type { Operator } from '../engine/operator.ts';
import { operatorsByName } from '../engine/operators/registry.ts';
import { type Plan, planFormula } from '../engine/plan.ts';
import type { Database } from '../store/connect.ts';
import { type DefinitionRow, readDefinitions, storageOf } from '../store/definitions.ts';
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

/** The lanes there are, in an order in which each stands behind those that it reads. */
export class Book {
  readonly #database: Database;
  readonly #operators: ReadonlyMap<string, Operator>;
  #loading: Promise<void> = Promise.resolve();
  /** A definition whose formula cannot be planned by this program. */
  readonly broken = new Map<number, string>();
  version = -1;
  lanes: ReadonlyMap<number, Lane> = new Map();
  /** The lanes that hang on a source series. */
  bySource: ReadonlyMap<number, readonly Lane[]> = new Map();

  constructor(database: Database, operators: ReadonlyMap<string, Operator> = operatorsByName) {
    this.#database = database;
    this.#operators = operators;
  }

  /**
   * Reads the catalogue again; lanes that are still there keep what is known of them. One after another: what an older
   * reading does not know of would be lost to the newer one.
   */
  load(): Promise<void> {
    const loading = this.#loading.then(() => this.#load());
    this.#loading = loading.catch(() => undefined);
    return loading;
  }

  async #load(): Promise<void> {
    const { version, definitions } = await readDefinitions(this.#database);
    const unknown = definitions.filter(({ id }) => !this.lanes.has(id)).map(({ id }) => id);
    const rows = new Map((await readLanes(this.#database, unknown)).map((row) => [row.definition, row]));
    const byId = new Map(definitions.map((row) => [row.id, row]));
    const lanes = new Map<number, Lane>();
    this.broken.clear();
    for (const row of definitions) {
      const known = this.lanes.get(row.id);
      if (known) {
        known.row = row;
        lanes.set(row.id, known);
        continue;
      }
      const lane = rows.get(row.id);
      if (!lane) continue;
      try {
        const plan = planFormula(parseFormula(row.formula, this.#operators));
        const { basis, stops, untils, step } = lane;
        const leaves = leavesOf(row, plan, byId);
        lanes.set(row.id, {
          row,
          plan,
          leaves,
          basis,
          stops,
          untils,
          step,
          tails: [],
          isLong: basis < 0 || step !== null,
          usedAt: 0,
        });
      } catch (error) {
        this.broken.set(row.id, error instanceof Error ? error.message : String(error));
      }
    }
    const bySource = new Map<number, Lane[]>();
    for (const lane of lanes.values()) {
      for (const source of lane.row.sources) {
        const others = bySource.get(source);
        if (others) others.push(lane);
        else bySource.set(source, [lane]);
      }
    }
    this.lanes = lanes;
    this.bySource = bySource;
    this.version = version;
  }

  /** Reads anew where lanes stand; what is left of their last passes no longer holds. */
  async refresh(definitions: readonly number[]): Promise<void> {
    for (const row of await readLanes(this.#database, definitions)) {
      const lane = this.lanes.get(row.definition);
      if (!lane) continue;
      const stood = lane.basis;
      if (stood !== row.basis) lane.tails = [];
      lane.basis = row.basis;
      lane.stops = row.stops;
      lane.untils = row.untils;
      lane.step = row.step;
      lane.isLong = row.basis < 0 || row.step !== null || (lane.isLong && stood === row.basis);
    }
  }
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

/** Whether a lane is exact at a revision, if the first change of its sources behind its basis is at another one. */
export function isExactAt(
  lane: Pick<Lane, 'basis' | 'stops' | 'untils'>,
  revision: number,
  firstChange: number,
): boolean {
  if (lane.basis < 0) return false;
  if (revision >= lane.basis) return revision < firstChange;
  return lane.stops.some((stop, i) => stop <= revision && revision <= lane.untils[i]);
}
