import { isDeepStrictEqual } from 'node:util';
import { Semaphore } from '../concurrency/semaphore.ts';
import { type LanePosition, type LaneProgress, newestCommonWave, positionAfter } from '../derive/lane-progress.ts';
import { TooFar } from '../derive/walk.ts';
import type { Versions } from '../engine/versions.ts';
import { BatchedReads } from '../store/batched-reads.ts';
import type { Database } from '../store/connect.ts';
import { type Asked, countChanged, readChanged } from '../store/definitions.ts';
import { readLanes, recentWaves } from '../store/lanes.ts';
import { isLoss } from '../store/retry.ts';
import { type AdvanceContext, type AdvancePolicy, advanceLane, LaneOutput } from './advance-lane.ts';
import type { Book, Lane } from './lane-registry.ts';
import { type CommitOptions, Commits, type Move, pointsOf } from './pass-commits.ts';
import { changesToRead, PassData } from './pass-data.ts';
import { Foresight } from './prefetch.ts';
import { storedCheckpoints } from './stored-stage.ts';

export interface PassOptions extends CommitOptions {
  /** Something large may be among what changed: it is counted before it is read. */
  readonly count: boolean;
  /** Of lanes that a pass leaves to others: they are too far behind to go with it. */
  readonly onLong: (lane: Lane) => void;
  readonly onFailure: (lane: Lane, error: unknown) => void;
  /** What changed up to the target, as it was read with it, for whom it was thought to be. */
  readonly ahead?: { readonly asked: readonly Asked[]; readonly changed: ReadonlyMap<number, Versions> } | undefined;
}

export interface Passed {
  /** Lanes that now stand at their targets, also those that nothing of it concerned. */
  readonly lanes: readonly Lane[];
  /** The series whose points changed, with the newest revision that they were brought to. */
  readonly series: readonly number[];
  /** How many points were written. */
  readonly points: number;
  /** How many points went through formulas, and how many versions and points were read for it. */
  readonly passed: number;
  readonly read: number;
  /** Lanes that could not go on yet, or not as far as the wave: another one that they read has not got there. */
  readonly waiting: readonly Lane[];
}

/** More changed versions than this behind one lane, or behind all of a pass, and a lane goes its way alone. */
const missedMax = 100_000;
const changedMax = 1_000_000;

/** What was never computed goes its way alone if there are more versions than this to start from. */
const startVersionsMax = 20_000;

/**
 * A pass computes no more of a lane than this work (points of leaves times operators) and these changed points, since others
 * wait for it; more is left to a backfill.
 */
const passWorkMax = 1_500_000;
const passChangesMax = 600_000;

/** From so many revisions on it is counted what they changed. */
const revisionsMax = 2_000;

/** How many waves back a lane looks for one at which all that it reads stood exactly. */
const wavesBack = 12;

/** So many lanes are brought at the same time: while one waits for the store, another one computes. */
const lanesAtOnce = 32;

/** What a pass of lanes will ask for first, if it is near and hangs on no lane that is brought elsewhere; else nothing. */
export function askedAhead(lanes: readonly Lane[], book: Book, newest: number): Asked[] {
  const bases = new Map(lanes.map((lane) => [lane.row.id, lane]));
  const isNear = lanes.every(
    ({ row, basis }) => basis >= 0 && newest - basis <= revisionsMax && row.upstream.every((id) => bases.has(id)),
  );
  return isNear ? changesToRead(lanes, book, bases) : [];
}

/** Brings lanes to a wave, each behind those that it reads, and commits what changes. */
export class Pass {
  readonly #database: Database;
  readonly #reads: BatchedReads;
  readonly #foresight: Foresight;
  readonly #book: Book;
  readonly #target: number;
  readonly #options: PassOptions;
  readonly #moves = new Map<number, Move>();
  /** Where its lanes stood at the start: what is known of a lane may be read anew on the way. */
  readonly #stood = new Map<number, LanePosition>();
  #data: PassData;
  readonly #commits: Commits;

  constructor(database: Database, book: Book, target: number, options: PassOptions) {
    this.#database = database;
    this.#reads = new BatchedReads(database);
    this.#foresight = new Foresight(this.#reads);
    this.#data = new PassData(this.#foresight, new Map());
    this.#book = book;
    this.#target = target;
    this.#options = options;
    this.#commits = new Commits(database, target, options);
  }

