import { lineOf } from '../derive/line-source.ts';
import { noCheckpoints } from '../derive/stage-source.ts';
import {
  type Checkpoint,
  type Checkpoints,
  checkpointPoints,
  type LeafSource,
  lastOf,
  type Tail,
  TooFar,
  walkStage,
} from '../derive/walk.ts';
import { never } from '../engine/horizon.ts';
import { everything, type Range } from '../engine/ranges.ts';
import { noValues } from '../engine/values.ts';
import { foldVersions, type Versions } from '../engine/versions.ts';
import type { BlockStepReads } from '../store/batched-reads.ts';
import type { Column } from '../store/block-columns.ts';
import type { Block, CheckpointRow } from '../store/lanes.ts';
import { spansFrom, spansOf } from './changes.ts';
import type { Lane } from './lane-registry.ts';
import { StageDiff } from './stage-diff.ts';
import { StoredPoints } from './stored-stage.ts';

/** The changes of a leaf: as versions when they are in memory, otherwise only where they are; undefined when there are none. */
export type LeafChanges = Versions | readonly Range[] | undefined;

/** The data that a lane is computed from. */
export interface AdvanceContext {
  readonly reads: BlockStepReads;
  /** The revision that the lane reflects; below 0 when it was never computed. */
  readonly basis: number;
  readonly target: number;
  /** The points of a storage at the target. */
  source(storage: number): LeafSource;
  /** The changes of each leaf of a stage between the basis and the target. */
  changes(stage: number): readonly LeafChanges[] | Promise<readonly LeafChanges[]>;
  /** The stored checkpoints of a stage; undefined when none can be stored. */
  checkpoints(stage: number): Checkpoints | undefined;
}

/** How much is computed at once, and who hears of it on the way. */
export interface AdvancePolicy {
  /** Earlier stages are complete, and of this one everything before `done`. */
  readonly start?: { readonly stage: number; readonly done: number } | undefined;
  /** More work (points of leaves times operators) or more changed points than this end with TooFar. */
  readonly workMax?: number;
  readonly changesMax?: number;
  /** Called after each piece, with the instant up to which its stage is complete. 'stop' ends the computation there. */
  readonly onPiece?: (stage: number, done: number) => Promise<'go on' | 'stop'>;
  /** Called when a stage is complete, before the next one reads its points. */
  readonly onStage?: (stage: number, column: Column) => Promise<'go on' | 'stop'> | undefined;
}

/** The computed points and checkpoints of a lane that are not written yet. */
export class LaneOutput {
  blocks: Block[] = [];
  checkpoints: CheckpointRow[] = [];
  /** One for each stage that is complete. */
  readonly tails: (Tail | undefined)[] = [];
  /** The number of points of leaves that runs were given. */
  points = 0;
  /** The changes of the stage that is being computed. */
  readonly diff = new StageDiff();

  /** Makes a block of the changes so far. */
  cut(storage: number): Column {
    const column = this.diff.take();
    if (column.t.length > 0) this.blocks.push({ storage, column });
    return column;
  }

  /** Returns the blocks and checkpoints and forgets them. */
  take(): { readonly blocks: readonly Block[]; readonly checkpoints: readonly CheckpointRow[] } {
    const { blocks, checkpoints } = this;
    this.blocks = [];
    this.checkpoints = [];
    return { blocks, checkpoints };
  }
}

/**
 * Computes everything of a lane that differs between its basis and the target, stage by stage. A stage whose changes all lie
 * behind its tail continues from the tail; otherwise it is computed again from the first change on. Returns 'stopped' when the
 * policy ended it early.
 */
export async function advanceLane(
  lane: Lane,
  context: AdvanceContext,
  policy: AdvancePolicy,
  output: LaneOutput,
): Promise<'complete' | 'stopped'> {
  const { workMax = never, changesMax = never } = policy;
  const first = policy.start?.stage ?? 0;
  let work = 0;
  for (let stage = first; stage < lane.plan.stages.length; stage++) {
    const changes = await context.changes(stage);
    const tail = lane.tails[stage];
    const { diff } = output;
    const note = (checkpoint: Checkpoint | undefined) => {
      if (checkpoint) output.checkpoints.push({ definition: lane.row.id, stage, ...checkpoint });
    };
    if (changes.every((each) => each === undefined)) output.tails.push(tail);
    else if (tail && liesBehind(changes, tail.at)) {
      output.points += appendTo(tail, lane, stage, changes, diff, note, context.target);
      output.tails.push(tail);
    } else {
      const isNew = context.basis < 0;
      const stored = new StoredPoints(context.reads, isNew ? undefined : lane.row.storages[stage], context.basis);
      const done = stage === first ? (policy.start?.done ?? everything.from) : everything.from;
      const weight = Math.max(1, lane.plan.stages[stage].nodes.length);
      const walk = walkStage({
        stage: lane.plan.stages[stage],
        pointsMax: (workMax - work) / weight,
        leaves: lane.leaves[stage].map(({ storage, column }, i) => ({
          source: context.source(storage),
          column,
          changes: spansFrom(isNew ? [everything] : spansOfChanges(changes[i]), done),
        })),
        checkpoints: context.checkpoints(stage) ?? noCheckpoints,
      });
      let end: Tail | undefined;
      let upTo = 0;
      for await (const walked of walk) {
        diff.replace(walked.piece, await stored.within(walked));
        note(walked.checkpoint);
        end = walked.tail;
        upTo = walked.piece.to;
        output.points += walked.points;
        work += walked.points * weight;
        if (diff.length > changesMax) throw new TooFar();
        if (policy.onPiece && (await policy.onPiece(stage, upTo)) === 'stop') return 'stopped';
      }
      // A change whose effects end before the old tail leaves the tail as it was.
      output.tails.push(end ?? (tail && upTo <= tail.at ? tail : undefined));
    }
    const ended = policy.onStage?.(stage, output.cut(lane.row.storages[stage]));
    if (ended && (await ended) === 'stop') return 'stopped';
  }
  return 'complete';
}

function isVersions(changes: Versions | readonly Range[]): changes is Versions {
  return 't' in changes;
}

function spansOfChanges(changes: LeafChanges): readonly Range[] {
  if (!changes) return [];
  return isVersions(changes) ? spansOf(changes) : changes;
}

/** Whether all changes are versions at or after an instant. */
function liesBehind(changes: readonly LeafChanges[], instant: number): changes is readonly (Versions | undefined)[] {
  return changes.every((each) => each === undefined || (isVersions(each) && each.t[0] >= instant));
}

/** Continues from a tail with points that all lie behind it; returns the number of points. */
function appendTo(
  tail: Tail,
  lane: Lane,
  stage: number,
  changes: readonly (Versions | undefined)[],
  diff: StageDiff,
  note: (checkpoint: Checkpoint) => void,
  target: number,
): number {
  let last = tail.at - 1;
  const lines = changes.map((versions, i) => {
    if (!versions) return noValues;
    const points = foldVersions(versions, target);
    if (points.t.length > 0) last = Math.max(last, points.t[points.t.length - 1]);
    return lineOf(points, lane.leaves[stage][i].column);
  });
  const before = tail.run.points;
  const piece = tail.run.push(lines, last + 1, true);
  const passed = tail.run.points - before;
  diff.replace(piece, tail.open);
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
