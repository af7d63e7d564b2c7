import { randomUUID } from 'node:crypto';
import type { Bell, DerivedNotice, Notice, Stoppable } from '../bell/bell.ts';
import { Catalogue } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import { countChanged, fail, recover, switchIn } from '../store/definitions.ts';
import { leasePartitions, releasePartitions, setOut, type Wave } from '../store/lanes.ts';
import { partitions } from '../store/partitions.ts';
import { Book, type Lane } from './book.ts';
import { isDue, noteFailure, retrySecondsMax } from './builds.ts';
import { derivedNotice } from './commits.ts';
import { askedAhead, Pass, type Passed, type PassOptions } from './pass.ts';

/** Waves lie so far apart at least: what comes in between goes with the next one. */
const waveMillis = 8;

/** A worker that hears nothing compares with the store this often. */
const pollMillis = 500;

/** A worker says this often that it is there, and is believed for so long. */
const heartbeatMillis = 1_000;
const leaseSeconds = 4;

/** What is left of passes may hold so much memory. */
const tailBytesMax = 256_000_000;

/** A long way that does not get on for so long has nobody who goes it. */
const idleMillisMax = 2_500;
const buildsAtOnce = 2;

export interface RecomputeOptions {
  readonly log: (line: string) => void;
  /** Goes a long way here and now. */
  readonly build: (definition: number) => Promise<void>;
  /** See PassOptions. */
  readonly commitPoints?: number | undefined;
  /** Told after each pass that moved lanes: for tests and measurements. */
  readonly onPass?: ((passed: Passed, wave: Wave) => void) | undefined;
}

/** Keeps the derived series of the partitions that this worker holds as their formulas say. */
export class Recompute {
  readonly #database: Database;
  readonly #catalogue: Catalogue;
  readonly #bell: Bell;
  readonly #options: RecomputeOptions;
  readonly #book: Book;
  readonly #id = randomUUID();
  #held: ReadonlySet<number> = new Set();
  #heard = 0;
  /** Source series that have changed; 'all' when that is not known. */
  #dirty: Set<number> | 'all' = 'all';
  #waiting = new Set<Lane>();
  #running: Promise<void> | undefined;
  #again = false;
  #timers: NodeJS.Timeout[] = [];
  #soon: NodeJS.Timeout | undefined;
  #listening: Stoppable | undefined;
  #stopped = false;
  #checkSwitch = true;
  #isLooking = false;
  #lookAgain = false;
  /** What this process goes a long way for, since nobody else did. */
  readonly #building = new Set<number>();
  /** How far long ways had got when that was last seen to change. */
  readonly #watched = new Map<number, { readonly count: number; readonly since: number }>();

  constructor(database: Database, bell: Bell, options: RecomputeOptions) {
    this.#database = database;
    this.#catalogue = new Catalogue(database);
    this.#bell = bell;
    this.#options = options;
    this.#book = new Book(database);
  }

  /** Looks whether lanes have fallen behind. */
  async advance(): Promise<void> {
    await this.#beat();
    this.#touch('all');
    await this.#running;
  }

