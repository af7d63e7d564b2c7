import { startOfBucket } from '../engine/bucket.ts';
import { always, never } from '../engine/horizon.ts';
import { clipLine, emptyLine, joinLines, type Line } from '../engine/line.ts';
import { isRecursive, type Stage } from '../engine/plan.ts';
import type { Range } from '../engine/ranges.ts';
import { feltFor, type Need, reachOf, type StageReach, timesReach } from '../engine/reach.ts';
import { type Piece, StageRun } from '../engine/stage-run.ts';
import { lineOf, type PointSource } from './line-source.ts';

/** Where the points of a leaf come from; see PointSource. */
export type LeafSource = Pick<PointSource, 'chunk' | 'back'>;

export interface Leaf {
  readonly source: LeafSource;
  readonly column: 'value' | 'size';
  /** Where its points are others than they were, ascending, disjoint. */
  readonly changes: readonly Range[];
}

/** What is left of a run at the end of the data: it can go on when points come behind `at`. */
export interface Tail {
  readonly run: StageRun;
  /** All points before this instant were given to it. */
  at: number;
  /** How many points there were since the last checkpoint. */
  sinceCheckpoint: number;
  /** The last piece, when it may be given again: a bucket that is not over. */
  open: Line;
}

export interface Checkpoint {
  readonly t: number;
  readonly states: readonly (readonly number[])[];
}

/** The states of a stage as they were before the leaves changed. */
export interface Checkpoints {
  /** The last one at or before an instant. */
  before(t: number): Promise<Checkpoint | undefined>;
  /** The first ones behind an instant, ascending. */
  after(t: number, count: number): Promise<readonly Checkpoint[]>;
}

export interface Walked {
  readonly piece: Piece;
  /** A state that is new, or another one than before. */
  readonly checkpoint: Checkpoint | undefined;
  /** Where it will have ended that a change is felt, as far as that is known; infinite when it is not. */
  readonly felt: number;
  /** How many points of leaves were gone through for it. */
  readonly points: number;
  /** Set with the last piece when the walk came to the end of the data. */
  readonly tail: Tail | undefined;
}

export interface Walk {
  readonly stage: Stage;
  readonly leaves: readonly Leaf[];
  readonly checkpoints: Checkpoints;
  /** After so many points of its leaves, the state of a recursive stage is kept. */
  readonly checkpointPoints?: number | undefined;
  /** More points of its leaves than this are not gone through: it ends with TooFar. */
  readonly pointsMax?: number | undefined;
}

/** The way is too long to go in one piece. */
export class TooFar extends Error {}

/** So many of them, unless a walk says otherwise. */
export const checkpointPoints = 2_048;

/** How many points a run is given at once: while it is looked for where a change ends few, then many. */
const chunkPointsMin = 512;
const chunkPointsMax = 16_384;

/** How many checkpoints are asked for at once. */
const checkpointsAhead = 32;

/** A start that proves too late is tried so many times further back, each time four times as far; then from the beginning. */
const deepenings = 6;

/** The points of one leaf, read ahead. */
class Feed {
  readonly #leaf: Leaf;
  #line: Line = emptyLine;
  /** Up to where points are here, and from where. */
  to: number;
  #from: number;

  constructor(leaf: Leaf, from: number) {
    this.#leaf = leaf;
    this.to = from;
    this.#from = from;
  }