  async run(candidates: readonly Lane[]): Promise<Passed> {
    const near = await this.#near(candidates.filter(({ basis, isLong }) => !isLong && basis < this.#target));
    for (const { row, basis, stops, untils } of near) this.#stood.set(row.id, { basis, stops, untils });
    // First where the others stand, then what changed: what they commit in between is not yet where they stand.
    const foreign = await this.#foreignLanes(near);
    const waiting = this.#withoutGround(near, foreign);
    const grounded = near.filter((lane) => !waiting.includes(lane));
    const changed = await this.#readChanged(grounded);
    this.#data = new PassData(this.#foresight, changed);
    const lanes = grounded.filter(({ isLong }) => !isLong);
    this.#foresight.look(lanes, changed);
    let asked: Promise<readonly number[]> | undefined;
    const waves = () => {
      asked ??= recentWaves(this.#database, wavesBack);
      return asked;
    };
    const semaphore = new Semaphore(lanesAtOnce);
    const done = new Map<number, Promise<void>>();
    for (const lane of lanes) {
      const firstChange = this.#data.firstChange(lane.row.sources, this.#basisOf(lane));
      // Nothing that concerns it: it stands at the target as it is.
      if (firstChange === Number.POSITIVE_INFINITY && lane.basis >= 0) continue;
      const bring = async (): Promise<void> => {
        await Promise.all(lane.row.upstream.map((id) => done.get(id)));
        await semaphore.run(async () => {
          const target = await this.#targetOf(lane, foreign, waves);
          // Also one that gets to an older wave only has something left to wait for.
          if (target !== this.#target) waiting.push(lane);
          if (target !== undefined && (firstChange <= target || lane.basis < 0))
            await this.#move(lane, target, firstChange);
        });
      };
      const brought = bring();
      // A failure is thrown below, when all have ended.
      brought.catch(() => undefined);
      done.set(lane.row.id, brought);
    }
    const ends = await Promise.allSettled(done.values());
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) {
      await this.#commits.settle();
      for (const lane of lanes) lane.tails = [];
      throw failed.reason;
    }
    return this.#end(waiting);
  }

  async #readChanged(lanes: readonly Lane[]): Promise<ReadonlyMap<number, Versions>> {
    const asked = changesToRead(lanes, this.#book, this.#stood);
    const ahead = this.#options.ahead;
    return ahead && isDeepStrictEqual(asked, ahead.asked)
      ? ahead.changed
      : await readChanged(this.#database, asked, this.#target);
  }

  /**
   * Those that are not too far behind to go along. Far behind, it is counted first: what a lane has missed in a day may not
   * fit into memory.
   */
  async #near(lanes: readonly Lane[]): Promise<Lane[]> {
    const asked = lanes.map(({ row, basis }) => {
      const isFar = basis < 0 || this.#options.count || this.#target - basis > revisionsMax;
      return isFar ? row.sources.map((storage) => ({ storage, after: basis })) : [];
    });
    const counts = await countChanged(this.#database, asked.flat(), this.#target);
    const missed = asked.map(({ length }) => counts.splice(0, length).reduce((sum, count) => sum + count, 0));
    let together = 0;
    return lanes.filter((lane, i) => {
      const isNear = missed[i] <= (lane.basis < 0 ? startVersionsMax : missedMax) && together + missed[i] <= changedMax;
      if (isNear) together += missed[i];
      else this.#leave(lane);
      return isNear;
    });
  }

  /** Those that read what was never computed, near or far, and is not on its way here. */
  #withoutGround(lanes: readonly Lane[], foreign: ReadonlyMap<number, LanePosition>): Lane[] {
    const out = new Set<number>();
    for (const [id, { basis }] of foreign) if (basis < 0) out.add(id);
    return lanes.filter(({ row }) => {
      if (!row.upstream.some((id) => out.has(id))) return false;
      out.add(row.id);
      return true;
    });
  }

  #basisOf(lane: Lane): number {
    return this.#stood.get(lane.row.id)?.basis ?? lane.basis;
  }

