import type { ProductBins, SumBins } from './bins.ts';

/**
 * Results computed from several sums, correctly rounded as if from the exact totals. The computation uses pairs of
 * doubles with an error bound. It returns NaN when the bound does not decide the rounding; then exact arithmetic must.
 * All sums must be condensed before.
 */

/** n * products - x * y. */
export function crossed(n: number, products: ProductBins, x: SumBins, y: SumBins): number {
  // n * (high + low). n has at most 26 bits, so its product with half of a double is exact.
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
  // Values with few bits often lie half way between two doubles, but then every step was exact.
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

/** high + low rounded, if every number within `error` of it rounds to the same double. */
export function certain(high: number, low: number, error: number): number {
  // A number half way between two doubles is also decided.
  if (error === 0) return high + low + 0;
  const doubt = error + Math.abs(low) * 2 ** -52;
  const least = high + (low - doubt);
  return least === high + (low + doubt) ? least + 0 : Number.NaN;
}

/** True when the computed sum equals a + b exactly: one of the two differences is always exact (Dekker). */
function isSum(sum: number, a: number, b: number): boolean {
  return sum - a === b && sum - b === a;
}

/** True when the number has few enough bits for an exact product with a count. */
function isShort(x: number): boolean {
  const c = x * splitter;
  return c - (c - x) === x;
}

/** Cuts a double into two halves of 26 bits (Veltkamp). */
export const splitter = 2 ** 27 + 1;

/** The error of a product of smaller, nonzero numbers could underflow. */
export function tiny(x: number): boolean {
  return x < 2 ** -300 && x > -(2 ** -300) && x !== 0;
}
