import { ProductBins, SumBins } from './bins.ts';
import { crossed, offset, splitter, tiny } from './combine.ts';
import { frameOf, rowsLog2For } from './frame.ts';
import { toUnits, unitExponent } from './units.ts';
import { type Wide, wideOf } from './wide.ts';

/** The exact sums of a window's values and of their squares, and results derived from them, rounded once. */
export class Moments {
  readonly #sum = new SumBins();
  readonly #squares = new ProductBins();
  #anchor = 0;
  #low = 0;
  #high = 0;
  #rowsMax = 0;
  #slow = 0;
  #condensed = false;

  /**
   * Prepares for new rows: x holds the window's values [from, to), and later those up to `end`. It rebuilds the sums
   * with a better frame if the rows exceed this frame's capacity, or if the frame required exact arithmetic too often.
   */
  prepare(x: Float64Array, from: number, to: number, end: number): void {
    if (end - from <= this.#rowsMax && !this.tired(to - from)) return;
    const rowsLog2 = rowsLog2For(end - from);
    const frame = frameOf(x, from, end, Math.max(from, to - 1));
    this.#anchor = frame.anchor;
    this.#low = frame.low;
    this.#high = frame.high;
    this.#rowsMax = 2 ** rowsLog2;
    this.#slow = 0;
    this.#sum.aim(frame.exponent, rowsLog2);
    this.#squares.aim(frame.exponent * 2, rowsLog2);
    for (let i = from; i < to; i++) this.add(x[i], 1);
  }

  /** True when, with n rows in the window, exact arithmetic was needed often enough that rebuilding is cheaper. */
  tired(n: number): boolean {
    return this.#slow * slowCost > n;
  }

  /** A sign of -1 removes the value. */
  add(x: number, sign: 1 | -1): void {
    const d = x - this.#anchor;
    if (!(x >= this.#low && x <= this.#high) || tiny(d)) {
      this.#addStray(x, sign);
      return;
    }
    const c = d * splitter;
    const head = c - (c - d);
    const tail = d - head;
    const p = d * d;
    this.#sum.add(sign * d);
    this.#squares.add(sign * p, sign * (head * head - p + 2 * head * tail + tail * tail));
  }

  /** n * (sum of squares) - (sum)^2 of the n values, rounded once. On NaN, call `exactSpread`. */
  spread(n: number): number {
    this.#condensed = this.#sum.condense();
    if (!this.#condensed || !this.#squares.condense()) return Number.NaN;
    return crossed(n, this.#squares, this.#sum, this.#sum);
  }

  exactSpread(n: number): Wide {
    this.#slow++;
    const sum = this.#sum.units();
    return wideOf(BigInt(n) * this.#squares.units() - sum * sum, unitExponent * 2);
  }

  /** n * x - sum, rounded once. On NaN, call `exactOffset`. Call after `spread`. */
  offset(n: number, x: number): number {
    if (!this.#condensed || !(x >= this.#low && x <= this.#high)) return Number.NaN;
    return offset(n, x - this.#anchor, this.#sum);
  }

  exactOffset(n: number, x: number): Wide {
    this.#slow++;
    return wideOf(BigInt(n) * (toUnits(x) - toUnits(this.#anchor)) - this.#sum.units(), unitExponent);
  }

  bytes(): number {
    return 900;
  }

  #addStray(x: number, sign: 1 | -1): void {
    const units = toUnits(x) - toUnits(this.#anchor);
    this.#sum.addRest(BigInt(sign) * units);
    this.#squares.addRest(BigInt(sign) * units * units);
  }
}

/** Exact arithmetic costs about as much as adding this number of rows again. */
export const slowCost = 32;
