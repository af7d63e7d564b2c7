/**
 * The range of a window's values. Sums are kept of distances from an anchor: for values between low and high, the
 * distance is an exact double of at most 2^exponent. The choice of the frame never changes a result, only how often
 * exact arithmetic is needed.
 */
export interface Frame {
  readonly anchor: number;
  readonly low: number;
  readonly high: number;
  readonly exponent: number;
}

/** A frame for the values in [from, to) and similar ones; `near` is the index of a typical value. */
export function frameOf(column: Float64Array, from: number, to: number, near: number): Frame {
  let low = column[from];
  let high = low;
  for (let i = from + 1; i < to; i++) {
    const x = column[i];
    if (x < low) low = x;
    if (x > high) high = x;
  }
  const least = Math.min(Math.abs(low), Math.abs(high));
  const most = Math.max(Math.abs(low), Math.abs(high));
  const anchor = column[near];
  const exponent = exponentOf(Math.abs(anchor));
  // Between half and twice the anchor, differences are exact (Sterbenz).
  if (least > 0 && low > 0 === high > 0 && most <= least * 2 && exponent >= exponentMin && exponent <= exponentMax) {
    return anchor > 0
      ? { anchor, low: anchor / 2, high: anchor * 2, exponent }
      : { anchor, low: anchor * 2, high: anchor / 2, exponent };
  }
  return flatFrame(most);
}

/** A frame without an anchor, for magnitudes up to about `most`. */
export function flatFrame(most: number): Frame {
  const exponent = Math.max(exponentMin, Math.min(exponentMax, exponentOf(most) + 2));
  return { anchor: 0, low: -(2 ** exponent), high: 2 ** exponent, exponent };
}

/** The smallest e, or one more, for which x <= 2^e. */
function exponentOf(x: number): number {
  if (x === 0) return exponentMin;
  const exponent = Math.ceil(Math.log2(x));
  return 2 ** exponent < x ? exponent + 1 : exponent;
}

/** Within these bounds, products of two sums of products neither overflow nor underflow. */
const exponentMin = -100;
const exponentMax = 220;

/** The row capacity, as a power of two, for the present number of rows with room to grow. */
export function rowsLog2For(rows: number): number {
  return Math.max(8, Math.ceil(Math.log2(rows)) + 1);
}
