import { isDeepStrictEqual } from 'node:util';
import { Semaphore } from '../concurrency/semaphore.ts';
import { type LanePosition, positionAfter } from '../derive/lane-progress.ts';
import { TooFar } from '../derive/walk.ts';
import type { Versions } from '../engine/versions.ts';
import { BatchedReads } from '../store/batched-reads.ts';
import type { Database } from '../store/connect.ts';
import { type Asked, countChanged, readChanged } from '../store/definitions.ts';
import { readLanes } from '../store/lanes.ts';
import { isLoss } from '../store/retry.ts';
import { type AdvanceContext, type AdvancePolicy, advanceLane, LaneOutput } from './advance-lane.ts';
import type { Lane, LaneRegistry } from './lane-registry.ts';
import { type CommitOptions, type LaneMove, PassCommits, pointsOf } from './pass-commits.ts';
import { changesToRead, PassData } from './pass-data.ts';
import { Prefetch } from './prefetch.ts';
import { storedCheckpoints } from './stored-stage.ts';
import { TargetSearch } from './target-search.ts';

export interface PassOptions extends CommitOptions {
  /** The changes may be large: the pass counts them before it reads them. */
  readonly count: boolean;
  /** Called for lanes that are too far behind for the pass. */
  readonly onBackfill: (lane: Lane) => void;
  readonly onFailure: (lane: Lane, error: unknown) => void;
  /** Changes up to the target that were read in advance, with the question that they answer. */
  readonly ahead?: { readonly asked: readonly Asked[]; readonly changed: ReadonlyMap<number, Versions> } | undefined;
}

export interface PassResult {
  /** The lanes that have advanced. */
  readonly lanes: readonly Lane[];
  /** The series whose points have changed. */
  readonly series: readonly number[];
  /** The number of points that were written. */
  readonly points: number;
  /** The number of points that went through formulas, and of versions and points that were read for them. */
  readonly passed: number;
  readonly read: number;
  /** The lanes that did not reach the wave, since a lane that they read was not exact there. */
  readonly waiting: readonly Lane[];
}

/** A lane with more changed versions than this needs a backfill, and so do those that are too many for one pass together. */
const missedMax = 100_000;
const changedMax = 1_000_000;

/** A first computation from more versions than this needs a backfill. */
const startVersionsMax = 20_000;

/**
 * A pass computes no more of a lane than this work (points of leaves times operators) and these changed points, since others
 * wait for it; more is left to a backfill.
 */
const passWorkMax = 1_500_000;
const passChangesMax = 600_000;

/** A lane further behind than this has its changes counted first. */
const revisionsMax = 2_000;

/** The number of lanes that advance at the same time: while one waits for the store, another one computes. */
const lanesAtOnce = 32;

/** The changes that a pass of these lanes will read first; none when a lane is far behind or reads one that is not among them. */
export function changesToReadAhead(lanes: readonly Lane[], registry: LaneRegistry, newest: number): Asked[] {
  const bases = new Map(lanes.map((lane) => [lane.row.id, lane]));
  const isNear = lanes.every(
    ({ row, basis }) => basis >= 0 && newest - basis <= revisionsMax && row.upstream.every((id) => bases.has(id)),
  );
  return isNear ? changesToRead(lanes, registry, bases) : [];
}

/** Advances lanes to a wave, each after those that it reads, and commits the changes. */
export class Pass {
  readonly #database: Database;
  readonly #reads: BatchedReads;
  readonly #prefetch: Prefetch;
  readonly #registry: LaneRegistry;
  readonly #target: number;
  readonly #options: PassOptions;
  readonly #moves: LaneMove[] = [];
  /** The positions of its lanes at the start: the registry may read a lane anew meanwhile. */
  readonly #positions = new Map<number, LanePosition>();
  #data: PassData;
  readonly #commits: PassCommits;

  constructor(database: Database, registry: LaneRegistry, target: number, options: PassOptions) {
    this.#database = database;
    this.#reads = new BatchedReads(database);
    this.#prefetch = new Prefetch(this.#reads);
    this.#data = new PassData(this.#prefetch, new Map());
    this.#registry = registry;
    this.#target = target;
    this.#options = options;
    this.#commits = new PassCommits(database, target, options);
  }

