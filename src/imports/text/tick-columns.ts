import type { TickBatch } from './tick-batch.ts';

/** Ticks as growing columns. */
export class TickColumns {
  count = 0;
  #series: Int32Array;
  #t: Float64Array;
  #value: Float64Array;
  #size: Float64Array;
  #line: Float64Array;
  #sized = false;

  constructor(capacity: number) {
    this.#series = new Int32Array(capacity);
    this.#t = new Float64Array(capacity);
    this.#value = new Float64Array(capacity);
    this.#size = new Float64Array(capacity);
    this.#line = new Float64Array(capacity);
  }

  add(series: number, t: number, value: number, size: number, line: number): void {
    const at = this.count++;
    if (at === this.#t.length) this.#grow();
    this.#series[at] = series;
    this.#t[at] = t;
    this.#value[at] = value;
    this.#size[at] = size;
    this.#line[at] = line;
    if (!Number.isNaN(size)) this.#sized = true;
  }

  taken(): Pick<TickBatch, 'count' | 'series' | 't' | 'value' | 'size' | 'line'> {
    const { count } = this;
    return {
      count,
      series: this.#series.subarray(0, count),
      t: this.#t.subarray(0, count),
      value: this.#value.subarray(0, count),
      size: this.#sized ? this.#size.subarray(0, count) : undefined,
      line: this.#line.subarray(0, count),
    };
  }

  #grow(): void {
    const length = this.#t.length * 2;
    const series = new Int32Array(length);
    series.set(this.#series);
    this.#series = series;
    const longer = (column: Float64Array) => {
      const grown = new Float64Array(length);
      grown.set(column);
      return grown;
    };
    this.#t = longer(this.#t);
    this.#value = longer(this.#value);
    this.#size = longer(this.#size);
    this.#line = longer(this.#line);
  }
}
