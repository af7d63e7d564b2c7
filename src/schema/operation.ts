import DataLoader from 'dataloader';
import type { InputPath } from '../engine/fault.ts';
import { Fault } from '../engine/fault.ts';
import { keyProblem, quoted } from '../engine/key.ts';
import type { CommitRow, SeriesRow } from '../store/catalogue.ts';
import { type PointRow, readLasts } from '../store/last.ts';
import type { App } from './app.ts';

/**
 * What one operation has asked so far: the revision that all its fields read, and what is batched. A mutation starts
 * anew after each of its fields, so that what it returns reflects what it wrote.
 */
export class Operation {
  readonly #app: App;
  #asked: Asked;

  constructor(app: App) {
    this.#app = app;
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

  changedRevision(id: number): Promise<number> {
    return this.#asked.changed.load(id);
  }

  commit(revision: number): Promise<CommitRow | undefined> {
    return this.#asked.commits.load(revision);
  }

  last(id: number, asOf: number): Promise<PointRow | undefined> {
    return this.#asked.lasts(asOf).load(id);
  }

  /** Forgets everything, after a write. */
  renew(): void {
    if (!this.#asked.isFresh) this.#asked = new Asked(this.#app);
  }
}

/** Answers that belong together; each loader is made when it is first asked, for most operations need none. */
class Asked {
  readonly #app: App;
  isFresh = true;
  #revision: Promise<number> | undefined;
  #checked: Map<number, Promise<void>> | undefined;
  #lasts: Map<number, DataLoader<number, PointRow | undefined>> | undefined;
  #seriesByKey: DataLoader<string, SeriesRow | undefined> | undefined;
  #changed: DataLoader<number, number> | undefined;
  #commits: DataLoader<number, CommitRow | undefined> | undefined;

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

  get changed(): DataLoader<number, number> {
    this.isFresh = false;
    this.#changed ??= new DataLoader(async (ids) => {
      const revisions = await this.#app.catalogue.changedRevisions(ids, await this.revision());
      return ids.map((id) => revisions.get(id) ?? 0);
    });
    return this.#changed;
  }

  get commits(): DataLoader<number, CommitRow | undefined> {
    this.isFresh = false;
    this.#commits ??= new DataLoader(async (revisions) => {
      const byRevision = new Map((await this.#app.catalogue.commits(revisions)).map((row) => [row.revision, row]));
      return revisions.map((revision) => byRevision.get(revision));
    });
    return this.#commits;
  }

  lasts(asOf: number): DataLoader<number, PointRow | undefined> {
    this.isFresh = false;
    this.#lasts ??= new Map();
    let loader = this.#lasts.get(asOf);
    if (!loader) {
      loader = new DataLoader(async (ids) => {
        const lasts = await readLasts(this.#app.database, ids, asOf);
        return ids.map((each) => lasts.get(each));
      });
      this.#lasts.set(asOf, loader);
    }
    return loader;
  }
}
