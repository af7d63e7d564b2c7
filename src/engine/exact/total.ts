import { SumBins } from './bins.ts';
import { flatFrame, rowsLog2For } from './frame.ts';
import { slowCost } from './moments.ts';
import { fromUnits, toUnits } from './units.ts';

/** The exact sum of a window's values. */
export class Total {
  readonly #sum = new SumBins();
  #bound = 0;
  #rowsMax = 0;
  #slow = 0;

  /** Like the one of Moments. */
  prepare(x: Float64Array, from: number, to: number, end: number): void {
    if (end - from <= this.#rowsMax && !this.tired(to - from)) return;
    const rowsLog2 = rowsLog2For(end - from);
    let most = 0;
    for (let i = from; i < end; i++) most = Math.max(most, Math.abs(x[i]));
    const { high, exponent } = flatFrame(most);
    this.#bound = high;
    this.#rowsMax = 2 ** rowsLog2;
    this.#slow = 0;
    this.#sum.aim(exponent, rowsLog2);
    for (let i = from; i < to; i++) this.add(x[i]);
  }

  tired(n: number): boolean {
    return this.#slow * slowCost > n;
  }

  add(x: number): void {
    if (x <= this.#bound && x >= -this.#bound) this.#sum.add(x);
    else this.#sum.addRest(toUnits(x));
  }

  remove(x: number): void {
    this.add(-x);
  }

  /** Correctly rounded; NaN when it exceeds the double range. */
  value(): number {
    const value = this.#sum.value();
    if (!Number.isNaN(value)) return value;
    this.#slow++;
    const rounded = fromUnits(this.#sum.units());
    return Number.isFinite(rounded) ? rounded : Number.NaN;
  }

  /**
   * `value() / count`. When the total exceeds the double range, the exact total divided by count, correctly rounded.
   */
  mean(count: number): number {
    const value = this.#sum.value();
    if (!Number.isNaN(value)) return value / count;
    this.#slow++;
    const units = this.#sum.units();
    const rounded = fromUnits(units);
    return Number.isFinite(rounded) ? rounded / count + 0 : fromUnits(units, BigInt(count));
  }

  bytes(): number {
    return 300;
  }
}
