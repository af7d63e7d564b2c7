import { bitLength } from './units.ts';

/**
 * A double without bounds on its exponent: `mantissa * 2^exponent`. Operations round as those of doubles do, so a
 * formula gives the same bits here and in plain doubles, wherever those neither overflow nor underflow on the way.
 */
export interface Wide {
  /** Zero, or of a magnitude from 1 on to below 2. */
  readonly mantissa: number;
  readonly exponent: number;
}

/** count * 2^unitExponent, correctly rounded (to nearest, ties to even). */
export function wideOf(count: bigint, unitExponent: number): Wide {
  const magnitude = count < 0n ? -count : count;
  const shift = bitLength(magnitude) - 55;
  // Two bits more than a double has, and an odd last one if more was cut off: rounded again, that is rounded once.
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

/** A plain double, such as a count, as a wide one. */
export function widened(x: number): Wide {
  return scaled(x, 0);
}

/** The nearest double; NaN if it is too large for one. */
export function narrowed({ mantissa, exponent }: Wide): number {
  if (exponent > 1023) return mantissa === 0 ? 0 : Number.NaN;
  if (exponent < -1080) return 0;
  // Only the last multiplication can round: the ones before leave a normal double.
  if (exponent >= -1022) return mantissa * 2 ** exponent;
  return mantissa * 2 ** -1000 * 2 ** (exponent + 1000) + 0;
}

/** x * 2^exponent; x is a double far from the ends of their range. */
function scaled(x: number, exponent: number): Wide {
  if (x === 0) return { mantissa: 0, exponent: 0 };
  let own = Math.floor(Math.log2(Math.abs(x)));
  let mantissa = x * 2 ** -own;
  // A logarithm is not exact next to a power of two.
  if (Math.abs(mantissa) >= 2) {
    mantissa /= 2;
    own++;
  } else if (Math.abs(mantissa) < 1) {
    mantissa *= 2;
    own--;
  }
  return { mantissa, exponent: exponent + own };
}
