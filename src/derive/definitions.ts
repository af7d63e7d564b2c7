import type { Database } from '../store/connect.ts';
import { type DefinitionRow, readDefinitions } from '../store/definitions.ts';

/** The definitions that are computed, as this process knows them: to look again costs what has changed since. */
export class Definitions {
  readonly #database: Database;
  readonly #byId = new Map<number, DefinitionRow>();
  /** By the series that they are of, by the series that they read, and by what they are switched in with. */
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

  /** Looks what has changed; returns the ids of what was added, is in another state, or is gone. */
  async refresh(): Promise<number[]> {
    const { version, definitions } = await readDefinitions(this.#database, this.version);
    // Another look may have come back before this one.
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

  /** The definition of a series that will answer in the end. */
  newest(series: number): DefinitionRow | undefined {
    return this.of(series).reduce<DefinitionRow | undefined>(
      (newest, row) => (newest && newest.id > row.id ? newest : row),
      undefined,
    );
  }

  of(series: number): DefinitionRow[] {
    return this.#rows(this.#bySeries.get(series));
  }

  /** The definitions that read a series, and are the newest of theirs. */
  readersOf(series: number): DefinitionRow[] {
    return this.#rows(this.#byInput.get(series)).filter((row) => this.newest(row.series)?.id === row.id);
  }

  /** What is still being computed of a bundle. */
  building(bundle: number): DefinitionRow[] {
    return this.#rows(this.#byBundle.get(bundle));
  }

  #rows(ids: Iterable<number>): DefinitionRow[] {
    return [...ids].flatMap((id) => this.#byId.get(id) ?? []);
  }
}

/** Things by an id that they have in common. */
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
