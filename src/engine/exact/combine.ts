import type { ProductBins, SumBins } from './bins.ts';

/**
 * What is computed from several sums, correctly rounded as if from the exact totals: worked out in pairs of doubles with
 * a bound for what those leave out. NaN when the bound does not decide how to round; then exact arithmetic must.
 * All sums are condensed before.
 */

/** n * products - x * y. */
export function crossed(n: number, products: ProductBins, x: SumBins, y: SumBins): number {
  // n * (high + low): n has at most 26 bits, so that its product with half of a double is exact.
  const ch = products.high * splitter;
  const head = ch - (ch - products.high);
  const nHead = n * head;
  const nTail = n * (products.high - head);
  const nHigh = nHead + nTail;
  const nBelow = nTail - (nHigh - nHead);
  const nLow = nBelow + n * products.low;

  const cx = x.high * splitter;
  const xHead = cx - (cx - x.high);
  const xTail = x.high - xHead;
  const cy = y.high * splitter;
  const yHead = cy - (cy - y.high);
  const yTail = y.high - yHead;
  const high = x.high * y.high;
  const low = xHead * yHead - high + xHead * yTail + xTail * yHead + xTail * yTail + (x.high * y.low + x.low * y.high);

  const difference = nHigh - high;
  const part = difference - nHigh;
  const below = nHigh - (difference - part) - (high + part);
  const rest = nLow - low;
  const doubt = (Math.abs(nHigh) + Math.abs(high)) * 2 ** -100 + n * products.error;
  const rounded = certain(difference, below + rest, doubt);
  if (!Number.isNaN(rounded)) return rounded;
  // Values of few bits often lie half way between two doubles, but then all of this was exact.
  const exact =
    products.error === 0 &&
    isShort(products.low) &&
    isSum(nLow, nBelow, n * products.low) &&
    x.low === 0 &&
    y.low === 0 &&
    isSum(rest, nLow, -low) &&
    isSum(below + rest, below, rest);
  return exact ? certain(difference, below + rest, 0) : Number.NaN;
}

/** n * x - sum. */
export function offset(n: number, x: number, sum: SumBins): number {
  const c = x * splitter;
  const head = c - (c - x);
  const nHead = n * head;
  const nTail = n * (x - head);
  const nHigh = nHead + nTail;
  const nLow = nTail - (nHigh - nHead);
  const difference = nHigh - sum.high;
  const part = difference - nHigh;
  const below = nHigh - (difference - part) - (sum.high + part);
  const low = nLow - sum.low;
  const exact = isSum(low, nLow, -sum.low) && isSum(below + low, below, low);
  return certain(difference, below + low, exact ? 0 : (Math.abs(low) + Math.abs(below)) * 2 ** -51);
}

/** high + low rounded, if anything within error of it rounds to the same. */
export function certain(high: number, low: number, error: number): number {
  // Half way between two doubles, that is decided too.
  if (error === 0) return high + low + 0;
  const doubt = error + Math.abs(low) * 2 ** -52;
  const least = high + (low - doubt);
  return least === high + (low + doubt) ? least + 0 : Number.NaN;
}

/** Whether sum is a + b, which it was computed as, exactly: of the two differences one is exact for sure (Dekker). */
function isSum(sum: number, a: number, b: number): boolean {
  return sum - a === b && sum - b === a;
}

/** Whether it has so few bits that its product with a count is exact. */
function isShort(x: number): boolean {
  const c = x * splitter;
  return c - (c - x) === x;
}

/** Cuts a double into two halves of 26 bits (Veltkamp). */
export const splitter = 2 ** 27 + 1;

/** The error of a product of what is smaller, but not zero, could be lost at the other end of the range of doubles. */
export function tiny(x: number): boolean {
  return x < 2 ** -300 && x > -(2 ** -300) && x !== 0;
}
