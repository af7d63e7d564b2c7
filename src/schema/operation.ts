import DataLoader from 'dataloader';
import type { InputPath } from '../engine/fault.ts';
import { Fault } from '../engine/fault.ts';
import { keyProblem } from '../ingest/key.ts';
import type { CommitRow, SeriesRow } from '../store/catalogue.ts';
import { type PointRow, readLasts } from '../store/last.ts';
import type { App } from './app.ts';

/**
 * What one operation has asked so far: the revision that all its fields read, and what is batched. A mutation starts
 * anew after each of its fields, so that what it returns reflects what it wrote.
 */
export class Operation {
  readonly #app: App;
  #revision: Promise<number> | undefined;
  #checked = new Map<number, Promise<void>>();
  #lasts = new Map<number, DataLoader<number, PointRow | undefined>>();
  #seriesByKey: DataLoader<string, SeriesRow | undefined>;
  #changed: DataLoader<number, number>;
  #commits: DataLoader<number, CommitRow | undefined>;

  constructor(app: App) {
    this.#app = app;
    this.#seriesByKey = new DataLoader(async (keys) => {
      const askable = keys.filter((key) => keyProblem(key) === undefined);
      const rows = askable.length > 0 ? await app.catalogue.seriesByKeys(askable) : [];
      const byKey = new Map(rows.map((row) => [row.key, row]));
      return keys.map((key) => byKey.get(key));
    });
    this.#changed = new DataLoader(async (ids) => {
      const revisions = await app.catalogue.changedRevisions(ids, await this.revision());
      return ids.map((id) => revisions.get(id) ?? 0);
    });
    this.#commits = new DataLoader(async (revisions) => {
      const byRevision = new Map((await app.catalogue.commits(revisions)).map((row) => [row.revision, row]));
      return revisions.map((revision) => byRevision.get(revision));
    });
  }

  /** The revision that this operation reads. */
  revision(): Promise<number> {
    this.#revision ??= this.#app.catalogue.newestRevision();
    return this.#revision;
  }

  /** The revision of an asOf argument, or this operation's; refused when it cannot be read. */
  async asOf(given: number | null | undefined, path: InputPath = ['asOf']): Promise<number> {
    if (given == null) return this.revision();
    let checked = this.#checked.get(given);
    if (!checked) {
      checked = this.#app.catalogue.checkReadable(given, path);
      this.#checked.set(given, checked);
    }
    await checked;
    return given;
  }

  series(key: string): Promise<SeriesRow | undefined> {
    return this.#seriesByKey.load(key);
  }

  async requireSeries(key: string, path: InputPath): Promise<SeriesRow> {
    const row = await this.series(key);
    if (!row) throw new Fault('NOT_FOUND', `There is no series '${key.slice(0, 60)}'.`, path);
    return row;
  }

  changedRevision(id: number): Promise<number> {
    return this.#changed.load(id);
  }

  commit(revision: number): Promise<CommitRow | undefined> {
    return this.#commits.load(revision);
  }

  last(id: number, asOf: number): Promise<PointRow | undefined> {
    let loader = this.#lasts.get(asOf);
    if (!loader) {
      loader = new DataLoader(async (ids) => {
        const lasts = await readLasts(this.#app.database, ids, asOf);
        return ids.map((each) => lasts.get(each));
      });
      this.#lasts.set(asOf, loader);
    }
    return loader.load(id);
  }

  /** Forgets everything, after a write. */
  renew(): void {
    this.#revision = undefined;
    this.#checked.clear();
    this.#lasts.clear();
    this.#seriesByKey.clearAll();
    this.#changed.clearAll();
    this.#commits.clearAll();
  }
}
