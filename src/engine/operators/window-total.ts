import { Total } from '../exact/total.ts';
import type { Runner, Window } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { skipUnknown, WindowRows } from './window.ts';

/** Runs over the exact totals of a window. */
export class WindowTotal implements Runner {
  readonly #held: WindowRows;
  readonly #total = new Total();

  readonly #gives: 'sum' | 'mean';

  constructor(window: Window, gives: 'sum' | 'mean') {
    this.#held = new WindowRows(window, 1);
    this.#gives = gives;
  }

  run(rows: Rows, out: Float64Array): void {
    const held = this.#held;
    const total = this.#total;
    const { rowsMin } = held;
    const averages = this.#gives === 'mean';
    for (let at = skipUnknown(rows, out); at < rows.length; ) {
      const count = held.take(rows, at);
      const { first, starts } = held;
      const x = held.columns[0];
      let leaving = held.head;
      total.prepare(x, leaving, first, first + count);
      for (let k = 0; k < count; k++) {
        const start = starts[k];
        while (leaving < start) total.remove(x[leaving++]);
        total.add(x[first + k]);
        const n = first + k + 1 - start;
        if (total.tired(n)) total.prepare(x, start, first + k + 1, first + count);
        out[at + k] = n < rowsMin ? Number.NaN : averages ? total.mean(n) : total.value();
      }
      at += count;
    }
  }

  bytes(): number {
    return this.#held.bytes() + this.#total.bytes();
  }
}
