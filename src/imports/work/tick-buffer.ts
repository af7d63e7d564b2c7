import type { Column } from '../../store/block-columns.ts';
import type { TickBatch } from '../text/tick-batch.ts';

interface Arrays {
  readonly slot: Int32Array;
  readonly t: Float64Array;
  readonly value: Float64Array;
  readonly size: Float64Array;
}

function arraysOf(length: number): Arrays {
  return {
    slot: new Int32Array(length),
    t: new Float64Array(length),
    value: new Float64Array(length),
    size: new Float64Array(length),
  };
}

/**
 * The number of series whose columns are built at a time. The columns of all series could need more memory than the
 * ticks.
 */
const seriesPerPart = 2_048;

/** The index of a key in the file, and its ticks. */
export interface BufferedColumn {
  readonly slot: number;
  readonly column: Column;
}

/** Ticks that were read but not staged yet, in file order. It reuses its arrays. */
export class TickBuffer {
  #given: Arrays;
  /** The same ticks sorted by series, filled by `take`. */
  #sorted: Arrays;
  #count = 0;
  #sized = false;
  #slots = 0;

  constructor(ticks: number) {
    this.#given = arraysOf(ticks);
    this.#sorted = arraysOf(0);
  }

  get count(): number {
    return this.#count;
  }

  /** Adds the ticks of a batch, except those of series that `takes` refuses. */
  add(batch: TickBatch, takes: (slot: number) => boolean): void {
    this.#makeRoom(this.#count + batch.count);
    const { slot, t, value, size } = this.#given;
    this.#slots = Math.max(this.#slots, batch.keys.length);
    if (batch.size && !this.#sized) size.fill(Number.NaN, 0, this.#count);
    this.#sized ||= batch.size !== undefined;
    let n = this.#count;
    for (let i = 0; i < batch.count; i++) {
      const one = batch.series[i];
      if (!takes(one)) continue;
      slot[n] = one;
      t[n] = batch.t[i];
      value[n] = batch.value[i];
      if (this.#sized) size[n] = batch.size ? batch.size[i] : Number.NaN;
      n++;
    }
    this.#count = n;
  }

  /** Yields the ticks of each series in file order, some series at a time. The buffer is empty after the last one. */
  *take(): Generator<readonly BufferedColumn[]> {
    const count = this.#count;
    const { slot, t, value, size } = this.#given;
    const starts = new Int32Array(this.#slots + 1);
    for (let i = 0; i < count; i++) starts[slot[i] + 1]++;
    for (let i = 0; i < this.#slots; i++) starts[i + 1] += starts[i];
    const columnOf = (of: Arrays, from: number, to: number): Column => ({
      t: of.t.subarray(from, to),
      value: of.value.subarray(from, to),
      size: this.#sized ? of.size.subarray(from, to) : undefined,
    });
    let from = this.#given;
    if (count > 0 && starts[slot[0] + 1] - starts[slot[0]] < count) {
      if (this.#sorted.t.length < t.length) this.#sorted = arraysOf(t.length);
      from = this.#sorted;
      const next = starts.slice();
      for (let i = 0; i < count; i++) {
        const at = next[slot[i]]++;
        from.t[at] = t[i];
        from.value[at] = value[i];
        if (this.#sized) from.size[at] = size[i];
      }
    }
    let columns: BufferedColumn[] = [];
    for (let i = 0; i < this.#slots; i++) {
      if (starts[i + 1] > starts[i]) columns.push({ slot: i, column: columnOf(from, starts[i], starts[i + 1]) });
      if (columns.length < seriesPerPart) continue;
      yield columns;
      columns = [];
    }
    if (columns.length > 0) yield columns;
    this.#count = 0;
    this.#sized = false;
  }

  #makeRoom(length: number): void {
    const { slot, t, value, size } = this.#given;
    if (length <= t.length) return;
    const larger = arraysOf(Math.max(length, t.length + (t.length >> 1)));
    larger.slot.set(slot);
    larger.t.set(t);
    larger.value.set(value);
    larger.size.set(size);
    this.#given = larger;
  }
}
