import type { PointSource } from '../derive/line-source.ts';
import { noCheckpoints } from '../derive/stage-source.ts';
import {
  type Checkpoint,
  type Checkpoints,
  checkpointPoints,
  lastOf,
  type Tail,
  TooFar,
  type WalkStep,
  walkStage,
} from '../derive/walk.ts';
import { never } from '../engine/horizon.ts';
import { clipLine, emptyLine, joinLines, type Line } from '../engine/line.ts';
import type { Piece } from '../engine/stage-run.ts';
import { foldVersions, lowerBound, type Points, type Versions } from '../engine/versions.ts';
import type { BatchedReads as Reads, BlockStepReads as StepReads } from '../store/batched-reads.ts';
import type { Column } from '../store/block-columns.ts';
import { everything, type Range, stepBlocksMax, stepBlocksMin, stepGrowth } from '../store/block-reads.ts';
import type { CheckpointRow } from '../store/lanes.ts';
import type { Lane } from './book.ts';

/** Instants that lie so close together are taken for one change: to go on is cheaper than to begin again. */
const togetherMicros = 5_000_000;
const spansMax = 5_000;

/** The spans that versions touch, ascending. */
export function spansOf({ t }: Pick<Versions, 't'>): Range[] {
  let together = togetherMicros;
  for (;;) {
    const spans: { from: number; to: number }[] = [];
    for (let i = 0; i < t.length; i++) {
      const last = spans[spans.length - 1];
      if (last && t[i] - last.to <= together) last.to = t[i] + 1;
      else spans.push({ from: t[i], to: t[i] + 1 });
    }
    if (spans.length <= spansMax) return spans;
    together *= 8;
  }
}

/** What a stage now says that its storage did not: points, and deletions of points. */
export class Changes {
  #parts: Column[] = [];
  length = 0;

  /** Puts a piece in place of what was there. */
  replace({ line, from, to }: Piece, stood: Line): void {
    const before = clipLine(stood, from, to);
    const start = lowerBound(line.t, from);
    const end = lowerBound(line.t, to);
    if (before.t.length === 0) {
      this.#push({ t: line.t.subarray(start, end), value: line.value.subarray(start, end), size: undefined });
      return;
    }
    const most = end - start + before.t.length;
    const t = new Float64Array(most);
    const value = new Float64Array(most);
    let n = 0;
    let j = 0;
    for (let i = start; i < end || j < before.t.length; ) {
      const now = i < end ? line.t[i] : Number.POSITIVE_INFINITY;
      const then = j < before.t.length ? before.t[j] : Number.POSITIVE_INFINITY;
      if (now < then) {
        t[n] = now;
        value[n++] = line.value[i++];
      } else if (then < now) {
        t[n] = then;
        value[n++] = Number.NaN;
        j++;
      } else {
        if (!Object.is(line.value[i], before.value[j])) {
          t[n] = now;
          value[n++] = line.value[i];
        }
        i++;
        j++;
      }
    }
    this.#push({ t: t.subarray(0, n), value: value.subarray(0, n), size: undefined });
  }

  #push(column: Column): void {
    if (column.t.length === 0) return;
    this.#parts.push(column);
    this.length += column.t.length;
  }

  /** Everything so far as one column, which is then gone from here. */
  take(): Column {
    const parts = this.#parts;
    this.#parts = [];
    const { length } = this;
    this.length = 0;
    if (parts.length === 1) return parts[0];
    const whole = { t: new Float64Array(length), value: new Float64Array(length), size: undefined };
    let at = 0;
    for (const { t, value } of parts) {
      whole.t.set(t, at);
      whole.value.set(value, at);
      at += t.length;
    }
    return whole;
  }
}

/** What a storage holds at a revision, for pieces that come in the order of time. */
export class Stored {
  readonly #reads: StepReads;
  readonly #storage: number | undefined;
  readonly #asOf: number;
  /** What is here without a gap, and how much is read at once while it is not known how much will be wanted. */
  #line: Line = emptyLine;
  #from = Number.NaN;
  #to = Number.NaN;
  #blocks = stepBlocksMin;

  /** undefined: it holds nothing. */
  constructor(reads: StepReads, storage: number | undefined, asOf: number) {
    this.#reads = reads;
    this.#storage = storage;
    this.#asOf = asOf;
  }

