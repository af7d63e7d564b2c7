import { ProductBins, SumBins } from './bins.ts';
import { certain, splitter, tiny } from './combine.ts';
import { flatFrame, rowsLog2For } from './frame.ts';
import { slowCost } from './moments.ts';
import { toUnits, unitExponent } from './units.ts';
import { narrowed, quotient, wideOf } from './wide.ts';

/** The exact sums of values times weights and of the weights. */
export class Weights {
  readonly #weights = new SumBins();
  readonly #products = new ProductBins();
  #boundX = 0;
  #boundW = 0;
  #rowsMax = 0;
  #slow = 0;

  /** Like the one of Moments. */
  prepare(x: Float64Array, w: Float64Array, from: number, to: number, end: number): void {
    if (end - from <= this.#rowsMax && !this.tired(to - from)) return;
    const rowsLog2 = rowsLog2For(end - from);
    let mostX = 0;
    let mostW = 0;
    for (let i = from; i < end; i++) {
      mostX = Math.max(mostX, Math.abs(x[i]));
      mostW = Math.max(mostW, Math.abs(w[i]));
    }
    const frameX = flatFrame(mostX);
    const frameW = flatFrame(mostW);
    this.#boundX = frameX.high;
    this.#boundW = frameW.high;
    this.#rowsMax = 2 ** rowsLog2;
    this.#slow = 0;
    this.#weights.aim(frameW.exponent, rowsLog2);
    this.#products.aim(frameX.exponent + frameW.exponent, rowsLog2);
    for (let i = from; i < to; i++) this.add(x[i], w[i]);
  }

  tired(n: number): boolean {
    return this.#slow * slowCost > n;
  }

  add(x: number, w: number): void {
    if (!(x <= this.#boundX && x >= -this.#boundX && w <= this.#boundW && w >= -this.#boundW) || tiny(x) || tiny(w)) {
      this.#weights.addRest(toUnits(w));
      this.#products.addRest(toUnits(x) * toUnits(w));
      return;
    }
    const cx = x * splitter;
    const xHead = cx - (cx - x);
    const xTail = x - xHead;
    const cw = w * splitter;
    const wHead = cw - (cw - w);
    const wTail = w - wHead;
    const p = x * w;
    this.#weights.add(w);
    this.#products.add(p, xHead * wHead - p + xHead * wTail + xTail * wHead + xTail * wTail);
  }

  remove(x: number, w: number): void {
    this.add(x, -w);
  }

  /**
   * (sum of x w) / (sum of w), each rounded once before. NaN when the weights sum to 0 or the result exceeds the double
   * range.
   */
  mean(): number {
    const weight = this.#weights.value();
    if (!Number.isNaN(weight) && this.#products.condense()) {
      const { high, low, error } = this.#products;
      const total = certain(high, low, error);
      if (!Number.isNaN(total)) return weight === 0 ? Number.NaN : total / weight + 0;
    }
    this.#slow++;
    const weights = this.#weights.units();
    if (weights === 0n) return Number.NaN;
    return narrowed(quotient(wideOf(this.#products.units(), unitExponent * 2), wideOf(weights, unitExponent)));
  }

  bytes(): number {
    return 900;
  }
}