  async run(candidates: readonly Lane[]): Promise<PassResult> {
    const near = await this.#near(
      candidates.filter(({ basis, needsBackfill }) => !needsBackfill && basis < this.#target),
    );
    for (const { row, basis, stops, untils } of near) this.#positions.set(row.id, { basis, stops, untils });
    // First the positions of the other lanes, then the changes: a commit in between is not yet in the positions.
    const foreign = await this.#foreignLanes(near);
    const waiting = this.#waitingForOthers(near, foreign);
    const startable = near.filter((lane) => !waiting.includes(lane));
    const changed = await this.#readChanged(startable);
    this.#data = new PassData(this.#prefetch, changed);
    const lanes = startable.filter(({ needsBackfill }) => !needsBackfill);
    this.#prefetch.start(lanes, changed);
    const positions = new Map([...foreign, ...this.#positions]);
    const search = new TargetSearch(this.#database, this.#registry, this.#target, this.#data, positions);
    const semaphore = new Semaphore(lanesAtOnce);
    const done = new Map<number, Promise<void>>();
    for (const lane of lanes) {
      const firstChange = this.#data.firstChange(lane.row.sources, this.#basisOf(lane));
      // Nothing has changed for it: it is exact at the target as it is.
      if (firstChange === Number.POSITIVE_INFINITY && lane.basis >= 0) continue;
      const advance = async (): Promise<void> => {
        await Promise.all(lane.row.upstream.map((id) => done.get(id)));
        await semaphore.run(async () => {
          const target = await search.targetOf(lane, this.#basisOf(lane));
          // A lane that reaches an older wave only is tried again, too.
          if (target !== this.#target) waiting.push(lane);
          if (target !== undefined && (firstChange <= target || lane.basis < 0))
            await this.#move(lane, target, firstChange, search);
        });
      };
      const advanced = advance();
      // Its error is thrown below, when all have ended.
      advanced.catch(() => undefined);
      done.set(lane.row.id, advanced);
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
    const asked = changesToRead(lanes, this.#registry, this.#positions);
    const ahead = this.#options.ahead;
    return ahead && isDeepStrictEqual(asked, ahead.asked)
      ? ahead.changed
      : await readChanged(this.#database, asked, this.#target);
  }

  /** The lanes that are not too far behind; counted first where a day's changes might not fit into memory. */
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

  /** The lanes that depend on one that was never computed and is not part of this pass. */
  #waitingForOthers(lanes: readonly Lane[], foreign: ReadonlyMap<number, LanePosition>): Lane[] {
    const uncomputed = new Set<number>();
    for (const [id, { basis }] of foreign) if (basis < 0) uncomputed.add(id);
    return lanes.filter(({ row }) => {
      if (!row.upstream.some((id) => uncomputed.has(id))) return false;
      uncomputed.add(row.id);
      return true;
    });
  }

  #basisOf(lane: Lane): number {
    return this.#positions.get(lane.row.id)?.basis ?? lane.basis;
  }

  #leave(lane: Lane): void {
    lane.needsBackfill = true;
    lane.tails = [];
    this.#options.onBackfill(lane);
  }

  /** The positions of the lanes that are read here and are no part of this pass. */
  async #foreignLanes(lanes: readonly Lane[]): Promise<Map<number, LanePosition>> {
    const here = new Set(lanes.map(({ row }) => row.id));
    const ids = new Set(lanes.flatMap(({ row }) => row.upstream.filter((id) => !here.has(id))));
    if (ids.size === 0) return new Map();
    return new Map((await readLanes(this.#database, [...ids])).map((row) => [row.definition, row]));
  }

  async #move(lane: Lane, target: number, firstChange: number, search: TargetSearch): Promise<void> {
    const basis = this.#basisOf(lane);
    const { row, leaves } = lane;
    const context: AdvanceContext = {
      reads: this.#prefetch,
      basis,
      target,
      source: (storage) => this.#data.source(storage, target),
      changes: (stage) => leaves[stage].map(({ storage }) => this.#data.changesOf(storage, basis, target)),
      // A lane that was never computed has none: backfills, which store some on the way, are no part of a pass.
      checkpoints: (stage) => (basis < 0 ? undefined : storedCheckpoints(this.#prefetch, row.id, stage)),
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
    const move = { lane, way, tails, points, position: positionAfter(this.#positions.get(row.id) ?? lane, way) };
    search.moved(row.id, move.position);
    this.#moves.push(move);
    this.#commits.offer(move);
  }

  async #end(waiting: readonly Lane[]): Promise<PassResult> {
    const { moved, lost } = await this.#commits.end();
    if (lost.size > 0) await this.#registry.refresh([...lost]);
    // The other worker may not have moved them as far as the target.
    const behind = this.#moves.flatMap(({ lane }) => (lost.has(lane.row.id) ? [lane] : []));
    const changed = moved.filter(({ way }) => way.blocks.length > 0);
    return {
      lanes: moved.map(({ lane }) => lane),
      series: [...new Set(changed.map(({ lane }) => lane.row.series))],
      points: changed.reduce((sum, move) => sum + pointsOf(move), 0),
      ...this.#counts(),
      waiting: [...waiting, ...behind],
    };
  }

  #counts(): Pick<PassResult, 'passed' | 'read'> {
    let passed = 0;
    for (const { points } of this.#moves) passed += points;
    return { passed, read: this.#reads.pointsRead + this.#data.versions };
  }
}
