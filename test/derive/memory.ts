import {
  type Checkpoint,
  type Checkpoints,
  checkpointPoints,
  type LeafSource,
  lastOf,
  type StageInput,
  type Tail,
  type WalkStep,
  walkStage,
} from '../../src/derive/walk.ts';
import type { Plan, Stage } from '../../src/engine/plan.ts';
import type { Range } from '../../src/engine/ranges.ts';
import { type Piece, StageRun } from '../../src/engine/stage-run.ts';
import { clipValues, type Values } from '../../src/engine/values.ts';
import { lowerBound, type Points, sliceVersions } from '../../src/engine/versions.ts';

/** A series in memory: what is there now, by instant. */
export type Held = Map<number, { readonly value: number; readonly size: number | undefined }>;

export function pointsOf(held: Held): Points {
  const t = Float64Array.from(held.keys()).sort();
  const value = t.map((instant) => held.get(instant)?.value ?? Number.NaN);
  const size = t.map((instant) => held.get(instant)?.size ?? Number.NaN);
  return { t, value, size, revision: new Float64Array(t.length) };
}

function pointsOfOutput(output: Output): Points {
  const t = Float64Array.from(output.keys()).sort();
  const value = t.map((instant) => output.get(instant) ?? Number.NaN);
  return { t, value, size: undefined, revision: new Float64Array(t.length) };
}

/** Gives points in chunks of a given size, and counts them: those that were looked back at as well. */
export class MemorySource implements LeafSource {
  readonly #points: Points;
  readonly #chunk: number;
  given = 0;

  constructor(points: Points, chunk: number) {
    this.#points = points;
    this.#chunk = chunk;
  }

  async chunk(from: number): Promise<{ points: Points; to: number }> {
    const { t } = this.#points;
    const start = lowerBound(t, from);
    const end = Math.min(t.length, start + this.#chunk);
    this.given += end - start;
    return {
      points: sliceVersions(this.#points, start, end),
      to: end < t.length ? t[end] : Number.POSITIVE_INFINITY,
    };
  }

  async back(before: number, count: number): Promise<number | undefined> {
    const { t } = this.#points;
    const end = lowerBound(t, before);
    this.given += Math.min(count, end);
    return end < count ? undefined : t[end - count];
  }
}

export class MemoryCheckpoints implements Checkpoints {
  readonly kept = new Map<number, Checkpoint>();

  #sorted(): Checkpoint[] {
    return [...this.kept.values()].sort((a, b) => a.t - b.t);
  }

  async before(t: number): Promise<Checkpoint | undefined> {
    return this.#sorted()
      .filter((each) => each.t <= t)
      .at(-1);
  }

  async after(t: number, count: number): Promise<Checkpoint[]> {
    return this.#sorted()
      .filter((each) => each.t > t)
      .slice(0, count);
  }
}

/** The points of a storage, by instant. */
export type Output = Map<number, number>;

export interface LaneHabits {
  /** After so many points of its leaves the state of a recursive stage is kept. */
  readonly checkpointPoints?: number;
  /** Goes on from the end of the data, as a lane does whose tail is still in memory, when all that changed lies behind it. */
  readonly keepsTails?: boolean;
}

export interface Counts {
  /** How many points of leaves were given to runs. */
  given: number;
  /** How many points were read of leaves. */
  read: number;
  /** How often a point was put, replaced or deleted. */
  written: number;
  /** How many stages were appended to rather than walked. */
  appended: number;
}

/** A formula whose stages are kept in memory, as a lane keeps them in the store. */
export class MemoryLane {
  readonly plan: Plan;
  readonly outputs: Output[];
  readonly checkpoints: MemoryCheckpoints[];
  readonly #habits: LaneHabits;
  readonly #tails: (Tail | undefined)[] = [];

  constructor(plan: Plan, habits: LaneHabits = {}) {
    this.plan = plan;
    this.outputs = plan.stages.map(() => new Map());
    this.checkpoints = plan.stages.map(() => new MemoryCheckpoints());
    this.#habits = habits;
  }

  get output(): Output {
    return this.outputs[this.outputs.length - 1];
  }

  /** Computes again what changed. */
  async bring(series: ReadonlyMap<string, Held>, changes: ReadonlyMap<string, readonly Range[]>, chunk: number) {
    const counts: Counts = { given: 0, read: 0, written: 0, appended: 0 };
    const stageChanges: Range[][] = [];
    for (const [i, stage] of this.plan.stages.entries()) {
      const sources = stage.leaves.map((leaf) =>
        leaf.kind === 'stage'
          ? pointsOfOutput(this.outputs[leaf.stage])
          : pointsOf(series.get(leaf.key) ?? (new Map() as Held)),
      );
      const leaves = stage.leaves.map((leaf, k) => ({
        source: new MemorySource(sources[k], chunk),
        column: leaf.kind === 'stage' ? ('value' as const) : leaf.column,
        changes: (leaf.kind === 'stage' ? stageChanges[leaf.stage] : changes.get(leaf.key)) ?? [],
      }));
      const changed = new Set<number>();
      const tail = this.#tails[i];
      const froms = leaves.flatMap((leaf) => leaf.changes.map(({ from }) => from));
      if (froms.length > 0) {
        if (tail && Math.min(...froms) >= tail.at) {
          counts.appended++;
          this.#append(i, tail, sources, leaves, counts, changed);
        } else await this.#walk(i, stage, leaves, counts, changed);
      }
      for (const { source } of leaves) counts.read += source.given;
      stageChanges.push([...changed].sort((a, b) => a - b).map((t) => ({ from: t, to: t + 1 })));
    }
    return counts;
  }

