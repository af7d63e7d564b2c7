import type { Checkpoints, WalkStep } from '../derive/walk.ts';
import { never } from '../engine/horizon.ts';
import { everything } from '../engine/ranges.ts';
import { clipValues, joinValues, noValues, type Values } from '../engine/values.ts';
import { foldVersions } from '../engine/versions.ts';
import type { BatchedReads, BlockStepReads } from '../store/batched-reads.ts';
import { stepBlocksMax, stepBlocksMin, stepGrowth } from '../store/block-reads.ts';

/** The points of a storage at a revision, read for pieces in ascending order of time. */
export class StoredPoints {
  readonly #reads: BlockStepReads;
  readonly #storage: number | undefined;
  readonly #asOf: number;
  /** The points that were read and are still needed, without a gap from `#from` to `#to`. */
  #line: Values = noValues;
  #from = Number.NaN;
  #to = Number.NaN;
  /** The number of blocks of the next read; it grows while the end of the change is unknown. */
  #blocks = stepBlocksMin;

  /** `storage` undefined: nothing is stored. */
  constructor(reads: BlockStepReads, storage: number | undefined, asOf: number) {
    this.#reads = reads;
    this.#storage = storage;
    this.#asOf = asOf;
  }

  /** The points that the storage holds within a piece. */
  async within({ piece: { from, to }, changedUntil }: WalkStep): Promise<Values> {
    if (this.#storage === undefined || from >= to) return noValues;
    if (!(from >= this.#from && from <= this.#to)) {
      this.#line = noValues;
      this.#from = from;
      this.#to = Math.max(from, everything.from);
      this.#blocks = stepBlocksMin;
    }
    this.#line = clipValues(this.#line, from, never);
    while (this.#to < to) await this.#read(this.#storage, changedUntil === never ? never : Math.max(changedUntil, to));
    return clipValues(this.#line, from, to);
  }

  async #read(series: number, until: number): Promise<void> {
    const known = until !== never;
    const range = { from: this.#to, to: Math.min(until, everything.to) };
    const blocks = known ? stepBlocksMax : this.#blocks;
    const step = await this.#reads.step({ series, range, direction: 'forward', blocks });
    if (!known) this.#blocks = Math.min(this.#blocks * stepGrowth, stepBlocksMax);
    this.#line = joinValues([this.#line, foldVersions(step.versions, this.#asOf)]);
    this.#to = step.last < step.range.to ? never : step.range.to;
  }
}

export function storedCheckpoints(
  reads: Pick<BatchedReads, 'checkpoints'>,
  definition: number,
  stage: number,
): Checkpoints {
  return {
    before: async (t) => (await reads.checkpoints({ definition, stage, side: 'before', t, count: 1 })).at(0),
    after: (t, count) => reads.checkpoints({ definition, stage, side: 'after', t, count }),
  };
}
