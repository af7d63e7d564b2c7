import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import type { Bell, Notice, Stoppable } from '../bell/bell.ts';
import { Index } from '../derive/definitions.ts';
import type { Catalogue } from '../store/catalogue.ts';
import type { Watch } from './change-source.ts';

/**
 * PostgreSQL may announce this process's own commit just before it answers it. The feed waits this long for the answer,
 * which contains the changes that it would otherwise have to read.
 */
const ownMillis = 5;

/** A process that hears nothing compares with the store this often. */
const pollMillisUsual = 500;

interface Waiter {
  readonly series: ReadonlySet<number>;
  /** One of its series may have changed. */
  readonly wake: () => void;
  /** One of its series reflects more than it did, and came out as it was. */
  readonly reach: () => void;
  /** The clients that it serves. */
  subscribers: number;
}

/** The waiters, found by the series that they wait for. */
class Waiters {
  readonly all = new Set<Waiter>();
  /** How much is being read for them. */
  reads = 0;
  #onIdle: (() => void) | undefined;
  readonly #bySeries = new Index<Waiter>();

  onRead(): void {
    this.reads--;
    if (this.reads === 0) this.#onIdle?.();
  }

  /** Resolves when nothing is being read. */
  async idle(): Promise<void> {
    while (this.reads > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      // One read may have led to another one.
      await setImmediate();
    }
  }

  add(waiter: Waiter): void {
    this.all.add(waiter);
    for (const id of waiter.series) this.#bySeries.add(id, waiter);
  }

  delete(waiter: Waiter): void {
    this.all.delete(waiter);
    for (const id of waiter.series) this.#bySeries.delete(id, waiter);
  }

  /** The series that are waited for. */
  series(): number[] {
    return this.#bySeries.keys();
  }

  of(series: readonly number[]): Set<Waiter> {
    const found = new Set<Waiter>();
    for (const id of series) for (const waiter of this.#bySeries.get(id)) found.add(waiter);
    return found;
  }
}

/**
 * Knows the newest revision, and wakes those who wait for a later one. What the bell says is only a hint: each notice
 * names its predecessor, and where one is missing everybody looks.
 */
export class Feed {
  readonly #catalogue: Catalogue;
  readonly #bell: Bell;
  readonly #pollMillis: number;
  readonly #onImport: (id: number | undefined) => void;
  readonly #committing: () => Promise<unknown> | undefined;
  #newest = 0;
  /** How far derived series are brought, as it was told or seen. */
  #told = new Map<number, number>();
  readonly #waiters = new Waiters();
  #listening: Stoppable | undefined;
  #timer: NodeJS.Timeout | undefined;
  #polling = false;
  #stopped = false;

  /**
   * `onImport` hears of imports that have something new to show; of none: something may have been missed. `committing` says
   * when the commits of this process have ended that are under way; of those `hear` is told then.
   */
  constructor(
    catalogue: Catalogue,
    bell: Bell,
    options: {
      pollMillis?: number;
      onImport?: (id: number | undefined) => void;
      committing?: () => Promise<unknown> | undefined;
    } = {},
  ) {
    this.#catalogue = catalogue;
    this.#bell = bell;
    this.#pollMillis = options.pollMillis ?? pollMillisUsual;
    this.#onImport = options.onImport ?? (() => undefined);
    this.#committing = options.committing ?? (() => undefined);
  }