  async start(): Promise<void> {
    await this.#load();
    await this.#beat();
    this.#listening = await this.#bell.listen((notice) => this.#hear(notice));
    this.#timers.push(setInterval(() => void this.#beat().catch(() => undefined), heartbeatMillis));
    this.#timers.push(setInterval(() => void this.#poll().catch(() => undefined), pollMillis));
    this.#touch('all');
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#soon);
    await this.#listening?.stop();
    await this.#running?.catch(() => undefined);
    await releasePartitions(this.#database, this.#id).catch(() => undefined);
  }

  #hear(notice: Notice | undefined): void {
    if (!notice) {
      this.#touch('all');
      return;
    }
    if ('derived' in notice) {
      if (this.#waiting.size > 0) this.#schedule();
      if (this.#isOfLong(notice)) void this.#lookAfterLong().catch(() => undefined);
      return;
    }
    if ('import' in notice) return;
    if (notice.revision <= this.#heard) return;
    const gap = notice.previous !== this.#heard;
    this.#heard = notice.revision;
    this.#touch(gap || !notice.series ? 'all' : notice.series);
  }

  #touch(series: Iterable<number> | 'all'): void {
    this.#mark(series);
    this.#schedule();
  }

  #mark(series: Iterable<number> | 'all'): void {
    if (series === 'all') this.#dirty = 'all';
    else if (this.#dirty !== 'all') for (const id of series) this.#dirty.add(id);
  }

  async #poll(): Promise<void> {
    const newest = await this.#catalogue.newestRevision();
    // Whoever has built it may be dead by now, or may not hold it.
    for (const lane of this.#book.lanes.values())
      if (lane.row.state === 'BUILDING' && !lane.isLong && this.#holds(lane)) this.#checkSwitch = true;
    if (newest > this.#heard) {
      this.#heard = newest;
      this.#touch('all');
    }
    this.#waitForDue();
    if (this.#waiting.size > 0 || this.#checkSwitch) this.#schedule();
    await this.#lookAfterLong();
  }

  /**
   * Lanes on a long way are brought by whichever worker takes the job. The one that holds their partition looks whether they
   * have got there, rings again, and goes itself when nobody gets on: the worker that had the job may be dead.
   */
  async #lookAfterLong(): Promise<void> {
    this.#lookAgain = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      while (this.#lookAgain && !this.#stopped) {
        this.#lookAgain = false;
        await this.#lookAtLong();
      }
    } finally {
      this.#isLooking = false;
    }
  }

  async #lookAtLong(): Promise<void> {
    const long = [...this.#book.lanes.values()].filter(
      (lane) => lane.isLong && this.#holds(lane) && !this.#building.has(lane.row.id),
    );
    if (long.length === 0) return;
    await this.#book.refresh([...new Set(long.flatMap(({ row }) => [row.id, ...row.upstream]))]);
    const now = Date.now();
    for (const lane of long) {
      const { id } = lane.row;
      if (!lane.isLong) {
        this.#watched.delete(id);
        this.#checkSwitch = true;
        this.#wait(lane);
        continue;
      }
      if (!isDue(lane.row)) continue;
      const count = lane.step?.count ?? 0;
      const watched = this.#watched.get(id);
      if (watched?.count !== count) this.#watched.set(id, { count, since: now });
      if (watched?.count === count && now - watched.since > idleMillisMax && this.#building.size < buildsAtOnce)
        void this.#build(id);
      else await this.#wakeBuild(lane);
    }
  }

  /** What others wait for in a row comes last otherwise: it goes first when it no longer waits itself. */
  async #wakeBuild({ row: { id, upstream } }: Lane): Promise<void> {
    const isReady = upstream.length > 0 && upstream.every((other) => (this.#book.lanes.get(other)?.basis ?? -1) >= 0);
    await this.#bell.wake('build', String(id), { definition: id }, isReady);
  }

  async #build(definition: number): Promise<void> {
    this.#building.add(definition);
    try {
      await this.#options.build(definition);
    } catch (error) {
      this.#options.log(`recompute: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this.#building.delete(definition);
    }
  }

  /** Whether one of these series is on a long way, as far as is known here. */
  #isOfLong({ series, unchanged }: DerivedNotice): boolean {
    const named = series && new Set([...series, ...unchanged]);
    for (const lane of this.#book.lanes.values()) if (lane.isLong && (named?.has(lane.row.series) ?? true)) return true;
    return false;
  }

  #holds(lane: Lane): boolean {
    return this.#held.has(lane.row.partition);
  }

