import { toUnits } from './units.ts';

/**
 * Sums in which adding a term and removing it leaves no trace. A term is cut at fixed powers of two into parts of about
 * 35 bits. The parts of one place are summed in one double: whole multiples of that power, few enough that no addition
 * rounds. A bit below the last place is counted exactly in `rest`. `aim` sets the places and clears the sums: for terms
 * up to 2^exponent in magnitude, and at most 2^rowsLog2 of them at a time. To remove x, add -x.
 */
export class SumBins {
  /** The total as two doubles, high + low. Valid after `condense` returned true. */
  high = 0;
  low = 0;
  /** The part that did not fit, as a count of 2^-1074. */
  rest = 0n;
  #s0 = 0;
  #s1 = 0;
  #s2 = 0;
  #c0 = 0;
  #c1 = 0;
  #c2 = 0;
  #clean = true;

  aim(exponent: number, rowsLog2: number): void {
    const width = 54 - rowsLog2;
    this.#c0 = cutter(exponent + 1 - width);
    this.#c1 = cutter(exponent + 1 - width * 2);
    this.#c2 = cutter(exponent + 1 - width * 3);
    this.#s0 = this.#s1 = this.#s2 = 0;
    this.addRest(-this.rest);
  }

  add(x: number): void {
    const c0 = this.#c0;
    const c1 = this.#c1;
    const q0 = x + c0 - c0;
    const x1 = x - q0;
    const q1 = x1 + c1 - c1;
    const x2 = x1 - q1;
    if (x2 !== 0) {
      const c2 = this.#c2;
      if (x2 + c2 - c2 !== x2) {
        this.addRest(toUnits(x));
        return;
      }
      this.#s2 += x2;
    }
    this.#s0 += q0;
    this.#s1 += q1;
  }

  addRest(units: bigint): void {
    this.rest += units;
    this.#clean = this.rest === 0n;
  }

  /** The total, correctly rounded; NaN when only `units` can decide. */
  value(): number {
    const tail = this.#s1 + this.#s2;
    if (this.#clean && tail - this.#s1 === this.#s2 && tail - this.#s2 === this.#s1) return this.#s0 + tail;
    return this.condense() ? this.high : Number.NaN;
  }

  /** True when two doubles can hold the total. Then it equals high + low exactly, and high is the rounded total. */
  condense(): boolean {
    const s0 = this.#s0;
    const s1 = this.#s1;
    const s2 = this.#s2;
    const tail = s1 + s2;
    const part = tail - s1;
    const below = s1 - (tail - part) + (s2 - part);
    const high = s0 + tail;
    const other = high - s0;
    let low = s0 - (high - other) + (tail - other);
    if (below !== 0) {
      const both = low + below;
      if (both - low !== below || both - below !== low) return false;
      low = both;
    }
    const sum = high + low;
    this.high = sum;
    this.low = high - sum + low;
    return this.#clean;
  }

  /** The total as a count of 2^-1074. */
  units(): bigint {
    return toUnits(this.#s0) + toUnits(this.#s1) + toUnits(this.#s2) + this.rest;
  }
}

/**
 * Like SumBins, for exact products p + e, where p is the rounded product: five places, for twice the number of bits.
 */
export class ProductBins {
  /** The total lies within `error` of high + low. Valid after `condense` returned true. */
  high = 0;
  low = 0;
  error = 0;
  /** The part that did not fit, as a count of 2^-2148. */
  rest = 0n;
  #s0 = 0;
  #s1 = 0;
  #s2 = 0;
  #s3 = 0;
  #s4 = 0;
  #c0 = 0;
  #c1 = 0;
  #c2 = 0;
  #c3 = 0;
  #c4 = 0;
  #clean = true;

  aim(exponent: number, rowsLog2: number): void {
    // One bit less than in SumBins, because each product adds two terms.
    const width = 53 - rowsLog2;
    this.#c0 = cutter(exponent + 1 - width);
    this.#c1 = cutter(exponent + 1 - width * 2);
    this.#c2 = cutter(exponent + 1 - width * 3);
    this.#c3 = cutter(exponent + 1 - width * 4);
    this.#c4 = cutter(exponent + 1 - width * 5);
    this.#s0 = this.#s1 = this.#s2 = this.#s3 = this.#s4 = 0;
    this.addRest(-this.rest);
  }

  add(p: number, e: number): void {
    const c0 = this.#c0;
    const c1 = this.#c1;
    const c2 = this.#c2;
    const q0 = p + c0 - c0;
    const p1 = p - q0;
    const q1 = p1 + c1 - c1;
    const p2 = p1 - q1;
    const q2 = p2 + c2 - c2;
    const p3 = p2 - q2;
    const f1 = e + c1 - c1;
    const e2 = e - f1;
    const f2 = e2 + c2 - c2;
    const e3 = e2 - f2;
    if ((p3 !== 0 || e3 !== 0) && !this.#addLast(p3, e3)) {
      this.addRest((toUnits(p) + toUnits(e)) << productShift);
      return;
    }
    this.#s0 += q0;
    this.#s1 += q1 + f1;
    this.#s2 += q2 + f2;
  }

  addRest(units: bigint): void {
    this.rest += units;
    this.#clean = this.rest === 0n;
  }

  condense(): boolean {
    const s0 = this.#s0;
    const s1 = this.#s1;
    const s2 = this.#s2;
    // First the three places in constant use, then the two that are rarely used.
    const a = s1 + s2;
    const aPart = a - s1;
    const aLow = s1 - (a - aPart) + (s2 - aPart);
    let high = s0 + a;
    const part = high - s0;
    let low = s0 - (high - part) + (a - part);
    let error = 0;
    if (aLow !== 0) {
      error = Math.abs(aLow) + Math.abs(low);
      low += aLow;
    }
    const s3 = this.#s3;
    const s4 = this.#s4;
    if (s3 !== 0 || s4 !== 0) {
      const last = s3 + s4;
      const lastPart = last - s3;
      const lastLow = s3 - (last - lastPart) + (s4 - lastPart);
      const b = high + last;
      const bPart = b - high;
      const bLow = high - (b - bPart) + (last - bPart);
      high = b;
      error += Math.abs(low) + Math.abs(bLow) + Math.abs(lastLow);
      low += bLow + lastLow;
    }
    const sum = high + low;
    this.high = sum;
    this.low = high - sum + low;
    this.error = error * 2 ** -50;
    return this.#clean;
  }

  /** The total as a count of 2^-2148. */
  units(): bigint {
    const sums = [this.#s0, this.#s1, this.#s2, this.#s3, this.#s4];
    return (sums.reduce((total, s) => total + toUnits(s), 0n) << productShift) + this.rest;
  }

  #addLast(p3: number, e3: number): boolean {
    const c3 = this.#c3;
    const c4 = this.#c4;
    const q3 = p3 + c3 - c3;
    const p4 = p3 - q3;
    const f3 = e3 + c3 - c3;
    const e4 = e3 - f3;
    if (p4 + c4 - c4 !== p4 || e4 + c4 - c4 !== e4) return false;
    this.#s3 += q3 + f3;
    this.#s4 += p4 + e4;
    return true;
  }
}

/** Products of SumBins' parts are counts of 2^-2148. */
const productShift = 1074n;

/** Adding this number and subtracting it again rounds to a multiple of 2^exponent. */
function cutter(exponent: number): number {
  return 1.5 * 2 ** (52 + exponent);
}
