import type { Bell, Notice, Stoppable } from '../bell/bell.ts';
import { Catalogue } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import { fail, recover } from '../store/definitions.ts';
import { setOut, type Wave } from '../store/lanes.ts';
import { isDue, noteFailure, retrySecondsMax } from './backfill-jobs.ts';
import { BackfillWatch } from './backfill-watch.ts';
import { type Lane, LaneRegistry } from './lane-registry.ts';
import { PartitionShare } from './partition-share.ts';
import { changesToReadAhead, Pass, type PassOptions, type PassResult } from './pass.ts';
import { derivedNotice } from './pass-commits.ts';
import { switchDefinitions } from './switch-definitions.ts';

/** Waves are at least this far apart: commits in between go with the next one. */
const waveMillis = 8;

/** A worker that hears no notice reads the newest revision this often. */
const pollMillis = 500;

/** A worker renews its leases this often. */
const heartbeatMillis = 1_000;

/** The memory that the tails of all lanes may take. */
const tailBytesMax = 256_000_000;

export interface RecomputeOptions {
  readonly log: (line: string) => void;
  /** Runs a backfill in this process. */
  readonly build: (definition: number) => Promise<void>;
  /** See PassOptions. */
  readonly commitPoints?: number | undefined;
  /** Called after each pass: for tests and measurements. */
  readonly onPass?: (passed: PassResult, wave: Wave) => void;
}

/** Advances the lanes of the partitions that this worker holds, pass by pass. */
export class Recompute {
  readonly #database: Database;
  readonly #catalogue: Catalogue;
  readonly #bell: Bell;
  readonly #options: RecomputeOptions;
  readonly #registry: LaneRegistry;
  readonly #share: PartitionShare;
  readonly #watch: BackfillWatch;
  /** The newest revision that a notice or a poll has named. */
  #heard = 0;
  /** The source series that have changed since the last pass; 'all' when they are not known. */
  #dirty: Set<number> | 'all' = 'all';
  /** The lanes that the next pass tries again. */
  #waiting = new Set<Lane>();
  #running: Promise<void> | undefined;
  #again = false;
  #timers: NodeJS.Timeout[] = [];
  #soon: NodeJS.Timeout | undefined;
  #listening: Stoppable | undefined;
  #stopped = false;
  /** Definitions may be ready to be switched in. */
  #checkSwitch = true;