  /** Reads until there is something behind an instant, or nothing more at all. `until` is how much will be wanted. */
  async fill(beyond: number, until: number): Promise<void> {
    while (this.to <= beyond && this.to !== never) {
      const { points, to } = await this.#leaf.source.chunk(this.to, until);
      const rest = clipLine(this.#line, this.#from, never);
      this.#line = joinLines([rest, lineOf(points, this.#leaf.column)]);
      this.to = to;
    }
  }

  /** The points up to an instant, which are then gone. */
  take(upTo: number): Line {
    const line = clipLine(this.#line, this.#from, upTo);
    this.#from = upTo;
    return line;
  }

  /** The instant behind so many points, as far as it is read. */
  cut(points: number): number {
    const { t } = clipLine(this.#line, this.#from, never);
    return t.length > points ? t[points] : this.to;
  }

  /** The last instant that is here. */
  get last(): number {
    return this.#line.t.length > 0 ? this.#line.t[this.#line.t.length - 1] : always;
  }
}

/** Checkpoints, and in place of them those of this walk, which need not have been stored yet. */
class Noted implements Checkpoints {
  readonly #stored: Checkpoints;
  readonly #here: Checkpoint[] = [];

  constructor(stored: Checkpoints) {
    this.#stored = stored;
  }

  /** In ascending order. */
  add(checkpoint: Checkpoint): void {
    this.#here.push(checkpoint);
  }

  async before(t: number): Promise<Checkpoint | undefined> {
    const stored = await this.#stored.before(t);
    const here = this.#here.findLast((checkpoint) => checkpoint.t <= t);
    return here && (!stored || here.t >= stored.t) ? here : stored;
  }

  after(t: number, count: number): Promise<readonly Checkpoint[]> {
    return this.#stored.after(t, count);
  }
}

/**
 * Computes a stage again wherever its changed leaves can be felt, from the first change on, piece by piece. What a piece
 * does not cover is as it was.
 */
export async function* walkStage(walk: Walk): AsyncGenerator<Walked, void> {
  const { leaves, stage, checkpointPoints: keptAfter = checkpointPoints, pointsMax = never } = walk;
  const changes = leaves
    .flatMap(({ changes: spans }, leaf) => spans.map((span) => ({ leaf, ...span })))
    .sort((a, b) => a.from - b.from);
  const noted = new Noted(walk.checkpoints);
  const recursive = isRecursive(stage);
  const longest = feltFor(stage);
  let next = 0;
  let passed = 0;
  while (next < changes.length) {
    const first = changes[next].from;
    const wanted = stage.bucket ? startOfBucket(first, stage.bucket.widthMicros) : first;
    const horizon = changes[next].to + longest;
    // Asked for together with what is asked for to begin.
    let ahead = recursive ? walk.checkpoints.after(wanted, checkpointsAhead) : undefined;
    ahead?.catch(() => undefined);
    const { run, feeds } = await begin({ ...walk, checkpoints: noted, pointsMax: pointsMax - passed }, wanted, horizon);
    let known: Checkpoint[] = [];
    let more = recursive;
    let at = wanted;
    let chunkPoints = chunkPointsMin;
    let sinceCheckpoint = 0;
    let counted = 0;
    const clean = leaves.map(() => always);
    for (;;) {
      const until = run.clean > at ? run.clean : horizon;
      for (const feed of feeds) await feed.fill(at, until);
      let end = Math.min(...feeds.map((feed) => feed.cut(chunkPoints)));
      while (known.length > 0 && known[0].t <= at) known.shift();
      if (more && known.length === 0) {
        known = [...(await (ahead ?? walk.checkpoints.after(at, checkpointsAhead)))];
        ahead = undefined;
        more = known.length === checkpointsAhead;
      }
      if (known.length > 0) end = Math.min(end, known[0].t);
      // Where the change ends, or can be felt no more, is soon known of most: no more is read and computed than that.
      if (next < changes.length && changes[next].from <= at) end = Math.min(end, Math.max(changes[next].to, at + 1));
      else if (run.clean > at) end = Math.min(end, run.clean);
      // Nothing is left to come behind what is here, and nothing to compare with.
      const last = Math.max(...feeds.map((feed) => feed.last));
      if (known.length === 0 && end > last && feeds.every((feed) => feed.to === never)) end = never;
      let changed = false;
      while (next < changes.length && changes[next].from < end) {
        const { leaf, to } = changes[next++];
        clean[leaf] = Math.max(clean[leaf], to);
        changed = true;
      }
      if (changed) clean.forEach((from, leaf) => void run.setClean(leaf, from));
      if (end <= at) throw new Error(`a walk stands still at ${at}`);
      const ends = end === never;
      const upTo = ends ? Math.max(at, last + 1) : end;
      const before = run.points;
      const piece = run.push(
        feeds.map((feed) => feed.take(end)),
        upTo,
        ends,
      );
      sinceCheckpoint += run.points - before;
      chunkPoints = Math.min(chunkPoints * 2, recursive ? keptAfter : chunkPointsMax);
      at = end;
      let checkpoint: Checkpoint | undefined;
      if (recursive) {
        const stood = known.length > 0 && known[0].t === upTo ? known[0] : undefined;
        if (stood) {
          if (!run.compare(upTo, stood.states)) checkpoint = { t: upTo, states: run.states() };
          sinceCheckpoint = 0;
        } else if (sinceCheckpoint >= keptAfter) {
          checkpoint = { t: upTo, states: run.states() };
          sinceCheckpoint = 0;
        }
      }
      if (checkpoint) noted.add(checkpoint);
      if (passed + run.points > pointsMax) throw new TooFar();
      const tail = ends
        ? { run, at: upTo, sinceCheckpoint, open: stage.bucket ? lastOf(piece.line) : emptyLine }
        : undefined;
      const felt = run.clean > piece.from ? run.clean : never;
      yield {
        piece: { ...piece, to: Math.min(piece.to, Math.max(piece.from, run.clean)) },
        checkpoint,
        felt,
        points: run.points - counted,
        tail,
      };
      counted = run.points;
      if (ends) return;
      // Before the first change is reached, in a bucket that began before it, everything is clean as well.
      if (run.clean > at || run.clean === always) continue;
      // What is read already is gone through rather than begun anew behind the gap.
      const near = next < changes.length && feeds.every(({ to }) => to > changes[next].from);
      if (!near) break;
    }
    passed += run.points;
  }
}

export function lastOf({ t, value }: Line): Line {
  return { t: t.slice(-1), value: value.slice(-1) };
}

/** A run that is certain of what it gives at `wanted`, and feeds that go on from there. */
async function begin(walk: Walk, wanted: number, horizon: number): Promise<{ run: StageRun; feeds: Feed[] }> {
  const reach = reachOf(walk.stage);
  for (let attempt = 0; ; attempt++) {
    const found = attempt < deepenings ? await startOf(walk, reach, wanted, 4 ** attempt) : undefined;
    const start = found ?? { from: walk.leaves.map(() => always) };
    const run = new StageRun(walk.stage, { ...start, wanted });
    const feeds = walk.leaves.map((leaf, i) => new Feed(leaf, start.from[i]));
    await warmUp(run, feeds, wanted, horizon, walk.pointsMax);
    if (run.certain <= wanted) return { run, feeds };
    if (!found) throw new Error(`a run from the beginning is not certain of what it gives at ${wanted}`);
  }
}

async function warmUp(
  run: StageRun,
  feeds: readonly Feed[],
  wanted: number,
  horizon: number,
  pointsMax = Number.POSITIVE_INFINITY,
): Promise<void> {
  for (let at: number = always; at < wanted; ) {
    let end = wanted;
    for (const feed of feeds) {
      // A leaf that begins later has nothing to give until then.
      if (feed.to <= at || feed.to === always) await feed.fill(Math.max(at, feed.to), horizon);
      end = Math.min(end, feed.to);
    }
    run.push(
      feeds.map((feed) => feed.take(end)),
      end,
      false,
    );
    if (run.points > pointsMax) throw new TooFar();
    at = end;
  }
}

/** Where a run has to begin, if everything reaches so many times as far as is thought; undefined: at the beginning. */
async function startOf(walk: Walk, reach: StageReach, wanted: number, times: number) {
  const anchors = [wanted];
  const back = async (leaf: number, need: Need): Promise<number> => {
    const { micros, points } = timesReach(need, times);
    const instant = anchors[need.anchor] - micros;
    if (points === 0) return instant;
    return (await walk.leaves[leaf].source.back(instant, points)) ?? always;
  };
  const checkpoints: Checkpoint[] = [];
  for (const needs of reach.checkpoints) {
    const ways = needs.flatMap((need) => need.leaves.map((leaf) => back(leaf, need)));
    const latest = Math.min(anchors[anchors.length - 1], ...(await Promise.all(ways)));
    const checkpoint = latest === always ? undefined : await walk.checkpoints.before(latest);
    if (!checkpoint) return undefined;
    checkpoints.push(checkpoint);
    anchors.push(checkpoint.t);
  }
  const from = await Promise.all(
    reach.leaves.map(async (needs, leaf) =>
      Math.min(wanted, ...(await Promise.all(needs.map((need) => back(leaf, need))))),
    ),
  );
  const states = reach.anchors.map((anchor, i) => {
    const { t, states } = checkpoints[anchor - 1];
    return { t, state: states[i] };
  });
  return { from, states };
}
