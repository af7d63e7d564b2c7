import { setMaxListeners } from 'node:events';
import DataLoader from 'dataloader';
import { type Allowance, ComputeBudget } from '../derive/compute-budget.ts';
import { type Derivation, readDerivations } from '../derive/derivation.ts';
import { noStorage, type ReadPosition, readPositions } from '../derive/storage-history.ts';
import type { InputPath } from '../engine/fault.ts';
import { Fault } from '../engine/fault.ts';
import { keyProblem, quoted } from '../engine/key.ts';
import type { CommitRow, SeriesRow } from '../store/catalogue.ts';
import { readDependents } from '../store/dependents.ts';
import { type ImportRow, readImportsByIds } from '../store/imports/import-rows.ts';
import { type PointRow, readLasts } from '../store/last-points.ts';
import type { App } from './app.ts';

/** Registers a callback for the client's disconnect. It is called at once if the client is already gone. */
export type OnDisconnect = (left: () => void) => void;

/** The sender of an operation. */
export interface Caller {
  /** The server's name for the client; null for an internal caller. */
  readonly name: string | null;
  readonly requestId?: string;
  readonly onLeave?: OnDisconnect;
}

export const nobody: Caller = { name: null };

function unwanted(): Fault {
  return new Fault('UNAVAILABLE', 'Nobody waits for this answer any more.');
}

/**
 * The reads of one operation: the revision that all its fields read, and their batches. A mutation starts again after
 * each of its fields, so that the result reflects its write.
 */
export class OperationReads {
  readonly #app: App;
  readonly #onLeave: OnDisconnect | undefined;
  #asked: Asked;
  /** Created by the first computation. */
  #allowed: { readonly budget: ComputeBudget; readonly end: AbortController } | undefined;
  #isOver = false;
  /** True when a requested summary is still being computed. */
  isUnready = false;

  constructor(app: App, onLeave?: OnDisconnect) {
    this.#app = app;
    this.#onLeave = onLeave;
    this.#asked = new Asked(app);
  }

  /** The revision that this operation reads. */
  revision(): Promise<number> {
    return this.#asked.revision();
  }

  /** The revision of an asOf argument, or of this operation. Throws a fault when it cannot be read. */
  async asOf(given: number | null | undefined, path: InputPath = ['asOf']): Promise<number> {
    if (given == null) return this.revision();
    await this.#asked.readable(given, path);
    return given;
  }

  series(key: string): Promise<SeriesRow | undefined> {
    return this.#asked.seriesByKey.load(key);
  }

  async requireSeries(key: string, path: InputPath): Promise<SeriesRow> {
    const row = await this.series(key);
    if (!row) throw new Fault('NOT_FOUND', `There is no series ${quoted(key)}.`, path);
    return row;
  }

