import { fromUnits, toUnits } from './exact/units.ts';

/**
 * The exact sum of finite doubles. Adding x and then -x leaves no trace, in any order, and equal totals give equal
 * bits. The sum is a Shewchuk expansion: non-overlapping terms of growing magnitude whose sum is the total (Shewchuk
 * 1997, grow-expansion; as Python's math.fsum). Near the end of the double range, where error-free addition would
 * overflow, the total is a BigInt count of 2^-1074 instead.
 */
export class ExactSum {
  #terms: number[] = [];
  #units: bigint | undefined;

  add(x: number): void {
    // Also refuses NaN and infinities before it changes any term.
    if (this.#units !== undefined || !(x <= termMax && x >= -termMax)) {
      this.#addFar(x);
      return;
    }
    const terms = this.#terms;
    const count = terms.length;
    let kept = 0;
    let sum = x;
    for (let i = 0; i < count; i++) {
      const term = terms[i];
      const high = sum + term;
      const part = high - sum;
      const low = sum - (high - part) + (term - part);
      if (low !== 0) terms[kept++] = low;
      sum = high;
    }
    if (sum !== 0) terms[kept++] = sum;
    while (terms.length > kept) terms.pop();
    if (sum > termMax || sum < -termMax) this.#goFar();
  }

  /** Adds the terms of another expansion, in any order. */
  addExpansion(expansion: ArrayLike<number>): void {
    for (let i = 0; i < expansion.length; i++) this.add(expansion[i]);
  }

  /** The total, correctly rounded (to nearest, ties to even); infinite when it exceeds the double range. */
  value(): number {
    return this.#units === undefined ? roundTerms(this.#terms) : fromUnits(this.#units);
  }

  /**
   * `value() / count`. When the total exceeds the double range, the exact total divided by count, correctly rounded.
   */
  mean(count: number): number {
    const value = this.value();
    if (this.#units !== undefined && !Number.isFinite(value)) return fromUnits(this.#units, BigInt(count));
    return value / count + 0;
  }

  /**
   * The total in canonical form: the rounded total, then the rounded remainder, and so on; empty for zero. All terms
   * are finite: a total beyond the double range starts with several copies of the largest double.
   */
  expansion(): number[] {
    const terms = this.#terms;
    if (this.#units === undefined && terms.length <= 1) return terms.slice();
    const rest = new ExactSum();
    rest.#terms = terms.slice();
    rest.#units = this.#units;
    const expansion: number[] = [];
    for (;;) {
      const rounded = rest.value();
      if (rounded === 0) return expansion;
      const term = Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, rounded));
      expansion.push(term);
      rest.add(-term);
    }
  }

  clear(): void {
    this.#terms = [];
    this.#units = undefined;
  }

  #addFar(x: number): void {
    if (!Number.isFinite(x)) throw new RangeError(`${x} cannot be summed`);
    this.#goFar();
    this.#units = (this.#units ?? 0n) + toUnits(x);
    this.#comeBack();
  }

  #goFar(): void {
    if (this.#units !== undefined) return;
    let units = 0n;
    for (const term of this.#terms) units += toUnits(term);
    this.#units = units;
    this.#terms = [];
  }

  /** Leaves the BigInt form once the total is well within range again. */
  #comeBack(): void {
    let units = this.#units ?? 0n;
    if (Math.abs(fromUnits(units)) > termMax / 2) return;
    this.#units = undefined;
    const falling: number[] = [];
    while (units !== 0n) {
      const term = fromUnits(units);
      falling.push(term);
      units -= toUnits(term);
    }
    this.#terms = falling.reverse();
  }
}

/** Terms up to this magnitude can be added without overflow. */
const termMax = 2 ** 1022;

function roundTerms(terms: readonly number[]): number {
  let i = terms.length - 1;
  if (i < 0) return 0;
  let sum = terms[i];
  let low = 0;
  while (i > 0 && low === 0) {
    const term = terms[--i];
    const high = sum + term;
    low = term - (high - sum);
    sum = high;
  }
  // A tie was rounded to even, but the remainder decides on which side the total lies.
  if (i > 0 && low < 0 === terms[i - 1] < 0) {
    const twice = low * 2;
    const other = sum + twice;
    if (other - sum === twice) return other;
  }
  return sum;
}
