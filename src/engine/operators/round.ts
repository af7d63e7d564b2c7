import { pointwise, seriesParameter } from './pointwise.ts';

/**
 * Above this magnitude, doubles lie at least as far apart as the requested decimals, so each value is its own rounding.
 */
const scaledMax = 2 ** 53;
const splitter = 2 ** 27 + 1;

/** The exact rounding error of a * b, for products well within range (Dekker 1971). */
function productError(a: number, b: number, product: number): number {
  const aLarge = splitter * a;
  const aHigh = aLarge - (aLarge - a);
  const aLow = a - aHigh;
  const bLarge = splitter * b;
  const bHigh = bLarge - (bLarge - b);
  const bLow = b - bHigh;
  return aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow;
}

/** `scale` is a power of ten up to 10^15, which a double holds exactly. */
function rounded(x: number, scale: number): number {
  const magnitude = Math.abs(x);
  const scaled = magnitude * scale;
  if (!(scaled < scaledMax)) return x;
  let whole = Math.floor(scaled);
  if (scaled - whole - 0.5 + productError(magnitude, scale, scaled) >= 0) whole++;
  // The quotient of two integers below 2^53 is the double nearest to that decimal.
  const value = whole / scale;
  return x < 0 ? -value : value;
}

export const round = pointwise({
  name: 'round',
  meaning:
    'The decimal with that number of digits that is nearest to x, half away from zero. What counts is the double itself: 1.005 is a little less than it looks, and gives 1 with 2 digits.',
  parameters: [
    seriesParameter('x', 'What is rounded.'),
    {
      name: 'digits',
      type: 'count',
      optional: true,
      fallback: 0,
      min: 0,
      max: 15,
      meaning: 'Digits behind the point. To a step of 0.05: `round(x / 0.05) * 0.05`.',
    },
  ],
  missing: 'Nowhere: it has a point wherever x has one.',
  examples: [
    {
      formula: 'round(X)',
      inputs: {
        X: [
          [0, 2.5],
          [1, -2.5],
          [2, 2.4],
        ],
      },
      output: [
        [0, 3],
        [1, -3],
        [2, 2],
      ],
    },
    {
      formula: 'round(X, 2)',
      inputs: {
        X: [
          [0, 1.005],
          [1, 0.125],
          [2, 65000.129],
        ],
      },
      output: [
        [0, 1],
        [1, 0.13],
        [2, 65000.13],
      ],
    },
  ],
  loop: (given) => {
    const scale = 10 ** (given.digits as number);
    return ({ length, columns: [x] }, out) => {
      for (let i = 0; i < length; i++) out[i] = rounded(x[i], scale);
    };
  },
});