  async #walk(
    i: number,
    stage: Stage,
    leaves: readonly StageInput[],
    counts: Counts,
    changed: Set<number>,
  ): Promise<void> {
    const walk = {
      stage,
      leaves,
      checkpoints: this.checkpoints[i],
      checkpointPoints: this.#habits.checkpointPoints,
    };
    let tail: WalkStep['tail'];
    // As a lane stores them: when all is done.
    const noted: Checkpoint[] = [];
    for await (const walked of walkStage(walk)) {
      counts.given += walked.points;
      if (walked.checkpoint) noted.push(walked.checkpoint);
      this.#replace(i, walked.piece, counts, changed);
      tail = walked.tail;
    }
    for (const checkpoint of noted) this.#keep(i, checkpoint);
    if (this.#habits.keepsTails) this.#tails[i] = tail;
  }

  #append(
    i: number,
    tail: Tail,
    sources: readonly Points[],
    leaves: readonly StageInput[],
    counts: Counts,
    changed: Set<number>,
  ): void {
    let last = tail.at - 1;
    const lines = sources.map((points, k) => {
      const line = clipValues(lineOfColumn(points, leaves[k].column), tail.at, Number.POSITIVE_INFINITY);
      const { t } = points;
      if (t.length > 0) last = Math.max(last, t[t.length - 1]);
      return line;
    });
    const before = tail.run.points;
    const piece = tail.run.push(lines, last + 1, true);
    counts.given += tail.run.points - before;
    const stood = [...this.outputs[i].keys()].filter((t) => t >= piece.from);
    const open = [...tail.open.t].filter((t) => t >= piece.from);
    // What a lane takes for granted that appends without reading what stands there.
    if (stood.join() !== open.join()) throw new Error(`at ${stood} stand points, and ${open} were said to be open`);
    this.#replace(i, piece, counts, changed);
    if (this.plan.stages[i].bucket && piece.line.t.length > 0) tail.open = lastOf(piece.line);
    tail.at = last + 1;
    tail.sinceCheckpoint += tail.run.points - before;
    if (tail.sinceCheckpoint < (this.#habits.checkpointPoints ?? checkpointPoints)) return;
    const states = tail.run.states();
    if (states.length > 0) this.#keep(i, { t: tail.at, states });
    tail.sinceCheckpoint = 0;
  }

  #keep(i: number, checkpoint: Checkpoint): void {
    this.checkpoints[i].kept.set(checkpoint.t, checkpoint);
  }

  #replace(i: number, { from, to, line }: Piece, counts: Counts, changed: Set<number>): void {
    const output = this.outputs[i];
    const now = new Map<number, number>();
    line.t.forEach((t, k) => {
      if (t >= from && t < to) now.set(t, line.value[k]);
    });
    const note = (t: number) => {
      changed.add(t);
      counts.written++;
    };
    for (const t of output.keys()) {
      if (t < from || t >= to || now.has(t)) continue;
      output.delete(t);
      note(t);
    }
    for (const [t, value] of now) {
      if (output.has(t) && Object.is(output.get(t), value)) continue;
      output.set(t, value);
      note(t);
    }
  }
}

/** A plan in one go, without a walk: each stage is a run from the first point to the last, given all there is at once. */
export function atOnce(plan: Plan, series: ReadonlyMap<string, Held>): Output[] {
  const lines: Values[] = [];
  for (const stage of plan.stages) {
    const run = new StageRun(stage, {
      from: stage.leaves.map(() => Number.NEGATIVE_INFINITY),
      wanted: Number.NEGATIVE_INFINITY,
    });
    const leaves = stage.leaves.map((leaf) =>
      leaf.kind === 'stage'
        ? lines[leaf.stage]
        : lineOfColumn(pointsOf(series.get(leaf.key) ?? (new Map() as Held)), leaf.column),
    );
    lines.push(run.push(leaves, Number.POSITIVE_INFINITY, true).line);
  }
  return lines.map(({ t, value }) => new Map(Array.from(t, (instant, i) => [instant, value[i]])));
}

function lineOfColumn({ t, value, size }: Points, column: 'value' | 'size'): Values {
  if (column === 'value') return { t, value };
  const has = t.map((_, i) => (size === undefined || Number.isNaN(size[i]) ? 0 : 1));
  return { t: t.filter((_, i) => has[i] === 1), value: (size ?? value).filter((_, i) => has[i] === 1) };
}
