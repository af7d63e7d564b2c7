import { setMaxListeners } from 'node:events';
import DataLoader from 'dataloader';
import { type Allowance, Budget } from '../derive/budget.ts';
import { type Derivation, readDerivations } from '../derive/derivation.ts';
import { nowhere, type Place, readPlaces } from '../derive/where.ts';
import type { InputPath } from '../engine/fault.ts';
import { Fault } from '../engine/fault.ts';
import { keyProblem, quoted } from '../engine/key.ts';
import type { CommitRow, SeriesRow } from '../store/catalogue.ts';
import { readDependents } from '../store/dependents.ts';
import { type ImportRow, readImportsByIds } from '../store/imports.ts';
import { type PointRow, readLasts } from '../store/last.ts';
import type { App } from './app.ts';

/** Has something done when the client goes away; at once when it is gone already. */
export type OnLeave = (left: () => void) => void;

/** Whoever sent an operation. */
export interface Caller {
  /** As the server knows it; null: nobody from outside. */
  readonly name: string | null;
  readonly onLeave?: OnLeave;
}

export const nobody: Caller = { name: null };

function unwanted(): Fault {
  return new Fault('UNAVAILABLE', 'Nobody waits for this answer any more.');
}

/**
 * What one operation has asked so far: the revision that all its fields read, and what is batched. A mutation starts
 * anew after each of its fields, so that what it returns reflects what it wrote.
 */
export class Operation {
  readonly #app: App;
  readonly #onLeave: OnLeave | undefined;
  #asked: Asked;
  /** Made when something is first computed. */
  #allowed: { readonly budget: Budget; readonly end: AbortController } | undefined;
  #isOver = false;
  /** Whether something was asked that is still being computed. */
  isUnready = false;

  constructor(app: App, onLeave?: OnLeave) {
    this.#app = app;
    this.#onLeave = onLeave;
    this.#asked = new Asked(app);
  }

  /** The revision that this operation reads. */
  revision(): Promise<number> {
    return this.#asked.revision();
  }

  /** The revision of an asOf argument, or this operation's; refused when it cannot be read. */
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

  /** The series of ids, without those that are gone. */
  async seriesByIds(ids: readonly number[]): Promise<SeriesRow[]> {
    const rows = await Promise.all(ids.map((id) => this.#asked.seriesById.load(id)));
    return rows.filter((row) => row !== undefined);
  }

  /** Where the points of a series are read that an asOf argument asks for. */
  async place({ id, kind }: SeriesRow, given: number | null | undefined, path: InputPath = ['asOf']): Promise<Place> {
    const asOf = await this.asOf(given, path);
    return kind === 'SOURCE' ? { storage: id, asOf } : this.#asked.places(asOf).load(id);
  }

  /** What a derived series is made of. */
  async derivation(series: number): Promise<Derivation> {
    return this.#asked.derivations.load(series);
  }

  async dependents(series: number): Promise<SeriesRow[]> {
    return this.seriesByIds(await this.#asked.dependents.load(series));
  }

  /** The last revision that changed the points that lie at a place; 0 where nothing ever lies. */
  async changedRevision({ storage, asOf }: Place): Promise<number> {
    return storage === nowhere ? 0 : this.#asked.changed(asOf).load(storage);
  }

  commit(revision: number): Promise<CommitRow | undefined> {
    return this.#asked.commits.load(revision);
  }

  import(id: number): Promise<ImportRow | undefined> {
    return this.#asked.imports.load(id);
  }

  async last({ storage, asOf }: Place): Promise<PointRow | undefined> {
    return storage === nowhere ? undefined : this.#asked.lasts(asOf).load(storage);
  }

  /** Runs what computes formulas: a few of all operations at a time, within what is left to this one. */
  compute<T>(run: (allowance: Allowance) => Promise<T>): Promise<T> {
    const { budget, end } = this.#allow();
    return this.#app.computing.run(() => run({ budget, signal: end.signal }), end.signal);
  }

  /** Aborted when the client goes away, and after the answer. */
  get gone(): AbortSignal {
    return this.#allow().end.signal;
  }

  /** It is answered, or nobody waits for the answer: what still computes for it stops. */
  end(): void {
    this.#isOver = true;
    this.#allowed?.end.abort(unwanted());
  }

  #allow() {
    if (this.#allowed) return this.#allowed;
    const allowed = { budget: new Budget(this.#app.limits.evaluatePointsMax), end: new AbortController() };
    this.#allowed = allowed;
    // Every field that waits or computes listens.
    setMaxListeners(0, allowed.end.signal);
    if (this.#isOver) allowed.end.abort(unwanted());
    else this.#onLeave?.(() => this.end());
    return allowed;
  }

  /** Forgets everything, after a write. */
  renew(): void {
    if (!this.#asked.isFresh) this.#asked = new Asked(this.#app);
  }
}

type Loaders<T> = Map<number, DataLoader<number, T>>;

/** Answers that belong together; each loader is made when it is first asked, for most operations need none. */
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
  /** By the revision that they read at. */
  #lasts: Loaders<PointRow | undefined> | undefined;
  #changed: Loaders<number> | undefined;
  #places: Loaders<Place> | undefined;

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
      // Whatever answers at this operation's revision is then among them.
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

  places(asOf: number): DataLoader<number, Place> {
    this.#places ??= new Map();
    return this.#at(this.#places, asOf, async (ids) => {
      const places = await readPlaces(this.#app.database, ids, asOf);
      return ids.map((id) => places.get(id) ?? { storage: nowhere, asOf });
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
