import { ExactSum } from '../exact-sum.ts';
import type { RowOperator, Runner } from '../operator.ts';
import type { Rows } from '../rows.ts';

/** A larger change counts as no point, so that the sum of two changes stays a double. */
const changeMax = 2 ** 1022;
/** Averages with a smaller sum count as 0: on a flat series they would otherwise decay into subnormal numbers. */
const movementMin = 2 ** -960;

class Rsi implements Runner {
  readonly #span: number;
  /** The number of changes, up to the span; -1 before the first value. */
  #changes = -1;
  #last = 0;
  readonly #gainSum = new ExactSum();
  readonly #lossSum = new ExactSum();
  #gain = 0;
  #loss = 0;

  constructor(span: number) {
    this.#span = span;
  }

  run({ length, columns: [x] }: Rows, out: Float64Array): void {
    let i = 0;
    while (i < length) {
      if (this.#changes === -1) {
        this.#begin(x[i]);
        out[i++] = Number.NaN;
      } else if (this.#changes < this.#span) i = this.#seed(x, i, length, out);
      else i = this.#follow(x, i, length, out);
    }
  }

  bytes(): number {
    return 300;
  }

  /**
   * Empty before the first value. Then: the number of changes up to the span, and the last value. Below the span: the
   * number of terms in the sum of gains, its terms, and the terms of the sum of losses. From the span on: the two
   * averages.
   */
  state(): number[] {
    if (this.#changes === -1) return [];
    if (this.#changes === this.#span) return [this.#changes, this.#last, this.#gain, this.#loss];
    const gains = this.#gainSum.expansion();
    return [this.#changes, this.#last, gains.length, ...gains, ...this.#lossSum.expansion()];
  }

  restore(state: readonly number[]): void {
    const [changes = -1, last = 0, ...known] = state;
    this.#begin(last);
    this.#changes = changes;
    if (changes === this.#span) {
      [this.#gain, this.#loss] = known;
    } else if (changes >= 0) {
      const [gains, ...terms] = known;
      this.#gainSum.addExpansion(terms.slice(0, gains));
      this.#lossSum.addExpansion(terms.slice(gains));
    }
  }

  /** This is the first value. */
  #begin(value: number): void {
    this.#changes = 0;
    this.#last = value;
    this.#gainSum.clear();
    this.#lossSum.clear();
  }

  /** Runs until the averages have their seeds or must restart. Returns the row where it stopped. */
  #seed(x: Float64Array, from: number, to: number, out: Float64Array): number {
    const span = this.#span;
    for (let i = from; i < to; i++) {
      const change = x[i] - this.#last;
      out[i] = Number.NaN;
      if (!(Math.abs(change) <= changeMax)) {
        this.#begin(x[i]);
        continue;
      }
      this.#last = x[i];
      if (change > 0) this.#gainSum.add(change);
      else this.#lossSum.add(-change);
      if (++this.#changes < span) continue;
      this.#gain = this.#gainSum.mean(span);
      this.#loss = this.#lossSum.mean(span);
      if (this.#gain + this.#loss < movementMin) this.#gain = this.#loss = 0;
      out[i] = 100 * (this.#gain / (this.#gain + this.#loss));
      return i + 1;
    }
    return to;
  }

  /** Runs until a change is too large, which restarts it. Returns the row where it stopped. */
  #follow(x: Float64Array, from: number, to: number, out: Float64Array): number {
    const alpha = 1 / this.#span;
    // As in `follow`: otherwise the compiler boxes each of them.
    let last = +this.#last;
    let gain = +this.#gain;
    let loss = +this.#loss;
    let i = from;
    for (; i < to; i++) {
      const value = x[i];
      const change = value - last;
      const size = Math.abs(change);
      if (!(size <= changeMax)) break;
      last = value;
      // The change or 0, without an unpredictable branch.
      const rise = (change + size) * 0.5;
      gain += alpha * (rise - gain);
      loss += alpha * (rise - change - loss);
      if (gain + loss < movementMin) gain = loss = 0;
      out[i] = 100 * (gain / (gain + loss));
    }
    this.#last = last;
    this.#gain = gain;
    this.#loss = loss;
    if (i === to) return to;
    this.#begin(x[i]);
    out[i] = Number.NaN;
    return i + 1;
  }
}

export const rsi: RowOperator = {
  kind: 'row',
  name: 'rsi',
  group: 'recursive',
  meaning:
    "Wilder's relative strength index, 0 to 100: 100 * (gain / (gain + loss)), with Wilder's averages of the rises and " +
    'of the falls from one value to the next. The same as 100 - 100 / (1 + gain / loss).',
  parameters: [
    { name: 'x', type: 'series', meaning: 'What rises and falls.' },
    {
      name: 'span',
      type: 'count',
      min: 2,
      meaning: 'Over how many changes, often 14; each moves an average by 1 / span of its distance.',
    },
  ],
  warmUp:
    'The first point, at value span + 1, has the means of the first `span` rises and falls: their exact sums / span.',
  missing:
    'Before value span + 1, and where both averages are 0: it has not moved, or has stood still until they add up ' +
    'to less than 2^-960, which counts as 0. A change above 2^1022 has no point; there it begins anew.',
  notes: [
    'A correction changes the following points until its rest is too small for a double: with span 14 400 to 500 points.',
  ],
  examples: [
    {
      formula: 'rsi(X, 2)',
      inputs: {
        X: [
          [0, 10],
          [1, 11],
          [2, 12],
          [3, 11],
          [4, 11.5],
        ],
      },
      output: [
        [2, 100],
        [3, 50],
        [4, 100 * (0.5 / 0.75)],
      ],
    },
    {
      formula: 'rsi(X, 4)',
      inputs: {
        X: [
          [0, 1],
          [1, 1],
          [2, 4],
          [3, 3],
          [4, 3],
          [5, 2],
        ],
      },
      output: [
        [4, 75],
        [5, 56.25],
      ],
    },
  ],
  memory: () => ({ kind: 'forever' }),
  open: ({ span }) => new Rsi(span as number),
};
