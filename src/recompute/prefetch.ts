import { startOfBucket } from '../engine/bucket.ts';
import { never } from '../engine/horizon.ts';
import { everything, type Range } from '../engine/ranges.ts';
import { feltFor } from '../engine/reach.ts';
import { clipVersions, type Versions } from '../engine/versions.ts';
import type { BatchedReads, CheckpointRequest } from '../store/batched-reads.ts';
import { type BlockStep, type BlockStepRequest, stepBlocksMax, stepBlocksMin } from '../store/block-reads.ts';
import type { CheckpointRow } from '../store/lanes.ts';
import type { Lane } from './lane-registry.ts';

/** With more storages than this a pass prefetches nothing: enough lanes can compute while others wait for their reads. */
const storagesMax = 32;

/** The number of blocks to read after a change when the end of its effect is unknown. */
const aheadBlocks = 2;

/** The share by which a span is read further than expected, to see that nothing follows. */
const slack = 1 / 8;

interface Prefetched {
  /** The expected start of the change. The points before it are read for storages only that other lanes read. */
  readonly at: number;
  readonly before: Promise<BlockStep> | undefined;
  readonly after: Promise<BlockStep>;
}

/**
 * When the changes of the sources are known, it is nearly known which parts of their storages the lanes of a pass will read. This
 * reads them at once, before the lanes ask. A lane that needs another part reads it itself.
 */
export class Prefetch implements Pick<BatchedReads, 'step' | 'checkpoints'> {
  readonly #reads: BatchedReads;
  readonly #prefetched = new Map<number, Prefetched>();

  constructor(reads: BatchedReads) {
    this.#reads = reads;
  }

  /** Starts the reads of lanes, each after those that it reads, whose sources have these changes. */
  start(lanes: readonly Lane[], changed: ReadonlyMap<number, Versions>): void {
    const spans = new Map<number, Range>();
    for (const [storage, { t }] of changed)
      if (t.length > 0) spans.set(storage, { from: t[0], to: t[t.length - 1] + 1 });
    const sources = new Set(spans.keys());
    const read = new Map<number, Range>();
    const inner = new Set<number>();
    for (const lane of lanes) {
      for (const [n, stage] of lane.plan.stages.entries()) {
        const storages = lane.leaves[n].map(({ storage }) => storage);
        const changedSpans = storages.flatMap((storage) => spans.get(storage) ?? []);
        if (changedSpans.length === 0) continue;
        const first = Math.min(...changedSpans.map(({ from }) => from));
        const last = Math.max(...changedSpans.map(({ to }) => to));
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
    for (const [storage, span] of read) this.#read(storage, span, inner.has(storage));
  }

  async step(asked: BlockStepRequest): Promise<BlockStep> {
    const found = asked.stage ? undefined : this.#prefetched.get(asked.series);
    const { from, to } = asked.range;
    const isBefore = found && (asked.direction === 'forward' ? from < found.at : to <= found.at);
    const step = await (isBefore ? found.before : found?.after);
    const { range } = step ?? { range: { from: never, to: never } };
    const isHere =
      asked.direction === 'forward' ? range.from <= from && from < range.to : range.from < to && to <= range.to;
    return step && isHere ? cut(step, asked.range) : this.#reads.step(asked);
  }

  checkpoints(asked: CheckpointRequest): Promise<readonly CheckpointRow[]> {
    return this.#reads.checkpoints(asked);
  }

  #read(series: number, { from, to }: Range, isRead: boolean): void {
    const at = Math.max(from, everything.from);
    const known = to !== never;
    const until = known ? Math.min(to + (to - at) * slack, everything.to) : everything.to;
    const after = this.#reads.step({
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
    // A lane that needs them sees the error.
    after.catch(() => undefined);
    before?.catch(() => undefined);
    this.#prefetched.set(series, { at, before, after });
  }
}

function cut({ range, versions, last }: BlockStep, { from, to }: Range): BlockStep {
  const part = { from: Math.max(range.from, from), to: Math.min(range.to, to) };
  return { range: part, versions: clipVersions(versions, part.from, part.to), last };
}
