import { setImmediate } from 'node:timers/promises';
import { SerialQueue } from '../concurrency/serial-queue.ts';
import { everything, type Range } from '../engine/ranges.ts';
import { noValues, type Values } from '../engine/values.ts';
import {
  foldVersions,
  lowerBound,
  mergeVersions,
  type Points,
  sliceVersions,
  type Versions,
} from '../engine/versions.ts';
import type { BlockStepReads } from '../store/batched-reads.ts';
import {
  type BlockStep,
  type BlockStepReader,
  pointsOfSteps,
  type StageView,
  stepBlocksMax,
  walkSteps,
} from '../store/block-reads.ts';

/** The limit of points that are cached for the next reader. */
const keptMax = 2_000_000;

interface Ask {
  readonly from: number;
  readonly until: number;
}

/** Points, complete up to `to`; infinite when no more follow. */
interface Chunk {
  readonly points: Points;
  readonly to: number;
}

interface Part {
  readonly from: number;
  readonly to: number;
  readonly points: Points;
}

/**
 * The points of one storage at a revision, for forward readers. It caches what it has read, because many formulas read
 * the same part of a series.
 */
export class PointSource {
  readonly #read: BlockStepReader;
  readonly #asOf: number;
  readonly #overlay: Versions | undefined;
  readonly #stage: StageView | undefined;
  readonly #walk: { readonly series: number; readonly direction: 'forward'; readonly stage: StageView | undefined };
  /** The cached chunks, adjacent and in order. */
  #parts: Part[] = [];
  #steps: { readonly iterator: AsyncGenerator<BlockStep>; at: number } | undefined;
  readonly #reading = new SerialQueue();
  readonly #asks = new Set<Ask>();
  /** The number of points that were read from the store. */
  pointsRead = 0;

  constructor(reads: BlockStepReads, storage: number, asOf: number, overlay?: Versions, stage?: StageView) {
    this.#read = (asked) => reads.step(asked);
    this.#asOf = asOf;
    this.#overlay = overlay;
    this.#stage = stage;
    this.#walk = { series: storage, direction: 'forward', stage };
  }