  constructor(database: Database, bell: Bell, options: RecomputeOptions) {
    this.#database = database;
    this.#catalogue = new Catalogue(database);
    this.#bell = bell;
    this.#options = options;
    this.#registry = new LaneRegistry(database);
    this.#share = new PartitionShare(database);
    this.#watch = new BackfillWatch(this.#registry, bell, {
      log: options.log,
      build: options.build,
      holds: (lane) => this.#holds(lane),
      onEnd: (lane) => {
        this.#checkSwitch = true;
        this.#wait(lane);
      },
    });
  }

  /** Advances all lanes that are behind. */
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
    this.#watch.stop();
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#soon);
    await this.#listening?.stop();
    await this.#running?.catch(() => undefined);
    await this.#share.release().catch(() => undefined);
  }

  #hear(notice: Notice | undefined): void {
    if (!notice) {
      this.#touch('all');
      return;
    }
    if ('derived' in notice) {
      if (this.#waiting.size > 0) this.#schedule();
      if (this.#watch.isNamedBy(notice)) void this.#watch.look().catch(() => undefined);
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
    // The worker that has computed a definition may be dead, or may not hold it.
    for (const lane of this.#registry.lanes.values())
      if (lane.row.state === 'BUILDING' && !lane.needsBackfill && this.#holds(lane)) this.#checkSwitch = true;
    if (newest > this.#heard) {
      this.#heard = newest;
      this.#touch('all');
    }
    this.#waitForDue();
    if (this.#waiting.size > 0 || this.#checkSwitch) this.#schedule();
    await this.#watch.look();
  }

  #holds(lane: Lane): boolean {
    return this.#share.holds(lane.row.partition);
  }

  /** Lanes whose retry is due. */
  #waitForDue(): void {
    for (const lane of this.#registry.lanes.values())
      if (lane.row.problem !== null && !lane.needsBackfill && this.#holds(lane) && isDue(lane.row)) this.#wait(lane);
  }

  /** The next pass looks at a lane again, and at those that read it. */
  #wait(lane: Lane): void {
    this.#waiting.add(lane);
    for (const next of this.#registry.lanes.values())
      if (next.row.upstream.includes(lane.row.id)) this.#waiting.add(next);
    this.#schedule();
  }

  /** Renews the leases. Lanes of lost partitions give up their tails; those of gained ones are read anew. */
  async #beat(): Promise<void> {
    if (this.#stopped) return;
    const { gained, lost } = await this.#share.renew();
    const all = [...this.#registry.lanes.values()];
    for (const lane of all) if (lost.has(lane.row.partition)) lane.tails = [];
    this.#registry.limitTails(tailBytesMax);
    if (gained.size === 0) return;
    const lanes = all.filter(({ row }) => gained.has(row.partition));
    if (lanes.length > 0) await this.#registry.refresh(lanes.map(({ row }) => row.id));
    this.#touch('all');
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

  /** Runs the next pass after a delay. */
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
    // The changes that the pass will probably ask for are read in the same statement as the wave.
    const asked = dirty === 'all' ? [] : changesToReadAhead(this.#candidates(dirty), this.#registry, this.#heard);
    const { wave, changed } = await setOut(this.#database, waveMillis, asked);
    if (wave.version !== this.#registry.version) await this.#load();
    if (wave.newest > wave.revision) {
      // A new wave would follow the last one too closely.
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

  /** Reads new definitions; those whose formulas this program cannot plan have failed. */
  async #load(): Promise<void> {
    const { lanes, broken } = await this.#registry.load();
    for (const lane of lanes) this.#waiting.add(lane);
    this.#checkSwitch = true;
    for (const [definition, problem] of broken) await fail(this.#database, definition, problem, retrySecondsMax);
  }

  #candidates(dirty: Set<number> | 'all'): Lane[] {
    const lanes = new Set<Lane>();
    if (dirty === 'all') for (const lane of this.#registry.lanes.values()) lanes.add(lane);
    else for (const source of dirty) for (const lane of this.#registry.dependingOn(source)) lanes.add(lane);
    for (const lane of this.#waiting) if (this.#registry.lanes.get(lane.row.id) === lane) lanes.add(lane);
    return [...lanes]
      .filter((lane) => this.#holds(lane) && !lane.needsBackfill && isDue(lane.row))
      .sort((a, b) => a.row.id - b.row.id);
  }

  async #pass(lanes: readonly Lane[], wave: Wave, count: boolean, ahead: PassOptions['ahead']): Promise<void> {
    const failed = new Map<Lane, Promise<void>>();
    const pass = new Pass(this.#database, this.#registry, wave.revision, {
      announce: this.#bell.ringsInCommit,
      count,
      ahead,
      onBackfill: (lane) => {
        this.#watch.wake(lane).catch((error: Error) => this.#options.log(`could not wake a worker: ${error.message}`));
      },
      onFailure: (lane, error) => void failed.set(lane, this.#failed(lane, error)),
      commitPoints: this.#options.commitPoints,
    });
    const passed = await pass.run(lanes);
    await Promise.all(failed.values());
    for (const lane of passed.waiting) this.#waiting.add(lane);
    // Including lanes that were at the wave already: their worker may have died before it noted that they recovered.
    const left = new Set([...failed.keys(), ...passed.waiting]);
    const arrived = lanes.filter((lane) => !left.has(lane) && !lane.needsBackfill && lane.basis >= 0);
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

  async #switch(wave: Wave): Promise<void> {
    this.#checkSwitch = false;
    const announce = this.#bell.ringsInCommit;
    const holds = (lane: Lane) => this.#holds(lane);
    const { notice, again } = await switchDefinitions(this.#database, this.#registry, wave.revision, {
      announce,
      holds,
    });
    if (again) this.#checkSwitch = true;
    if (!notice) return;
    if (!announce) this.#bell.tell({ previous: notice.revision - 1, ...notice });
    await this.#load();
  }
}
