import { fromUnits, toUnits } from './exact/units.ts';

/**
 * The exact sum of any finite doubles. What is added and taken away again (`add(-x)`) leaves no trace, in whatever
 * order; equal totals answer equally, to the bit.
 *
 * Kept as a Shewchuk expansion: terms that do not overlap, of growing magnitude, whose sum is the total (Shewchuk 1997,
 * grow-expansion; as Python's math.fsum). Near the end of the double range, where error-free addition would overflow,
 * the total is a BigInt count of 2^-1074 instead.
 */
export class ExactSum {
  #terms: number[] = [];
  #units: bigint | undefined;

  add(x: number): void {
    // Also refuses NaN and the infinities, before any term is touched.
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

  /** The total, correctly rounded (to nearest, ties to even); an infinity if it is too large for a double. */
  value(): number {
    return this.#units === undefined ? roundTerms(this.#terms) : fromUnits(this.#units);
  }

  /** `value() / count`; where the total is too large for a double, the exact total / count correctly rounded. */
  mean(count: number): number {
    const value = this.value();
    if (this.#units !== undefined && !Number.isFinite(value)) return fromUnits(this.#units, BigInt(count));
    return value / count + 0;
  }

  /**
   * The total in its canonical form: the total rounded, then what is left of it rounded, and so on; empty for zero.
   * Terms are finite: a total too large for a double begins with as many of the largest doubles as it takes.
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

  /** Leaves the slow form when the total is well within range again. */
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

/** Terms up to this can be added without overflow on the way. */
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
  // A tie was rounded to even, but what is left says on which side of it the total lies.
  if (i > 0 && low < 0 === terms[i - 1] < 0) {
    const twice = low * 2;
    const other = sum + twice;
    if (other - sum === twice) return other;
  }
  return sum;
}