  /**
   * Points from an instant on. A caller waits while another one reads, because the result may contain its points.
   * `until` is the end of what it will need, if known: a moderate amount is read at once.
   */
  async chunk(from: number, until = Number.POSITIVE_INFINITY): Promise<Chunk> {
    const found = this.#find(from);
    if (found) return found;
    const ask = { from, until };
    this.#asks.add(ask);
    return this.#reading.run(async () => {
      // Nothing has been read yet: readers that start together share one read.
      if (this.#parts.length === 0) await setImmediate();
      this.#asks.delete(ask);
      return this.#find(from) ?? this.#readFor(ask);
    });
  }

  async #readFor(ask: Ask): Promise<Chunk> {
    const wide = this.#withOthers(ask);
    const taken = await this.#readAsked(wide);
    return wide.from === ask.from ? taken : (this.#find(ask.from) ?? this.#readAsked(ask));
  }

  /** Merges a request with those that it overlaps. */
  #withOthers(ask: Ask): Ask {
    let { from, until } = ask;
    if (until === Number.POSITIVE_INFINITY) return ask;
    const others = [...this.#asks].filter((other) => other.until < everything.to).sort((a, b) => a.from - b.from);
    for (const other of others)
      if (other.until >= from && other.from <= until) {
        from = Math.min(from, other.from);
        until = Math.max(until, other.until);
      }
    return { from, until };
  }

  #find(from: number): Chunk | undefined {
    const part = this.#partOf(from);
    if (!part) return undefined;
    const { t } = part.points;
    return { points: sliceVersions(part.points, lowerBound(t, from), t.length), to: part.to };
  }

  #partOf(instant: number): Part | undefined {
    let low = 0;
    let high = this.#parts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#parts[middle].to <= instant) low = middle + 1;
      else high = middle;
    }
    const part = this.#parts.at(low);
    return part && part.from <= instant ? part : undefined;
  }

  /** Caches a chunk for the next reader, and evicts the oldest chunks above the limit. */
  #keep(part: Part): void {
    if (this.#parts.at(-1)?.to === part.from) this.#parts.push(part);
    else if (this.#parts.at(0)?.from === part.to) this.#parts.unshift(part);
    else this.#parts = [part];
    let points = this.#parts.reduce((sum, each) => sum + each.points.t.length, 0);
    while (this.#parts.length > 1 && points > keptMax) points -= this.#parts.shift()?.points.t.length ?? 0;
  }

  async #readAsked({ from, until }: Ask): Promise<Chunk> {
    const first = this.#parts.at(0);
    if (first && from < first.from) {
      // The request starts before the cache: if the gap is small, only the gap is read.
      const points = await this.#readSpan({ from, to: first.from }, 500_000);
      if (points) {
        this.#keep({ from, to: first.from, points });
        return { points, to: first.from };
      }
    }
    if (from < until && until < everything.to) {
      const range = { from: Math.max(from, everything.from), to: until };
      const step = await this.#read({ ...this.#walk, range, blocks: stepBlocksMax });
      return this.#take(from, step);
    }
    if (this.#steps?.at !== from) {
      await this.#steps?.iterator.return(undefined);
      const start = Math.max(from, everything.from);
      this.#steps = {
        iterator: walkSteps(this.#read, { ...this.#walk, range: { from: start, to: everything.to } }),
        at: from,
      };
    }
    const step = await this.#steps.iterator.next();
    if (step.done) {
      this.#steps = undefined;
      return { points: mergeVersions([]), to: Number.POSITIVE_INFINITY };
    }
    const taken = this.#take(from, step.value);
    this.#steps.at = taken.to;
    return taken;
  }

  /** Caches the points of a read. After the last block, no points follow. */
  #take(from: number, { range, versions, last }: BlockStep): Chunk {
    const isLast = !this.#stage && Math.max(last, this.#overlay?.t.at(-1) ?? last) < range.to;
    const to = isLast || range.to >= everything.to ? Number.POSITIVE_INFINITY : range.to;
    const points = this.#fold(versions, range);
    this.#keep({ from, to, points });
    return { points, to };
  }

  /** An instant from which at least `count` points lie before another one; undefined when there are fewer. */
  async back(before: number, count: number): Promise<number | undefined> {
    const part = this.#partOf(before) ?? this.#parts.at(-1);
    if (part && before > part.from && before <= part.to) {
      const end = lowerBound(part.points.t, before);
      if (end >= count) return part.points.t[end - count];
    }
    const range = { from: everything.from, to: Math.min(before, everything.to) };
    if (range.from >= range.to) return undefined;
    // The overlay may delete some of these points. Points that it adds only move the instant closer than necessary.
    const deleted = this.#overlay?.value.reduce((sum, value) => sum + (Number.isNaN(value) ? 1 : 0), 0) ?? 0;
    const most = count + deleted;
    const steps = walkSteps(this.#read, { ...this.#walk, range, direction: 'backward' });
    const stored = await pointsOfSteps(steps, this.#asOf, most, 'last');
    this.pointsRead += stored.t.length;
    return stored.t.length < most ? undefined : stored.t[0];
  }

  async #readSpan(range: Range, most: number): Promise<Points | undefined> {
    const start = Math.max(range.from, everything.from);
    const parts: Points[] = [];
    let length = 0;
    for await (const step of walkSteps(this.#read, { ...this.#walk, range: { from: start, to: range.to } })) {
      const points = this.#fold(step.versions, step.range);
      length += points.t.length;
      if (length > most) return undefined;
      parts.push(points);
    }
    return mergeVersions(parts);
  }

  #fold(versions: Versions, range: Range): Points {
    this.pointsRead += versions.t.length;
    const overlay = this.#overlay;
    if (!overlay) return foldVersions(versions, this.#asOf);
    const here = sliceVersions(overlay, lowerBound(overlay.t, range.from), lowerBound(overlay.t, range.to));
    return foldVersions(here.t.length === 0 ? versions : mergeVersions([versions, here]), this.#asOf);
  }
}

/** One column of points, without missing entries. */
export function lineOf(points: Points, column: 'value' | 'size'): Values {
  if (column === 'value') return points;
  const { t, size } = points;
  if (!size) return noValues;
  let missing = 0;
  for (let i = 0; i < size.length; i++) if (Number.isNaN(size[i])) missing++;
  if (missing === 0) return { t, value: size };
  const has = (_: number, i: number) => !Number.isNaN(size[i]);
  return { t: t.filter(has), value: size.filter(has) };
}