  async start(): Promise<void> {
    this.#listening = await this.#bell.listen((notice) => {
      if (notice) this.#hearBell(notice);
      else {
        this.#onImport(undefined);
        void this.#poll();
      }
    });
    this.#timer = setInterval(() => void this.#poll(), this.#pollMillis);
    await this.#poll();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#wakeAll();
    await this.#listening?.stop();
    // The caller closes the store after the feed.
    await this.#waiters.idle();
  }

  get newest(): number {
    return this.#newest;
  }

  get subscribers(): number {
    return [...this.#waiters.all].reduce((sum, { subscribers }) => sum + subscribers, 0);
  }

  #hearBell(notice: Notice): void {
    const isLate = 'revision' in notice && notice.revision > this.#newest;
    const committing = isLate && this.#bell.ringsInCommit ? this.#committing() : undefined;
    if (!committing) this.hear(notice);
    else void Promise.race([committing, delay(ownMillis, undefined, { ref: false })]).then(() => this.hear(notice));
  }

  hear(notice: Notice): void {
    if ('import' in notice) {
      this.#onImport(notice.import);
      return;
    }
    if ('derived' in notice) {
      if (!notice.series) {
        this.#wakeAll();
        return;
      }
      this.#wakeFor(notice.series);
      for (const waiter of this.#waiters.of(notice.unchanged)) waiter.reach();
      for (const id of [...notice.series, ...notice.unchanged]) this.#told.set(id, notice.derived);
      return;
    }
    if (notice.revision <= this.#newest) return;
    const gap = notice.previous !== this.#newest;
    this.#newest = notice.revision;
    if (gap || !notice.series) this.#wakeAll();
    else this.#wakeFor(notice.series);
  }

  async #poll(): Promise<void> {
    if (this.#polling || this.#stopped) return;
    this.#polling = true;
    try {
      const newest = await this.#catalogue.newestRevision();
      if (newest > this.#newest) {
        this.#newest = newest;
        this.#wakeAll();
      }
      await this.#pollDerived();
    } catch {
      // The database is away; the next poll tells.
    } finally {
      this.#polling = false;
    }
  }

  /** Derived series that got further than anybody has said. */
  async #pollDerived(): Promise<void> {
    const followed = this.#waiters.series();
    if (followed.length === 0) return;
    const upTo = await this.#catalogue.derivedUpTo(followed);
    const further = [...upTo].filter(([id, basis]) => basis > (this.#told.get(id) ?? -1));
    this.#wakeFor(further.map(([id]) => id));
    // Of those that nobody follows any more nothing is to be known.
    const told = [...upTo].map(([id, basis]): [number, number] => [id, Math.max(basis, this.#told.get(id) ?? -1)]);
    this.#told = new Map(told);
  }

  #wakeAll(): void {
    for (const waiter of this.#waiters.all) waiter.wake();
  }

  #wakeFor(series: readonly number[]): void {
    for (const waiter of this.#waiters.of(series)) waiter.wake();
  }

  /**
   * Watches series: `next` resolves when one of them may have changed since it was last called, after the given silence,
   * or at the end. `nextOrReached` resolves also when one of them reflects more than it did and came out as it was;
   * `onNews` is called at each of these moments.
   */
  watch(series: ReadonlySet<number>, onNews?: () => void): SeriesWatch {
    return new SeriesWatch(this.#waiters, series, () => this.#stopped, onNews);
  }
}

export class SeriesWatch implements Watch {
  readonly #waiters: Waiters;
  readonly #waiter: Waiter;
  readonly #isStopped: () => boolean;
  #rung = false;
  #reached = false;
  #closed = false;
  #resolve: (() => void) | undefined;

  constructor(waiters: Waiters, series: ReadonlySet<number>, isStopped: () => boolean, onNews?: () => void) {
    this.#waiters = waiters;
    this.#isStopped = isStopped;
    this.#waiter = {
      series,
      wake: () => {
        this.#rung = true;
        this.#resolve?.();
        onNews?.();
      },
      reach: () => {
        this.#reached = true;
        this.#resolve?.();
        onNews?.();
      },
      subscribers: 1,
    };
    waiters.add(this.#waiter);
  }

  get ended(): boolean {
    return this.#closed || this.#isStopped();
  }

  /** The feed does not stop before the read has ended. */
  reading(): () => void {
    let isDone = false;
    this.#waiters.reads++;
    return () => {
      if (!isDone) this.#waiters.onRead();
      isDone = true;
    };
  }

  get subscribers(): number {
    return this.#waiter.subscribers;
  }

  set subscribers(count: number) {
    this.#waiter.subscribers = count;
  }

  next(silenceMillis: number): Promise<void> {
    return this.#wait(silenceMillis, () => this.#rung);
  }

  nextOrReached(silenceMillis: number): Promise<void> {
    return this.#wait(silenceMillis, () => this.#rung || this.#reached);
  }

  async #wait(silenceMillis: number, isNews: () => boolean): Promise<void> {
    if (!isNews() && !this.ended) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, silenceMillis);
        this.#resolve = () => {
          if (!isNews() && !this.ended) return;
          clearTimeout(timer);
          resolve();
        };
      });
      this.#resolve = undefined;
    }
    this.#rung = false;
    this.#reached = false;
  }

  close(): void {
    this.#closed = true;
    this.#waiters.delete(this.#waiter);
    this.#resolve?.();
  }
}