  /** What a piece is to be compared with. */
  async under({ piece: { from, to }, felt }: WalkStep): Promise<Line> {
    if (this.#storage === undefined || from >= to) return emptyLine;
    if (!(from >= this.#from && from <= this.#to)) {
      this.#line = emptyLine;
      this.#from = from;
      this.#to = Math.max(from, everything.from);
      this.#blocks = stepBlocksMin;
    }
    this.#line = clipLine(this.#line, from, never);
    while (this.#to < to) await this.#read(this.#storage, felt === never ? never : Math.max(felt, to));
    return clipLine(this.#line, from, to);
  }

  async #read(series: number, until: number): Promise<void> {
    const known = until !== never;
    const range = { from: this.#to, to: Math.min(until, everything.to) };
    const blocks = known ? stepBlocksMax : this.#blocks;
    const step = await this.#reads.step({ series, range, direction: 'forward', blocks });
    if (!known) this.#blocks = Math.min(this.#blocks * stepGrowth, stepBlocksMax);
    this.#line = joinLines([this.#line, foldVersions(step.versions, this.#asOf)]);
    this.#to = step.last < step.range.to ? never : step.range.to;
  }
}

export function storedCheckpoints(reads: Pick<Reads, 'checkpoints'>, definition: number, stage: number): Checkpoints {
  return {
    before: async (t) => (await reads.checkpoints({ definition, stage, side: 'before', t, count: 1 })).at(0),
    after: (t, count) => reads.checkpoints({ definition, stage, side: 'after', t, count }),
  };
}

/** What a lane reads, at the revision that it is to reflect. */
export interface Scene {
  readonly reads: StepReads & Pick<Reads, 'checkpoints'>;
  /** Where the lane stands. */
  readonly basis: number;
  readonly target: number;
  /** The points of a storage at the target. */
  source(storage: number): PointSource;
  /** What changed in a storage between the lane's basis and the target; undefined: nothing. */
  changed(storage: number): Versions | undefined;
  /** Told of what a stage gives, before the next stage reads it. */
  write(storage: number, column: Column): void;
}

export interface Brought {
  readonly blocks: { readonly storage: number; readonly column: Column }[];
  readonly checkpoints: CheckpointRow[];
  readonly tails: (Tail | undefined)[];
  /** How many points of leaves went through. */
  readonly points: number;
}

/**
 * So many points through so many operators, or so many changes, go with the other lanes, which wait for them; more take a
 * job of their own.
 */
export const passWorkMax = 1_500_000;
const passChangesMax = 600_000;

/** Brings a lane from its basis to the target: everything that differs then. */
export async function bring(lane: Lane, scene: Scene): Promise<Brought> {
  const brought: Brought = { blocks: [], checkpoints: [], tails: [], points: 0 };
  let points = 0;
  let work = 0;
  for (let stage = 0; stage < lane.plan.stages.length; stage++) {
    const changed = lane.leaves[stage].map(({ storage }) => scene.changed(storage));
    const tail = lane.tails[stage];
    if (changed.every((versions) => versions === undefined)) {
      brought.tails.push(tail);
      continue;
    }
    const storage = lane.row.storages[stage];
    const changes = new Changes();
    const note = (checkpoint: Checkpoint | undefined) => {
      if (checkpoint) brought.checkpoints.push({ definition: lane.row.id, stage, ...checkpoint });
    };
    if (tail && changed.every((versions) => versions === undefined || versions.t[0] >= tail.at)) {
      points += appendTo(tail, lane, stage, changed, changes, note, scene.target);
      brought.tails.push(tail);
    } else {
      const isNew = scene.basis < 0;
      const stored = new Stored(scene.reads, isNew ? undefined : storage, scene.basis);
      const leaves = lane.leaves[stage].map((leaf, i) => ({
        source: scene.source(leaf.storage),
        column: leaf.column,
        changes: isNew ? [everything] : changed[i] ? spansOf(changed[i]) : [],
      }));
      const weight = Math.max(1, lane.plan.stages[stage].nodes.length);
      const walk = {
        stage: lane.plan.stages[stage],
        pointsMax: (passWorkMax - work) / weight,
        leaves,
        checkpoints: isNew ? noCheckpoints : storedCheckpoints(scene.reads, lane.row.id, stage),
      };
      let end: WalkStep['tail'];
      let felt = 0;
      for await (const walked of walkStage(walk)) {
        const { piece, checkpoint, tail: reached, points: passed } = walked;
        changes.replace(piece, await stored.under(walked));
        note(checkpoint);
        end = reached;
        felt = piece.to;
        points += passed;
        work += passed * weight;
        if (changes.length > passChangesMax) throw new TooFar();
      }
      // What is felt no more where the last pass ended has left what remembers as it was.
      brought.tails.push(end ?? (tail && felt <= tail.at ? tail : undefined));
    }
    if (changes.length > 0) {
      const column = changes.take();
      brought.blocks.push({ storage, column });
      scene.write(storage, column);
    }
  }
  return { ...brought, points };
}

/** Goes on from where the last pass ended, by points that all lie behind it. */
function appendTo(
  tail: Tail,
  lane: Lane,
  stage: number,
  changed: readonly (Versions | undefined)[],
  changes: Changes,
  note: (checkpoint: Checkpoint) => void,
  target: number,
): number {
  let last = tail.at - 1;
  const lines = changed.map((versions, i) => {
    if (!versions) return emptyLine;
    const points = foldVersions(versions, target);
    if (points.t.length > 0) last = Math.max(last, points.t[points.t.length - 1]);
    return lane.leaves[stage][i].column === 'value' ? points : sizesOf(points);
  });
  const before = tail.run.points;
  const piece = tail.run.push(lines, last + 1, true);
  const passed = tail.run.points - before;
  changes.replace(piece, tail.open);
  if (lane.plan.stages[stage].bucket) tail.open = piece.line.t.length > 0 ? lastOf(piece.line) : tail.open;
  tail.at = last + 1;
  tail.sinceCheckpoint += passed;
  if (tail.sinceCheckpoint >= checkpointPoints) {
    const states = tail.run.states();
    if (states.length > 0) note({ t: tail.at, states });
    tail.sinceCheckpoint = 0;
  }
  return passed;
}

function sizesOf({ t, size }: Points): Line {
  if (!size) return emptyLine;
  const has = (_: number, i: number) => !Number.isNaN(size[i]);
  return { t: t.filter(has), value: size.filter(has) };
}

/** A column that is about to be written, as the versions that it will be. */
export function versionsOf(column: Column, revision: number): Versions {
  return {
    t: column.t,
    value: column.value,
    size: undefined,
    revision: new Float64Array(column.t.length).fill(revision),
  };
}
