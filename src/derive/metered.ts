import { SerialQueue } from '../concurrency/serial-queue.ts';
import type { Stage } from '../engine/plan.ts';
import { sliceVersions } from '../engine/versions.ts';
import type { ComputeMeter } from './compute-budget.ts';
import type { Opening } from './stage-source.ts';
import type { LeafSource } from './walk.ts';

/** A source that counts the points it has read. */
type CountedSource = LeafSource & { readonly pointsRead: number };

/** Opens the leaves of formulas so that reading and computing are charged to the budget. Each series is opened once. */
export function metered(read: (key: string) => CountedSource, effort: ComputeMeter): Opening {
  const sources = new Map<string, LeafSource>();
  return {
    series: (key) => {
      const source = sources.get(key) ?? new MeteredSource(read(key), effort);
      sources.set(key, source);
      return source;
    },
    watch: (source, stage) => new PortionedSource(source, stage, effort),
  };
}

/** The points of one storage; each read is charged. */
class MeteredSource implements LeafSource {
  readonly #source: CountedSource;
  readonly #effort: ComputeMeter;
  /** One read at a time, so that each is charged for its own points. */
  readonly #reads = new SerialQueue();
  #paid = 0;

  constructor(source: CountedSource, effort: ComputeMeter) {
    this.#source = source;
    this.#effort = effort;
  }

  chunk(from: number) {
    return this.#paying(() => this.#source.chunk(from));
  }

  back(before: number, count: number) {
    return this.#paying(() => this.#source.back(before, count));
  }

  #paying<T>(read: () => Promise<T>): Promise<T> {
    return this.#reads.run(async () => {
      const answer = await read();
      const points = this.#source.pointsRead - this.#paid;
      this.#paid = this.#source.pointsRead;
      this.#effort.read(points);
      return answer;
    });
  }
}

/** Feeds a leaf to a stage in portions, each charged for the computation that it causes. */
class PortionedSource implements LeafSource {
  readonly #source: LeafSource;
  readonly #effort: ComputeMeter;
  readonly #operators: number;
  readonly #leaves: number;

  constructor(source: LeafSource, { nodes, bucket, leaves }: Stage, effort: ComputeMeter) {
    this.#source = source;
    this.#effort = effort;
    this.#operators = Math.max(1, nodes.length + (bucket ? 1 : 0));
    this.#leaves = leaves.length;
  }

  async chunk(from: number) {
    await this.#effort.rest();
    const { points, to } = await this.#source.chunk(from);
    const count = Math.min(points.t.length, this.#effort.pointsAtOnce(this.#operators * this.#leaves));
    this.#effort.compute(count, this.#operators);
    if (count === points.t.length) return { points, to };
    return { points: sliceVersions(points, 0, count), to: points.t[count] };
  }

  async back(before: number, count: number) {
    await this.#effort.rest();
    return this.#source.back(before, count);
  }
}
