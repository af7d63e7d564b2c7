import { startOfBucket } from '../engine/bucket.ts';
import { always, never } from '../engine/horizon.ts';
import { isRecursive, type Stage } from '../engine/plan.ts';
import type { Range } from '../engine/ranges.ts';
import { feltFor, type Need, reachOf, type StageReach, timesReach } from '../engine/reach.ts';
import { type Piece, StageRun } from '../engine/stage-run.ts';
import { clipValues, joinValues, noValues, type Values } from '../engine/values.ts';
import { lineOf, type PointSource } from './line-source.ts';

/** The points of a leaf; see PointSource. */
export type LeafSource = Pick<PointSource, 'chunk' | 'back'>;

export interface StageInput {
  readonly source: LeafSource;
  readonly column: 'value' | 'size';
  /** The spans in which its points have changed: ascending and disjoint. */
  readonly changes: readonly Range[];
}

/** The state of a run at the end of the data. It continues when points arrive after `at`. */
export interface Tail {
  readonly run: StageRun;
  /** The run has processed all points before this instant. */
  at: number;
  /** The number of points since the last checkpoint. */
  sinceCheckpoint: number;
  /** The point of the open bucket, which the next run may replace. */
  open: Values;
}

export interface Checkpoint {
  readonly t: number;
  readonly states: readonly (readonly number[])[];
}

/** The saved states of a stage from before its leaves changed. */
export interface Checkpoints {
  /** The last checkpoint at or before an instant. */
  before(t: number): Promise<Checkpoint | undefined>;
  /** The first checkpoints after an instant, ascending. */
  after(t: number, count: number): Promise<readonly Checkpoint[]>;
}

export interface WalkStep {
  readonly piece: Piece;
  /** A state that is new or differs from the saved one. */
  readonly checkpoint: Checkpoint | undefined;
  /** The instant at which the effect of the change ends, as far as known; infinite otherwise. */
  readonly changedUntil: number;
  /** The number of leaf points that were processed. */
  readonly points: number;
  /** Set with the last piece if the walk reached the end of the data. */
  readonly tail: Tail | undefined;
}

export interface Walk {
  readonly stage: Stage;
  readonly leaves: readonly StageInput[];
  readonly checkpoints: Checkpoints;
  /** The number of leaf points between two checkpoints of a recursive stage. */
  readonly checkpointPoints?: number | undefined;
  /** The limit of leaf points. Above it the walk throws TooFar. */
  readonly pointsMax?: number | undefined;
}

/** The walk is too long for a pass and needs a backfill. */
export class TooFar extends Error {}

/** The default number of points between two checkpoints. */
export const checkpointPoints = 2_048;

/** The size of one chunk: small while the end of the change is searched, then large. */
const chunkPointsMin = 512;
const chunkPointsMax = 16_384;

/** The number of checkpoints that one read fetches. */
const checkpointsAhead = 32;

/**
 * A start that proves too late is moved back four times as far, this number of times; then the walk starts at the
 * beginning.
 */
const deepenings = 6;

/** A buffer that reads the points of one leaf ahead. */
class Feed {
  readonly #leaf: StageInput;
  #line: Values = noValues;
  /** The instants up to which and from which points are buffered. */
  to: number;
  #from: number;

  constructor(leaf: StageInput, from: number) {
    this.#leaf = leaf;
    this.to = from;
    this.#from = from;
  }

  /**
   * Reads until a point after an instant is buffered, or no more points exist. `until` is the end of what the caller
   * will need.
   */
  async fill(beyond: number, until: number): Promise<void> {
    while (this.to <= beyond && this.to !== never) {
      const { points, to } = await this.#leaf.source.chunk(this.to, until);
      const rest = clipValues(this.#line, this.#from, never);
      this.#line = joinValues([rest, lineOf(points, this.#leaf.column)]);
      this.to = to;
    }
  }

  /** Removes and returns the points up to an instant. */
  take(upTo: number): Values {
    const line = clipValues(this.#line, this.#from, upTo);
    this.#from = upTo;
    return line;
  }

  /** The instant after this number of points, as far as points are buffered. */
  cut(points: number): number {
    const { t } = clipValues(this.#line, this.#from, never);
    return t.length > points ? t[points] : this.to;
  }

  /** The last buffered instant. */
  get last(): number {
    return this.#line.t.length > 0 ? this.#line.t[this.#line.t.length - 1] : always;
  }
}

/** The stored checkpoints, overlaid by those of this walk, which may not be stored yet. */
class Noted implements Checkpoints {
  readonly #stored: Checkpoints;
  readonly #here: Checkpoint[] = [];

  constructor(stored: Checkpoints) {
    this.#stored = stored;
  }

  /** Must be called in ascending order. */
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
 * Computes a stage again wherever a change of its leaves has an effect, from the first change on, piece by piece.
 * Points outside the pieces stay as they were.
 */
export async function* walkStage(walk: Walk): AsyncGenerator<WalkStep, void> {
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
    // Requested together with the reads that find the start.
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
      // The end of the change, or of its effect, is often known early. Nothing beyond it is read or computed.
      if (next < changes.length && changes[next].from <= at) end = Math.min(end, Math.max(changes[next].to, at + 1));
      else if (run.clean > at) end = Math.min(end, run.clean);
      // No points follow the buffered ones, and no checkpoint is left to compare with.
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
        ? { run, at: upTo, sinceCheckpoint, open: stage.bucket ? lastOf(piece.line) : noValues }
        : undefined;
      const changedUntil = run.clean > piece.from ? run.clean : never;
      yield {
        piece: { ...piece, to: Math.min(piece.to, Math.max(piece.from, run.clean)) },
        checkpoint,
        changedUntil,
        points: run.points - counted,
        tail,
      };
      counted = run.points;
      if (ends) return;
      // Before the first change, in a bucket that started earlier, everything is unchanged too.
      if (run.clean > at || run.clean === always) continue;
      // If the next change is already buffered, the run continues to it instead of starting again behind the gap.
      const near = next < changes.length && feeds.every(({ to }) => to > changes[next].from);
      if (!near) break;
    }
    passed += run.points;
  }
}

export function lastOf({ t, value }: Values): Values {
  return { t: t.slice(-1), value: value.slice(-1) };
}

/** A run whose output is certain at `wanted`, and buffers that continue from there. */
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
      // A leaf that starts later has no points until then.
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

/** The start of a run, if every need is multiplied by `times`; undefined for the beginning of the data. */
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
