import { SerialQueue } from '../concurrency/serial-queue.ts';
import { startOfBucket } from '../engine/bucket.ts';
import { never } from '../engine/horizon.ts';
import { isRecursive, type Plan, type Stage } from '../engine/plan.ts';
import { everything } from '../engine/ranges.ts';
import { clipValues, type Values } from '../engine/values.ts';
import { lowerBound, type Points } from '../engine/versions.ts';
import { type Checkpoints, type LeafSource, type WalkStep, walkStage } from './walk.ts';

/** The inputs of a stage. */
export interface OpenLeaf {
  readonly source: LeafSource;
  readonly column: 'value' | 'size';
}

export const noCheckpoints: Checkpoints = { before: async () => undefined, after: async () => [] };

/** The factor by which a search into the past grows when it found too few points. */
const strideGrowth = 4;

/** The output of a stage, computed on demand and read like a stored series. */
export class StageSource implements LeafSource {
  readonly #stage: Stage;
  readonly #leaves: readonly OpenLeaf[];
  /** The computed points between `from` and `to`, in adjacent chunks. */
  #parts: { readonly line: Values; readonly to: number }[] = [];
  #from = Number.NaN;
  #to = Number.NaN;
  #walk: AsyncGenerator<WalkStep, void> | undefined;
  /** A read advances the computation, so only one caller may read at a time. */
  readonly #reads = new SerialQueue();

  constructor(stage: Stage, leaves: readonly OpenLeaf[]) {
    this.#stage = stage;
    this.#leaves = leaves;
  }

  chunk(from: number): Promise<{ readonly points: Points; readonly to: number }> {
    return this.#reads.run(() => this.#chunk(from));
  }

  back(before: number, count: number): Promise<number | undefined> {
    return this.#reads.run(() => this.#back(before, count));
  }

  async #chunk(from: number): Promise<{ readonly points: Points; readonly to: number }> {
    const start = Math.max(from, everything.from);
    if (!(start >= this.#from && start <= this.#to)) await this.#begin(start);
    while (this.#to <= start) await this.#more();
    const part = this.#parts.find(({ to }) => to > start);
    if (!part) throw new Error(`nothing was computed at ${start}`);
    const { t, value } = clipValues(part.line, start, never);
    return { points: { t, value, revision: new Float64Array(t.length), size: undefined }, to: part.to };
  }

  async #back(before: number, count: number): Promise<number | undefined> {
    if (before <= everything.from) return undefined;
    const end = Math.min(before, everything.to);
    const recursive = isRecursive(this.#stage);
    for (let stride = recursive ? 0 : await this.#strideFor(end, count); ; stride *= strideGrowth) {
      const start = recursive ? everything.from : Math.max(everything.from, end - stride);
      if (!(this.#from <= start && end <= this.#to)) {
        if (!(this.#from <= start)) await this.#begin(start);
        while (this.#to < end) await this.#more();
      }
      const found = this.#before(end, count);
      if (found !== undefined) return found;
      if (start <= everything.from || !(await this.#reachesBefore(start))) return undefined;
    }
  }

  /**
   * The distance into the past that should contain this number of points: a bucket has at least its width, and a leaf
   * at most as many points as rows.
   */
  async #strideFor(end: number, count: number): Promise<number> {
    const { bucket } = this.#stage;
    if (bucket) return bucket.widthMicros * (count + 1);
    const starts = await Promise.all(this.#leaves.map(({ source }) => source.back(end, count)));
    return end - Math.max(...starts.map((start) => start ?? everything.from));
  }

  async #begin(start: number): Promise<void> {
    await this.#walk?.return();
    const { bucket } = this.#stage;
    this.#from = bucket ? startOfBucket(start, bucket.widthMicros) : start;
    this.#to = this.#from;
    this.#parts = [];
    const changes = [{ from: this.#from, to: never }];
    this.#walk = walkStage({
      stage: this.#stage,
      leaves: this.#leaves.map((leaf) => ({ ...leaf, changes })),
      checkpoints: noCheckpoints,
    });
  }

  async #more(): Promise<void> {
    const next = await this.#walk?.next();
    const piece = next?.value?.piece;
    const to = piece && !next.done ? piece.to : never;
    if (piece) this.#parts.push({ line: clipValues(piece.line, this.#to, to), to });
    else this.#parts.push({ line: { t: new Float64Array(0), value: new Float64Array(0) }, to });
    this.#to = Math.max(this.#to, to);
  }

  /** The instant of the count-th cached point before another instant. */
  #before(end: number, count: number): number | undefined {
    let missing = count;
    for (let i = this.#parts.length - 1; i >= 0; i--) {
      const { t } = this.#parts[i].line;
      const there = lowerBound(t, end);
      if (there >= missing) return t[there - missing];
      missing -= there;
    }
    return undefined;
  }

  /** True when there are inputs before an instant. */
  async #reachesBefore(instant: number): Promise<boolean> {
    for (const { source } of this.#leaves) if ((await source.back(instant, 1)) !== undefined) return true;
    return false;
  }
}

/** Opens the leaves of formulas. */
export interface Opening {
  series(key: string): LeafSource;
  /** Wraps the source of a stage to observe its reads; by default the source itself. */
  readonly watch?: (source: LeafSource, stage: Stage) => LeafSource;
}

/** The leaves of every stage of a formula: opened series, and the output of earlier stages. */
export function openStages(plan: Plan, opening: Opening): (readonly OpenLeaf[])[] {
  const { watch = (source) => source } = opening;
  const sources: StageSource[] = [];
  return plan.stages.map((stage) => {
    const leaves = stage.leaves.map((leaf): OpenLeaf => {
      const source = leaf.kind === 'stage' ? sources[leaf.stage] : opening.series(leaf.key);
      return { source: watch(source, stage), column: leaf.kind === 'stage' ? 'value' : leaf.column };
    });
    sources.push(new StageSource(stage, leaves));
    return leaves;
  });
}
