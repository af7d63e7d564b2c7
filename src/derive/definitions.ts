import type { Database } from '../store/connect.ts';
import { type DefinitionRow, readDefinitions } from '../store/definitions.ts';

/** This process's copy of the active definitions. A refresh reads only the changes since the last one. */
export class Definitions {
  readonly #database: Database;
  readonly #byId = new Map<number, DefinitionRow>();
  /** Indexes by series, by input series, and by bundle. */
  readonly #bySeries = new Index<number>();
  readonly #byInput = new Index<number>();
  readonly #byBundle = new Index<number>();
  version = -1;

  constructor(database: Database) {
    this.#database = database;
  }

  get byId(): ReadonlyMap<number, DefinitionRow> {
    return this.#byId;
  }

  /** Reads the changes; returns the ids of definitions that are new, changed or gone. */
  async refresh(): Promise<number[]> {
    const { version, definitions } = await readDefinitions(this.#database, this.version);
    // A later refresh may have finished before this one.
    if (version <= this.version) return [];
    this.version = version;
    for (const row of definitions) {
      const known = this.#byId.get(row.id);
      if (known) this.#index(known, 'delete');
      this.#byId.delete(row.id);
      if (row.state !== 'BUILDING' && row.state !== 'LIVE') continue;
      this.#byId.set(row.id, row);
      this.#index(row, 'add');
    }
    return definitions.map(({ id }) => id);
  }

  #index(row: DefinitionRow, what: 'add' | 'delete'): void {
    this.#bySeries[what](row.series, row.id);
    for (const { series } of row.inputs) this.#byInput[what](series, row.id);
    if (row.state === 'BUILDING') this.#byBundle[what](row.bundle, row.id);
  }

  /** The newest definition of a series, which will be in force once it is computed. */
  newest(series: number): DefinitionRow | undefined {
    return this.of(series).reduce<DefinitionRow | undefined>(
      (newest, row) => (newest && newest.id > row.id ? newest : row),
      undefined,
    );
  }

  of(series: number): DefinitionRow[] {
    return this.#rows(this.#bySeries.get(series));
  }

  /** The definitions that read a series, limited to the newest one of each derived series. */
  readersOf(series: number): DefinitionRow[] {
    return this.#rows(this.#byInput.get(series)).filter((row) => this.newest(row.series)?.id === row.id);
  }

  /** The definitions of a bundle that are still being computed. */
  building(bundle: number): DefinitionRow[] {
    return this.#rows(this.#byBundle.get(bundle));
  }

  #rows(ids: Iterable<number>): DefinitionRow[] {
    return [...ids].flatMap((id) => this.#byId.get(id) ?? []);
  }
}

/** Groups entries by an id that they share. */
export class Index<Thing> {
  readonly #things = new Map<number, Set<Thing>>();

  get(key: number): Iterable<Thing> {
    return this.#things.get(key) ?? [];
  }

  keys(): number[] {
    return [...this.#things.keys()];
  }

  add(key: number, thing: Thing): void {
    const things = this.#things.get(key);
    if (things) things.add(thing);
    else this.#things.set(key, new Set([thing]));
  }

  delete(key: number, thing: Thing): void {
    const things = this.#things.get(key);
    things?.delete(thing);
    if (things?.size === 0) this.#things.delete(key);
  }
}
