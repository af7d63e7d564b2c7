import { startOfBucket } from '../engine/bucket.ts';
import { never } from '../engine/horizon.ts';
import { feltFor } from '../engine/reach.ts';
import { clipVersions, type Versions } from '../engine/versions.ts';
import type { CheckpointRequest as AskedCheckpoints, BatchedReads as Reads } from '../store/batched-reads.ts';
import {
  type BlockStepRequest as AskedStep,
  everything,
  type Range,
  type BlockStep as Step,
  stepBlocksMax,
  stepBlocksMin,
} from '../store/block-reads.ts';
import type { CheckpointRow } from '../store/lanes.ts';
import type { Lane } from './lane-registry.ts';

/** With more storages than this the lanes of a pass have enough to do while some of them wait. */
const storagesMax = 32;

/** How much is read behind a change of which it is not known how long it will be felt. */
const aheadBlocks = 2;

/** A little more than is thought is read, to see that nothing follows. */
const slack = 1 / 8;

interface Seen {
  /** Where the change is thought to begin: what lies before it is asked for only of what others read. */
  readonly at: number;
  readonly before: Promise<Step> | undefined;
  readonly behind: Promise<Step>;
}

/**
 * What the lanes of a pass will read of each other's storages, and of what stood there, is known when it is known what
 * changed: it is asked for at once, not when its turn has come. Where this is wrong it is read again.
 */
export class Foresight implements Pick<Reads, 'step' | 'checkpoints'> {
  readonly #reads: Reads;
  readonly #seen = new Map<number, Seen>();

  constructor(reads: Reads) {
    this.#reads = reads;
  }

  /** `changed` is what changed in the sources of lanes, which come each behind those that it reads. */
  look(lanes: readonly Lane[], changed: ReadonlyMap<number, Versions>): void {
    const spans = new Map<number, Range>();
    for (const [storage, { t }] of changed)
      if (t.length > 0) spans.set(storage, { from: t[0], to: t[t.length - 1] + 1 });
    const sources = new Set(spans.keys());
    const read = new Map<number, Range>();
    const inner = new Set<number>();
    for (const lane of lanes) {
      for (const [n, stage] of lane.plan.stages.entries()) {
        const storages = lane.leaves[n].map(({ storage }) => storage);
        const felt = storages.flatMap((storage) => spans.get(storage) ?? []);
        if (felt.length === 0) continue;
        const first = Math.min(...felt.map(({ from }) => from));
        const last = Math.max(...felt.map(({ to }) => to));
        const tail = lane.tails[n];
        const span = {
          from: stage.bucket ? startOfBucket(first, stage.bucket.widthMicros) : first,
          to: last + feltFor(stage),
        };
        spans.set(lane.row.storages[n], span);
        if (tail && first >= tail.at) continue;
        if (lane.basis >= 0) read.set(lane.row.storages[n], span);
        for (const storage of storages) if (!sources.has(storage)) inner.add(storage);
      }
    }
    if (read.size > storagesMax) return;
    for (const [storage, span] of read) this.#expect(storage, span, inner.has(storage));
  }

  async step(asked: AskedStep): Promise<Step> {
    const seen = asked.stage ? undefined : this.#seen.get(asked.series);
    const { from, to } = asked.range;
    const isBefore = seen && (asked.direction === 'forward' ? from < seen.at : to <= seen.at);
    const step = await (isBefore ? seen.before : seen?.behind);
    const { range } = step ?? { range: { from: never, to: never } };
    const isHere =
      asked.direction === 'forward' ? range.from <= from && from < range.to : range.from < to && to <= range.to;
    return step && isHere ? cut(step, asked.range) : this.#reads.step(asked);
  }

  checkpoints(asked: AskedCheckpoints): Promise<readonly CheckpointRow[]> {
    return this.#reads.checkpoints(asked);
  }

  #expect(series: number, { from, to }: Range, isRead: boolean): void {
    const at = Math.max(from, everything.from);
    const known = to !== never;
    const until = known ? Math.min(to + (to - at) * slack, everything.to) : everything.to;
    const behind = this.#reads.step({
      series,
      range: { from: at, to: Math.ceil(until) },
      direction: 'forward',
      blocks: known ? stepBlocksMax : aheadBlocks,
    });
    const before =
      isRead && at > everything.from
        ? this.#reads.step({
            series,
            range: { from: everything.from, to: at },
            direction: 'backward',
            blocks: stepBlocksMin,
          })
        : undefined;
    // Whoever needs it hears of a failure.
    behind.catch(() => undefined);
    before?.catch(() => undefined);
    this.#seen.set(series, { at, before, behind });
  }
}

function cut({ range, versions, last }: Step, { from, to }: Range): Step {
  const part = { from: Math.max(range.from, from), to: Math.min(range.to, to) };
  return { range: part, versions: clipVersions(versions, part.from, part.to), last };
}
