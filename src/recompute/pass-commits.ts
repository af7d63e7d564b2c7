import type { DerivedNotice } from '../bell/bell.ts';
import type { LanePosition } from '../derive/lane-progress.ts';
import type { Tail } from '../derive/walk.ts';
import type { Database } from '../store/connect.ts';
import { derive, type Way } from '../store/lanes.ts';
import type { Lane } from './lane-registry.ts';

/** The advance of a lane to another revision, which a pass has computed and is to commit. */
export interface LaneMove {
  readonly lane: Lane;
  readonly way: Way;
  /** The lane's position when it is committed, and the tails of its stages then. */
  readonly position: LanePosition;
  readonly tails: (Tail | undefined)[];
  /** The number of points of leaves that went through formulas. */
  readonly points: number;
}

export interface CommitOptions {
  /** Whether the commit sends the notice itself. */
  readonly announce: boolean;
  /** Replaces the number of points from which a pass commits before its last lane is computed: for tests. */
  readonly commitPoints?: number | undefined;
}

/** A commit has at most this number of points. With the lower number a pass commits before its last lane is computed. */
const commitPointsMax = 150_000;
const commitPointsMin = 50_000;

/** PassCommits the moves of a pass, each behind those that it reads: what is much before the last one has come. */
export class PassCommits {
  readonly #database: Database;
  readonly #target: number;
  readonly #options: CommitOptions;
  #offered: LaneMove[] = [];
  #offeredPoints = 0;
  #committing: Promise<void> = Promise.resolve();
  readonly #all: LaneMove[] = [];
  readonly #moved: LaneMove[] = [];
  readonly #lost = new Set<number>();

  constructor(database: Database, target: number, options: CommitOptions) {
    this.#database = database;
    this.#target = target;
    this.#options = options;
  }

  /**
   * Takes a move, after those of the lanes that it reads. Large moves are committed while other lanes are still computed: those
   * read the points from the pass, whether the store has them or not.
   */
  offer(move: LaneMove): void {
    this.#all.push(move);
    this.#offered.push(move);
    this.#offeredPoints += pointsOf(move);
    if (this.#offeredPoints >= (this.#options.commitPoints ?? commitPointsMin)) this.#commitOffered();
  }

  /** Waits until running commits have ended, whatever their result. */
  async settle(): Promise<void> {
    await this.#committing.catch(() => undefined);
  }

  /** PassCommits what is left; returns what has got there, and the lanes that somebody else had moved. */
  async end(): Promise<{ readonly moved: readonly LaneMove[]; readonly lost: ReadonlySet<number> }> {
    this.#commitOffered();
    await this.#committing;
    return { moved: this.#moved, lost: this.#lost };
  }

  #commitOffered(): void {
    const moves = this.#offered;
    this.#offered = [];
    this.#offeredPoints = 0;
    for (const batch of batches(moves)) {
      this.#committing = this.#committing.then(() => this.#commit(batch));
      // `end` waits for it and throws its error.
      this.#committing.catch(() => undefined);
    }
  }

  async #commit(batch: readonly LaneMove[]): Promise<void> {
    // A lane that reads a lost one has read points that do not exist.
    const moves: LaneMove[] = [];
    for (const move of batch) {
      if (move.lane.row.upstream.some((id) => this.#lost.has(id))) this.#lose(move.lane);
      else moves.push(move);
    }
    if (moves.length === 0) return;
    const ways = moves.map(({ way }) => way);
    let elsewhere: readonly number[];
    try {
      elsewhere = await derive(this.#database, ways, this.#notice(moves));
    } catch (error) {
      for (const { lane } of this.#all) lane.tails = [];
      throw error;
    }
    for (const move of moves) {
      if (elsewhere.length > 0) this.#lose(move.lane);
      else {
        Object.assign(move.lane, move.position);
        move.lane.tails = move.tails;
        this.#moved.push(move);
      }
    }
  }

  #lose(lane: Lane): void {
    lane.tails = [];
    this.#lost.add(lane.row.id);
  }

  #notice(moves: readonly LaneMove[]): string | undefined {
    if (!this.#options.announce) return undefined;
    return payloadOf(
      derivedNotice(
        this.#target,
        moves.map(({ lane, way }) => ({ series: lane.row.series, changed: way.blocks.length > 0 })),
      ),
    );
  }
}

/** The notice of lanes that have advanced to a revision. */
export function derivedNotice(
  revision: number,
  lanes: readonly { readonly series: number; readonly changed: boolean }[],
): DerivedNotice {
  const changed = new Set(lanes.flatMap((lane) => (lane.changed ? [lane.series] : [])));
  const unchanged = new Set(lanes.flatMap(({ series }) => (changed.has(series) ? [] : [series])));
  return { derived: revision, series: [...changed], unchanged: [...unchanged] };
}

/** The payload of a notice; without ids when they do not fit into one of PostgreSQL's. */
export function payloadOf(notice: DerivedNotice): string {
  const whole = JSON.stringify(notice);
  return whole.length <= 7_900 ? whole : JSON.stringify({ derived: notice.derived });
}

export function pointsOf({ way }: LaneMove): number {
  return way.blocks.reduce((sum, { column }) => sum + column.t.length, 0);
}

function* batches(moves: readonly LaneMove[]): Generator<LaneMove[]> {
  let batch: LaneMove[] = [];
  let points = 0;
  for (const move of moves) {
    const own = pointsOf(move);
    if (batch.length > 0 && points + own > commitPointsMax) {
      yield batch;
      batch = [];
      points = 0;
    }
    batch.push(move);
    points += own;
  }
  if (batch.length > 0) yield batch;
}