  /** What failed and is to be tried again now. */
  #waitForDue(): void {
    for (const lane of this.#book.lanes.values())
      if (lane.row.problem !== null && !lane.isLong && this.#holds(lane) && isDue(lane.row)) this.#wait(lane);
  }

  /** The next pass looks at a lane again, and at those that read it. */
  #wait(lane: Lane): void {
    this.#waiting.add(lane);
    for (const next of this.#book.lanes.values()) if (next.row.upstream.includes(lane.row.id)) this.#waiting.add(next);
    this.#schedule();
  }

  /** Says that this worker is there, and takes its share of the partitions. */
  async #beat(): Promise<void> {
    if (this.#stopped) return;
    const held = new Set(await leasePartitions(this.#database, this.#id, leaseSeconds, partitions));
    const gained = [...held].filter((partition) => !this.#held.has(partition));
    const before = this.#held;
    this.#held = held;
    for (const lane of this.#book.lanes.values()) {
      if (before.has(lane.row.partition) && !held.has(lane.row.partition)) lane.tails = [];
    }
    this.#dropTails();
    if (gained.length === 0) return;
    const lanes = [...this.#book.lanes.values()].filter(({ row }) => gained.includes(row.partition));
    if (lanes.length > 0) await this.#book.refresh(lanes.map(({ row }) => row.id));
    this.#touch('all');
  }

  /** The memory of lanes that were not needed for longest goes first. */
  #dropTails(): void {
    let bytes = 0;
    const warm = [...this.#book.lanes.values()].filter(({ tails }) => tails.length > 0);
    warm.sort((a, b) => b.usedAt - a.usedAt);
    for (const lane of warm) {
      for (const tail of lane.tails) bytes += tail?.run.bytes() ?? 0;
      if (bytes > tailBytesMax) lane.tails = [];
    }
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#again = true;
    if (this.#running || this.#soon) return;
    this.#running = this.#runAll().finally(() => {
      this.#running = undefined;
      if (this.#again && !this.#soon) this.#schedule();
    });
  }

  /** Tries again in a while. */
  #later(millis: number): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#schedule();
    }, millis);
  }

  async #runAll(): Promise<void> {
    while (this.#again && !this.#stopped && !this.#soon) {
      this.#again = false;
      const dirty = this.#dirty;
      this.#dirty = new Set();
      try {
        await this.#run(dirty);
      } catch (error) {
        this.#dirty = 'all';
        if (!this.#stopped) {
          this.#options.log(`recompute: ${error instanceof Error ? error.message : String(error)}`);
          this.#later(pollMillis);
        }
      }
    }
  }

  async #run(dirty: Set<number> | 'all'): Promise<void> {
    // What is new is read along with the wave: mostly, it is what the pass will ask for.
    const asked = dirty === 'all' ? [] : askedAhead(this.#candidates(dirty), this.#book, this.#heard);
    const { wave, changed } = await setOut(this.#database, waveMillis, asked);
    if (wave.version !== this.#book.version) await this.#load();
    if (wave.newest > wave.revision) {
      // The last wave is too young for another one.
      this.#mark(dirty);
      this.#later(Math.max(1, waveMillis - wave.ageMillis));
    }
    const lanes = this.#candidates(dirty);
    this.#waiting = new Set();
    if (lanes.length > 0) {
      const now = Date.now();
      for (const lane of lanes) lane.usedAt = now;
      await this.#pass(lanes, wave, dirty === 'all', asked.length > 0 ? { asked, changed } : undefined);
    }
    if (this.#checkSwitch) await this.#switch(wave);
  }

  /** Looks what is new in the catalogue; what this program cannot plan has failed. */
  async #load(): Promise<void> {
    const { lanes, broken } = await this.#book.load();
    for (const lane of lanes) this.#waiting.add(lane);
    this.#checkSwitch = true;
    for (const [definition, problem] of broken) await fail(this.#database, definition, problem, retrySecondsMax);
  }

  #candidates(dirty: Set<number> | 'all'): Lane[] {
    const lanes = new Set<Lane>();
    if (dirty === 'all') for (const lane of this.#book.lanes.values()) lanes.add(lane);
    else for (const source of dirty) for (const lane of this.#book.of(source)) lanes.add(lane);
    for (const lane of this.#waiting) if (this.#book.lanes.get(lane.row.id) === lane) lanes.add(lane);
    return [...lanes]
      .filter((lane) => this.#holds(lane) && !lane.isLong && isDue(lane.row))
      .sort((a, b) => a.row.id - b.row.id);
  }

  async #pass(lanes: readonly Lane[], wave: Wave, count: boolean, ahead: PassOptions['ahead']): Promise<void> {
    const failed = new Map<Lane, Promise<void>>();
    const pass = new Pass(this.#database, this.#book, wave.revision, {
      announce: this.#bell.ringsInCommit,
      count,
      ahead,
      onLong: (lane) => {
        this.#wakeBuild(lane).catch((error: Error) => this.#options.log(`could not wake a worker: ${error.message}`));
      },
      onFailure: (lane, error) => void failed.set(lane, this.#failed(lane, error)),
      commitPoints: this.#options.commitPoints,
    });
    const passed = await pass.run(lanes);
    await Promise.all(failed.values());
    for (const lane of passed.waiting) this.#waiting.add(lane);
    // Also those that were there already: whoever brought them may have died before it said so.
    const left = new Set([...failed.keys(), ...passed.waiting]);
    const arrived = lanes.filter((lane) => !left.has(lane) && !lane.isLong && lane.basis >= 0);
    const recovered = [...new Set([...passed.lanes, ...arrived])].filter(({ row }) => row.problem !== null);
    if (recovered.length > 0) await this.#recovered(recovered);
    if (passed.lanes.length > 0) {
      if (!this.#bell.ringsInCommit) {
        const changed = new Set(passed.series);
        const lanes = passed.lanes.map(({ row: { series } }) => ({ series, changed: changed.has(series) }));
        this.#bell.tell(derivedNotice(wave.revision, lanes));
      }
      if (passed.lanes.some(({ row }) => row.state === 'BUILDING')) this.#checkSwitch = true;
    }
    this.#options.onPass?.(passed, wave);
  }

  async #failed(lane: Lane, error: unknown): Promise<void> {
    lane.row = { ...lane.row, ...(await noteFailure(this.#database, lane.row, lane.row, error, this.#options.log)) };
  }

  async #recovered(lanes: readonly Lane[]): Promise<void> {
    for (const lane of lanes) lane.row = { ...lane.row, problem: null, attempts: 0, retryAt: null };
    await recover(
      this.#database,
      lanes.map(({ row }) => row.id),
    );
  }

  /** Lets definitions answer that were built and stand where the wave is. */
  async #switch(wave: Wave): Promise<void> {
    this.#checkSwitch = false;
    const bundles = new Map<number, Lane[]>();
    for (const lane of this.#book.lanes.values()) {
      if (lane.row.state !== 'BUILDING') continue;
      const bundle = bundles.get(lane.row.bundle);
      if (bundle) bundle.push(lane);
      else bundles.set(lane.row.bundle, [lane]);
    }
    const built: Lane[][] = [];
    for (const bundle of bundles.values()) {
      if (!bundle.some((lane) => this.#holds(lane))) continue;
      const foreign = bundle.filter((lane) => !this.#holds(lane));
      if (foreign.length > 0) await this.#book.refresh(foreign.map(({ row }) => row.id));
      if (bundle.every(({ basis, isLong }) => basis >= 0 && !isLong)) built.push(bundle);
    }
    const asked = built.map((bundle) =>
      bundle.flatMap(({ row, basis }) => row.sources.map((storage) => ({ storage, after: basis }))),
    );
    const counts = await countChanged(this.#database, asked.flat(), wave.revision);
    const ready: Lane[] = [];
    const answering = (id: number) =>
      this.#book.lanes.get(id)?.row.state === 'LIVE' || ready.some(({ row }) => row.id === id);
    // Each behind those that it reads.
    for (const [i, bundle] of built.entries()) {
      const changed = counts.splice(0, asked[i].length).some((count) => count > 0);
      const inside = new Set(bundle.map(({ row }) => row.id));
      // They are on their way: the next pass looks again.
      if (changed) this.#checkSwitch = true;
      else if (bundle.every(({ row }) => row.upstream.every((id) => inside.has(id) || answering(id))))
        ready.push(...bundle);
    }
    if (ready.length === 0) return;
    const ids = ready.map(({ row }) => row.id);
    const revision = await switchIn(this.#database, this.#book.version, ids, this.#bell.ringsInCommit);
    if (revision === undefined) this.#checkSwitch = true;
    else if (!this.#bell.ringsInCommit)
      this.#bell.tell({ previous: revision - 1, revision, series: ready.map(({ row }) => row.series) });
    await this.#load();
  }
}