  #leave(lane: Lane): void {
    lane.isLong = true;
    lane.tails = [];
    this.#options.onLong(lane);
  }

  /** The lanes that are read here and brought elsewhere, as they stand now. */
  async #foreignLanes(lanes: readonly Lane[]): Promise<Map<number, LanePosition>> {
    const here = new Set(lanes.map(({ row }) => row.id));
    const ids = new Set(lanes.flatMap(({ row }) => row.upstream.filter((id) => !here.has(id))));
    if (ids.size === 0) return new Map();
    return new Map((await readLanes(this.#database, [...ids])).map((row) => [row.definition, row]));
  }

  /** The newest wave at which all lanes that it reads are exact; undefined when there is none yet. */
  async #targetOf(
    lane: Lane,
    foreign: ReadonlyMap<number, LanePosition>,
    waves: () => Promise<readonly number[]>,
  ): Promise<number | undefined> {
    const upstream: LaneProgress[] = [];
    for (const id of lane.row.upstream) {
      const position = this.#moves.get(id)?.position ?? foreign.get(id) ?? this.#stood.get(id);
      const row = this.#book.lanes.get(id)?.row;
      if (!position || !row) return undefined;
      upstream.push({ ...position, firstChange: this.#firstChangeFor(lane, position.basis, row.sources) });
    }
    const target = newestCommonWave([this.#target], upstream);
    if (target !== undefined) return target;
    const older = (await waves()).filter((wave) => wave < this.#target && wave > this.#basisOf(lane));
    return newestCommonWave(older, upstream);
  }

  /** The first change, up to the target, after the basis of a lane that `reader` reads. */
  #firstChangeFor(reader: Lane, basis: number, sources: readonly number[]): number {
    if (basis >= this.#target) return Number.POSITIVE_INFINITY;
    // These are among the reader's sources, whose changes were read from its basis on. At that basis all was exact.
    return this.#data.firstChange(sources, Math.max(basis, this.#basisOf(reader)));
  }

  async #move(lane: Lane, target: number, firstChange: number): Promise<void> {
    const basis = this.#basisOf(lane);
    const { row, leaves } = lane;
    const context: AdvanceContext = {
      reads: this.#foresight,
      basis,
      target,
      source: (storage) => this.#data.source(storage, target),
      changes: (stage) => leaves[stage].map(({ storage }) => this.#data.changesOf(storage, basis, target)),
      // A lane that was never computed has none: backfills, which store some on the way, are no part of a pass.
      checkpoints: (stage) => (basis < 0 ? undefined : storedCheckpoints(this.#foresight, row.id, stage)),
    };
    const policy: AdvancePolicy = {
      workMax: passWorkMax,
      changesMax: passChangesMax,
      onStage: (stage, column) => {
        this.#data.write(row.storages[stage], column, target);
        return undefined;
      },
    };
    const output = new LaneOutput();
    try {
      await advanceLane(lane, context, policy, output);
    } catch (error) {
      if (isLoss(error)) throw error;
      lane.tails = [];
      this.#data.discard(row.storages);
      if (error instanceof TooFar) this.#leave(lane);
      else this.#options.onFailure(lane, error);
      return;
    }
    const { tails, points } = output;
    const until = Math.min(firstChange - 1, target);
    const way = { definition: row.id, basis, target, until, ...output.take(), stage: undefined };
    const move = { lane, way, tails, points, position: positionAfter(this.#stood.get(row.id) ?? lane, way) };
    this.#moves.set(row.id, move);
    this.#commits.offer(move);
  }

  async #end(waiting: readonly Lane[]): Promise<Passed> {
    const { moved, lost } = await this.#commits.end();
    if (lost.size > 0) await this.#book.refresh([...lost]);
    // Whoever brought them need not have brought them as far.
    const behind = [...this.#moves.values()].flatMap(({ lane }) => (lost.has(lane.row.id) ? [lane] : []));
    const changed = moved.filter(({ way }) => way.blocks.length > 0);
    return {
      lanes: moved.map(({ lane }) => lane),
      series: [...new Set(changed.map(({ lane }) => lane.row.series))],
      points: changed.reduce((sum, move) => sum + pointsOf(move), 0),
      ...this.#counts(),
      waiting: [...waiting, ...behind],
    };
  }

  #counts(): Pick<Passed, 'passed' | 'read'> {
    let passed = 0;
    for (const { points } of this.#moves.values()) passed += points;
    return { passed, read: this.#reads.pointsRead + this.#data.versions };
  }
}