  /** The series with these ids, without deleted ones. */
  async seriesByIds(ids: readonly number[]): Promise<SeriesRow[]> {
    const rows = await Promise.all(ids.map((id) => this.#asked.seriesById.load(id)));
    return rows.filter((row) => row !== undefined);
  }

  /** The location of a series' points at the revision of an asOf argument. */
  async place(
    { id, kind }: SeriesRow,
    given: number | null | undefined,
    path: InputPath = ['asOf'],
  ): Promise<ReadPosition> {
    const asOf = await this.asOf(given, path);
    return kind === 'SOURCE' ? { storage: id, asOf } : this.#asked.places(asOf).load(id);
  }

  /** The definitions of a derived series. */
  async derivation(series: number): Promise<Derivation> {
    return this.#asked.derivations.load(series);
  }

  async dependents(series: number): Promise<SeriesRow[]> {
    return this.seriesByIds(await this.#asked.dependents.load(series));
  }

  /** The last revision that changed the points at a location; 0 when it never had points. */
  async changedRevision({ storage, asOf }: ReadPosition): Promise<number> {
    return storage === noStorage ? 0 : this.#asked.changed(asOf).load(storage);
  }

  commit(revision: number): Promise<CommitRow | undefined> {
    return this.#asked.commits.load(revision);
  }

  import(id: number): Promise<ImportRow | undefined> {
    return this.#asked.imports.load(id);
  }

  async last({ storage, asOf }: ReadPosition): Promise<PointRow | undefined> {
    return storage === noStorage ? undefined : this.#asked.lasts(asOf).load(storage);
  }

  /** Runs a computation of formulas, within the limit of concurrent computations and the budget of this operation. */
  compute<T>(run: (allowance: Allowance) => Promise<T>): Promise<T> {
    const { budget, end } = this.#allow();
    return this.#app.computing.run(() => run({ budget, signal: end.signal }), end.signal);
  }

  /** Aborted when the client disconnects, and after the answer. */
  get gone(): AbortSignal {
    return this.#allow().end.signal;
  }

  /** Called after the answer or the client's disconnect: remaining computations stop. */
  end(): void {
    this.#isOver = true;
    this.#allowed?.end.abort(unwanted());
  }

  #allow() {
    if (this.#allowed) return this.#allowed;
    const allowed = { budget: new ComputeBudget(this.#app.limits.evaluatePointsMax), end: new AbortController() };
    this.#allowed = allowed;
    // Every field that waits or computes adds a listener.
    setMaxListeners(0, allowed.end.signal);
    if (this.#isOver) allowed.end.abort(unwanted());
    else this.#onLeave?.(() => this.end());
    return allowed;
  }

  /** Drops all cached reads after a write. */
  renew(): void {
    if (!this.#asked.isFresh) this.#asked = new Asked(this.#app);
  }
}

type Loaders<T> = Map<number, DataLoader<number, T>>;

/** The DataLoaders of one operation, created on first use, because most operations need none. */
class Asked {
  readonly #app: App;
  isFresh = true;
  #revision: Promise<number> | undefined;
  #checked: Map<number, Promise<void>> | undefined;
  #seriesByKey: DataLoader<string, SeriesRow | undefined> | undefined;
  #seriesById: DataLoader<number, SeriesRow | undefined> | undefined;
  #commits: DataLoader<number, CommitRow | undefined> | undefined;
  #imports: DataLoader<number, ImportRow | undefined> | undefined;
  #derivations: DataLoader<number, Derivation> | undefined;
  #dependents: DataLoader<number, readonly number[]> | undefined;
  /** By the revision at which they read. */
  #lasts: Loaders<PointRow | undefined> | undefined;
  #changed: Loaders<number> | undefined;
  #places: Loaders<ReadPosition> | undefined;

  constructor(app: App) {
    this.#app = app;
  }

  revision(): Promise<number> {
    this.isFresh = false;
    this.#revision ??= this.#app.catalogue.newestRevision();
    return this.#revision;
  }

  readable(revision: number, path: InputPath): Promise<void> {
    this.isFresh = false;
    this.#checked ??= new Map();
    let checked = this.#checked.get(revision);
    if (!checked) {
      checked = this.#app.catalogue.checkReadable(revision, path);
      this.#checked.set(revision, checked);
    }
    return checked;
  }

  get seriesByKey(): DataLoader<string, SeriesRow | undefined> {
    this.isFresh = false;
    this.#seriesByKey ??= new DataLoader(async (keys) => {
      const askable = keys.filter((key) => keyProblem(key) === undefined);
      const rows = askable.length > 0 ? await this.#app.catalogue.seriesByKeys(askable) : [];
      const byKey = new Map(rows.map((row) => [row.key, row]));
      return keys.map((key) => byKey.get(key));
    });
    return this.#seriesByKey;
  }

  get seriesById(): DataLoader<number, SeriesRow | undefined> {
    this.isFresh = false;
    this.#seriesById ??= new DataLoader(async (ids) => {
      const byId = new Map((await this.#app.catalogue.seriesByIds(ids)).map((row) => [row.id, row]));
      return ids.map((id) => byId.get(id));
    });
    return this.#seriesById;
  }

  get derivations(): DataLoader<number, Derivation> {
    this.isFresh = false;
    this.#derivations ??= new DataLoader(async (ids) => {
      // This includes every definition in force at this operation's revision.
      await this.revision();
      const derivations = await readDerivations(this.#app.database, ids);
      return ids.map((id) => derivations.get(id) ?? new Error(`series ${id} has no definitions`));
    });
    return this.#derivations;
  }

  get dependents(): DataLoader<number, readonly number[]> {
    this.isFresh = false;
    this.#dependents ??= new DataLoader(async (ids) => {
      const dependents = await readDependents(this.#app.database, ids);
      return ids.map((id) => dependents.get(id) ?? []);
    });
    return this.#dependents;
  }

  get commits(): DataLoader<number, CommitRow | undefined> {
    this.isFresh = false;
    this.#commits ??= new DataLoader(async (revisions) => {
      const byRevision = new Map((await this.#app.catalogue.commits(revisions)).map((row) => [row.revision, row]));
      return revisions.map((revision) => byRevision.get(revision));
    });
    return this.#commits;
  }

  get imports(): DataLoader<number, ImportRow | undefined> {
    this.isFresh = false;
    this.#imports ??= new DataLoader(async (ids) => {
      const byId = new Map((await readImportsByIds(this.#app.database, ids)).map((row) => [row.id, row]));
      return ids.map((id) => byId.get(id));
    });
    return this.#imports;
  }

  changed(asOf: number): DataLoader<number, number> {
    this.#changed ??= new Map();
    return this.#at(this.#changed, asOf, async (ids) => {
      const revisions = await this.#app.catalogue.changedRevisions(ids, asOf);
      return ids.map((id) => revisions.get(id) ?? 0);
    });
  }

  lasts(asOf: number): DataLoader<number, PointRow | undefined> {
    this.#lasts ??= new Map();
    return this.#at(this.#lasts, asOf, async (ids) => {
      const lasts = await readLasts(this.#app.database, ids, asOf);
      return ids.map((id) => lasts.get(id));
    });
  }

  places(asOf: number): DataLoader<number, ReadPosition> {
    this.#places ??= new Map();
    return this.#at(this.#places, asOf, async (ids) => {
      const places = await readPositions(this.#app.database, ids, asOf);
      return ids.map((id) => places.get(id) ?? { storage: noStorage, asOf });
    });
  }

  #at<T>(
    loaders: Loaders<T>,
    asOf: number,
    load: (ids: readonly number[]) => Promise<(T | Error)[]>,
  ): DataLoader<number, T> {
    this.isFresh = false;
    let loader = loaders.get(asOf);
    if (!loader) {
      loader = new DataLoader(load);
      loaders.set(asOf, loader);
    }
    return loader;
  }
}
