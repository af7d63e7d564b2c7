import { PairMoments } from '../exact/pair-moments.ts';
import type { Runner, Window } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { skipUnknown, WindowRows } from './window.ts';

/** A result computed from the moments of two columns. */
export interface PairForm {
  /** The columns whose squares it needs. */
  readonly squares: { readonly x: boolean; readonly y: boolean };
  /** The second column is time, in microseconds. */
  readonly overTime?: boolean;
  /** Computed from two rows on. NaN: no point. */
  value(moments: PairMoments, n: number): number;
}

/** Runs over the moments of a window's first column and of its second one, or of time. */
export class WindowPair implements Runner {
  readonly #held: WindowRows;
  readonly #moments: PairMoments;
  readonly #form: PairForm;

  constructor(window: Window, form: PairForm) {
    this.#held = form.overTime ? new WindowRows(window, 1, { t: true }) : new WindowRows(window, 2);
    this.#moments = new PairMoments(form.squares);
    this.#form = form;
  }

  run(rows: Rows, out: Float64Array): void {
    const held = this.#held;
    const moments = this.#moments;
    const form = this.#form;
    const rowsMin = Math.max(2, held.rowsMin);
    for (let at = skipUnknown(rows, out); at < rows.length; ) {
      const count = held.take(rows, at);
      const { first, starts } = held;
      const x = held.columns[0];
      const y = form.overTime ? held.t : held.columns[1];
      let leaving = held.head;
      moments.prepare(x, y, leaving, first, first + count);
      for (let k = 0; k < count; k++) {
        const start = starts[k];
        for (; leaving < start; leaving++) moments.add(x[leaving], y[leaving], -1);
        moments.add(x[first + k], y[first + k], 1);
        const n = first + k + 1 - start;
        if (moments.tired(n)) moments.prepare(x, y, start, first + k + 1, first + count);
        out[at + k] = n < rowsMin ? Number.NaN : form.value(moments, n);
      }
      at += count;
    }
  }

  bytes(): number {
    return this.#held.bytes() + this.#moments.bytes();
  }
}
