import { bitLength } from './units.ts';

/**
 * A double with an unlimited exponent: `mantissa * 2^exponent`. Operations round like those of doubles, so a formula
 * gives the same bits here and in plain doubles wherever those neither overflow nor underflow.
 */
export interface Wide {
  /** Zero, or a magnitude from 1 to below 2. */
  readonly mantissa: number;
  readonly exponent: number;
}

/** count * 2^unitExponent, correctly rounded (to nearest, ties to even). */
export function wideOf(count: bigint, unitExponent: number): Wide {
  const magnitude = count < 0n ? -count : count;
  const shift = bitLength(magnitude) - 55;
  // Two bits more than a double, with an odd last bit if more was cut off: rounding this again equals rounding once.
  let head = magnitude;
  if (shift > 0) {
    head = magnitude >> BigInt(shift);
    if (head << BigInt(shift) !== magnitude) head |= 1n;
  }
  const rounded = Number(head);
  return scaled(count < 0n ? -rounded : rounded, unitExponent + Math.max(0, shift));
}

export function quotient(a: Wide, b: Wide): Wide {
  return scaled(a.mantissa / b.mantissa, a.exponent - b.exponent);
}

export function product(a: Wide, b: Wide): Wide {
  return scaled(a.mantissa * b.mantissa, a.exponent + b.exponent);
}

export function root(a: Wide): Wide {
  const odd = Math.abs(a.exponent % 2);
  return scaled(Math.sqrt(odd === 1 ? a.mantissa * 2 : a.mantissa), (a.exponent - odd) / 2);
}

/** Converts a plain double, such as a count. */
export function widened(x: number): Wide {
  return scaled(x, 0);
}

/** The nearest double; NaN when it exceeds the double range. */
export function narrowed({ mantissa, exponent }: Wide): number {
  if (exponent > 1023) return mantissa === 0 ? 0 : Number.NaN;
  if (exponent < -1080) return 0;
  // Only the last multiplication can round: the earlier ones give a normal double.
  if (exponent >= -1022) return mantissa * 2 ** exponent;
  return mantissa * 2 ** -1000 * 2 ** (exponent + 1000) + 0;
}

/** x * 2^exponent, for x far from the ends of the double range. */
function scaled(x: number, exponent: number): Wide {
  if (x === 0) return { mantissa: 0, exponent: 0 };
  let own = Math.floor(Math.log2(Math.abs(x)));
  let mantissa = x * 2 ** -own;
  // Next to a power of two, a logarithm is not exact.
  if (Math.abs(mantissa) >= 2) {
    mantissa /= 2;
    own++;
  } else if (Math.abs(mantissa) < 1) {
    mantissa *= 2;
    own--;
  }
  return { mantissa, exponent: exponent + own };
}
