import type { DerivedNotice } from '../bell/bell.ts';
import type { LanePosition } from '../derive/lane-progress.ts';
import type { Tail } from '../derive/walk.ts';
import type { Database } from '../store/connect.ts';
import { derive, type Way } from '../store/lanes.ts';
import type { Lane } from './lane-registry.ts';

/** The advance of a lane to another revision, which a pass has computed and is to commit. */
export interface Move {
  readonly lane: Lane;
  readonly way: Way;
  /** The lane's position when it is committed, and the tails of its stages then. */
  readonly position: LanePosition;
  readonly tails: (Tail | undefined)[];
  /** The number of points of leaves that went through formulas. */
  readonly points: number;
}

export interface CommitOptions {
  /** Whether the commit itself announces. */
  readonly announce: boolean;
  /** In place of how many points make a commit before the last lane has come: for tests. */
  readonly commitPoints?: number | undefined;
}

/** Points of one commit; a pass that changes more makes several. From so many on it does not wait for the others. */
const commitPointsMax = 150_000;
const commitPointsMin = 50_000;

/** Commits the moves of a pass, each behind those that it reads: what is much before the last one has come. */
export class Commits {
  readonly #database: Database;
  readonly #target: number;
  readonly #options: CommitOptions;
  #offered: Move[] = [];
  #offeredPoints = 0;
  #committing: Promise<void> = Promise.resolve();
  readonly #all: Move[] = [];
  readonly #moved: Move[] = [];
  readonly #lost = new Set<number>();

  constructor(database: Database, target: number, options: CommitOptions) {
    this.#database = database;
    this.#target = target;
    this.#options = options;
  }

  /**
   * A move is there, behind those that it reads. When it is much, it is committed while others are still on their way: they
   * read what it gave from the pass, and the store may have it by then.
   */
  offer(move: Move): void {
    this.#all.push(move);
    this.#offered.push(move);
    this.#offeredPoints += pointsOf(move);
    if (this.#offeredPoints >= (this.#options.commitPoints ?? commitPointsMin)) this.#commitOffered();
  }

  /** Waits for what is being committed, come of it what may. */
  async settle(): Promise<void> {
    await this.#committing.catch(() => undefined);
  }

  /** Commits what is left; returns what has got there, and the lanes that somebody else had moved. */
  async end(): Promise<{ readonly moved: readonly Move[]; readonly lost: ReadonlySet<number> }> {
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
      // Waited for at the end.
      this.#committing.catch(() => undefined);
    }
  }

  async #commit(batch: readonly Move[]): Promise<void> {
    // What reads a lane that did not get there has read what never was.
    const moves: Move[] = [];
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

  #notice(moves: readonly Move[]): string | undefined {
    if (!this.#options.announce) return undefined;
    return payloadOf(
      derivedNotice(
        this.#target,
        moves.map(({ lane, way }) => ({ series: lane.row.series, changed: way.blocks.length > 0 })),
      ),
    );
  }
}

/** What is said when derived series were brought to a revision. */
export function derivedNotice(
  revision: number,
  lanes: readonly { readonly series: number; readonly changed: boolean }[],
): DerivedNotice {
  const changed = new Set(lanes.flatMap((lane) => (lane.changed ? [lane.series] : [])));
  const unchanged = new Set(lanes.flatMap(({ series }) => (changed.has(series) ? [] : [series])));
  return { derived: revision, series: [...changed], unchanged: [...unchanged] };
}

/** As a commit says it; without ids where they are too many to say. */
export function payloadOf(notice: DerivedNotice): string {
  const whole = JSON.stringify(notice);
  return whole.length <= 7_900 ? whole : JSON.stringify({ derived: notice.derived });
}

export function pointsOf({ way }: Move): number {
  return way.blocks.reduce((sum, { column }) => sum + column.t.length, 0);
}

function* batches(moves: readonly Move[]): Generator<Move[]> {
  let batch: Move[] = [];
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
