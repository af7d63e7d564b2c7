import type { Database } from '../store/connect.ts';
import { changedImports, type ImportRow, readImportsByIds } from '../store/imports/import-rows.ts';
import type { Watch } from './change-source.ts';

/** Should nobody tell, those that are followed are looked at this often, all together. */
const lookMillisUsual = 500;

interface Entry {
  row: ImportRow;
  readonly wakes: Set<() => void>;
}

/**
 * Imports that somebody follows, each as it was last seen. What the bell says is only a hint: what is followed is also
 * looked at from time to time, so that losing it loses nothing.
 */
export class FollowedImports {
  readonly #database: Database;
  readonly #lookMillis: number;
  readonly #entries = new Map<number, Entry>();
  readonly #wanted = new Set<number>();
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;
  #hurried = false;
  #stopped = false;
  readonly #subscriptions = new Set<Watch>();

  constructor(database: Database, options: { lookMillis?: number } = {}) {
    this.#database = database;
    this.#lookMillis = options.lookMillis ?? lookMillisUsual;
  }

  /** An import has something new to show; undefined: any may have. */
  hear(id: number | undefined): void {
    const ids = id === undefined ? [...this.#entries.keys()] : this.#shownBy(id);
    for (const each of ids) this.#wanted.add(each);
    if (ids.length > 0) this.#read();
  }

  get subscribers(): number {
    return [...this.#subscriptions].reduce((sum, { subscribers }) => sum + subscribers, 0);
  }

  /** As it was last seen; undefined: nobody follows it. */
  row(id: number): ImportRow | undefined {
    return this.#entries.get(id)?.row;
  }

  /** Calls whoever follows an import when it is other than it was, and when all ends; returns how to leave. */
  watch(row: ImportRow, wake: () => void): () => void {
    this.see(row);
    const entry = this.#entries.get(row.id) ?? { row, wakes: new Set() };
    this.#entries.set(row.id, entry);
    entry.wakes.add(wake);
    this.#look();
    return () => {
      entry.wakes.delete(wake);
      if (entry.wakes.size > 0 || this.#entries.get(row.id) !== entry) return;
      this.#entries.delete(row.id);
      if (this.#entries.size === 0) this.#rest();
    };
  }

  /** Takes note of a row that was read elsewhere: subscribers of its import are not to fall behind it. */
  see(row: ImportRow): void {
    const entry = this.#entries.get(row.id);
    if (entry && row.version > entry.row.version) this.#show(entry, row);
  }

  /** Watches an import for a subscription. */
  subscription(row: ImportRow, onWakeUp: () => void): Watch {
    const unwatch = this.watch(row, onWakeUp);
    const isStopped = () => this.#stopped;
    let isClosed = false;
    const watch: Watch = {
      subscribers: 0,
      get ended() {
        return isClosed || isStopped();
      },
      reading: () => () => undefined,
      close: () => {
        isClosed = true;
        this.#subscriptions.delete(watch);
        unwatch();
      },
    };
    this.#subscriptions.add(watch);
    return watch;
  }

  /** Looks at the state of an import until something is found, or the time is over. */
  async until<T>(row: ImportRow, millis: number, look: () => Promise<T | undefined>): Promise<T | undefined> {
    let wake: () => void = () => undefined;
    let isNews = false;
    let isLate = false;
    const leave = this.watch(row, () => {
      isNews = true;
      wake();
    });
    const timer = setTimeout(() => {
      isLate = true;
      wake();
    }, millis);
    try {
      for (;;) {
        isNews = false;
        const found = await look();
        if (found !== undefined || isLate || this.#hurried) return found;
        if (isNews) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
      leave();
    }
  }

  /** A request that waits gets the present state. */
  hurry(): void {
    this.#hurried = true;
    for (const { wakes } of this.#entries.values()) for (const wake of [...wakes]) wake();
  }

  /** Nobody is told anything more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#rest();
    this.hurry();
    await this.#reading;
  }

  /** An import also shows what becomes of the one that did the same work before. */
  #shownBy(id: number): number[] {
    const shown = this.#entries.has(id) ? [id] : [];
    for (const { row } of this.#entries.values()) if (row.sameAs === id) shown.push(row.id);
    return shown;
  }

  #look(): void {
    if (this.#timer || this.#stopped) return;
    let isLooking = false;
    this.#timer = setInterval(async () => {
      if (isLooking) return;
      isLooking = true;
      const seen = new Map([...this.#entries].map(([id, { row }]) => [id, row.version]));
      const changed = await changedImports(this.#database, seen).catch(() => []);
      isLooking = false;
      for (const id of changed) this.#wanted.add(id);
      if (changed.length > 0) this.#read();
    }, this.#lookMillis);
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #read(): void {
    if (this.#stopped) return;
    this.#reading ??= this.#readWanted().finally(() => {
      this.#reading = undefined;
      if (this.#wanted.size > 0) this.#read();
    });
  }

  /** Requests during a read are part of the next read. */
  async #readWanted(): Promise<void> {
    const ids = [...this.#wanted];
    this.#wanted.clear();
    // Where the database is away, the next look finds the same.
    const rows = await readImportsByIds(this.#database, ids).catch(() => []);
    for (const row of rows) {
      const entry = this.#entries.get(row.id);
      if (entry && entry.row.version !== row.version) this.#show(entry, row);
    }
  }

  #show(entry: Entry, row: ImportRow): void {
    entry.row = row;
    for (const wake of [...entry.wakes]) wake();
  }
}
