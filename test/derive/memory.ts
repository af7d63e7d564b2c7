import type { Checkpoint, Checkpoints, Leaf, LeafSource, Walked } from '../../src/derive/walk.ts';
import { walkStage } from '../../src/derive/walk.ts';
import type { Plan } from '../../src/engine/plan.ts';
import { mergeVersions, type Points } from '../../src/engine/versions.ts';
import type { Range } from '../../src/store/read.ts';

/** A series in memory: what is there now, by instant. */
export type Held = Map<number, { readonly value: number; readonly size: number | undefined }>;

export function pointsOf(held: Held): Points {
  const t = Float64Array.from([...held.keys()].sort((a, b) => a - b));
  const value = t.map((instant) => held.get(instant)?.value ?? Number.NaN);
  const size = t.map((instant) => held.get(instant)?.size ?? Number.NaN);
  return { t, value, size, revision: new Float64Array(t.length) };
}

/** Gives points in chunks of a given size, and counts what it gave. */
export class MemorySource implements LeafSource {
  readonly #points: Points;
  readonly #chunk: number;
  given = 0;

  constructor(points: Points, chunk: number) {
    this.#points = points;
    this.#chunk = chunk;
  }

  async chunk(from: number): Promise<{ points: Points; to: number }> {
    const { t, value, size, revision } = this.#points;
    let start = 0;
    while (start < t.length && t[start] < from) start++;
    const end = Math.min(t.length, start + this.#chunk);
    this.given += end - start;
    const part = (column: Float64Array) => column.subarray(start, end);
    const points = { t: part(t), value: part(value), size: size && part(size), revision: part(revision) };
    return { points, to: end < t.length ? t[end] : Number.POSITIVE_INFINITY };
  }

  async back(before: number, count: number): Promise<number | undefined> {
    const earlier = this.#points.t.filter((instant) => instant < before);
    return earlier.length < count ? undefined : earlier[earlier.length - count];
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

/** A formula whose stages are kept in memory, as a lane keeps them in the store. */
export class MemoryLane {
  readonly plan: Plan;
  readonly outputs: Output[];
  readonly checkpoints: MemoryCheckpoints[];

  constructor(plan: Plan) {
    this.plan = plan;
    this.outputs = plan.stages.map(() => new Map());
    this.checkpoints = plan.stages.map(() => new MemoryCheckpoints());
  }

  get output(): Output {
    return this.outputs[this.outputs.length - 1];
  }

  /** Computes again what changed; returns how many points of leaves were given to runs and how many outputs changed. */
  async bring(series: ReadonlyMap<string, Held>, changes: ReadonlyMap<string, readonly Range[]>, chunk: number) {
    const counts = { given: 0, written: 0 };
    const stageChanges: Range[][] = [];
    for (const [i, stage] of this.plan.stages.entries()) {
      const leaves: Leaf[] = stage.leaves.map((leaf) => {
        if (leaf.kind === 'stage') {
          const held: Held = new Map(
            [...this.outputs[leaf.stage]].map(([t, value]) => [t, { value, size: undefined }]),
          );
          return {
            source: new MemorySource(pointsOf(held), chunk),
            column: 'value',
            changes: stageChanges[leaf.stage],
          };
        }
        return {
          source: new MemorySource(pointsOf(series.get(leaf.key) ?? new Map()), chunk),
          column: leaf.column,
          changes: changes.get(leaf.key) ?? [],
        };
      });
      const changed: number[] = [];
      const apply = ({ piece, checkpoint, points }: Walked) => {
        counts.given += points;
        if (checkpoint) this.checkpoints[i].kept.set(checkpoint.t, checkpoint);
        const { from, to, line } = piece;
        const output = this.outputs[i];
        const now = new Map<number, number>();
        line.t.forEach((t, k) => {
          if (t >= from && t < to) now.set(t, line.value[k]);
        });
        for (const t of output.keys()) {
          if (t >= from && t < to && !now.has(t)) {
            output.delete(t);
            changed.push(t);
          }
        }
        for (const [t, value] of now) {
          if (output.has(t) && Object.is(output.get(t), value)) continue;
          output.set(t, value);
          changed.push(t);
        }
      };
      for await (const walked of walkStage({ stage, leaves, checkpoints: this.checkpoints[i] })) apply(walked);
      counts.written += changed.length;
      stageChanges.push(changed.sort((a, b) => a - b).map((t) => ({ from: t, to: t + 1 })));
    }
    return counts;
  }
}

export function empty(): Points {
  return mergeVersions([]);
}
