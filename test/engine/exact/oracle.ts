/** Exact rational arithmetic by BigInt alone: what the fast arithmetic of src/engine/exact is held against. */

/** count * 2^exponent. */
export interface Dyadic {
  readonly count: bigint;
  readonly exponent: number;
}

/** A finite double as a whole number of 2^-1074, without a look at its bits. */
export function unitsOf(x: number): bigint {
  const whole = Math.trunc(x);
  const fraction = x - whole;
  const small = Math.abs(fraction) < 2 ** -100;
  const fractionUnits = small ? BigInt(fraction * 2 ** 1000 * 2 ** 74) : BigInt(fraction * 2 ** 200) << 874n;
  return (BigInt(whole) << 1074n) + fractionUnits;
}

/** numerator / denominator * 2^exponent, rounded to 53 bits (ties to even), with any exponent. */
export function round(numerator: bigint, denominator: bigint, exponent: number): Dyadic {
  if (numerator === 0n) return { count: 0n, exponent: 0 };
  const negative = numerator < 0n !== denominator < 0n;
  let n = abs(numerator);
  const d = abs(denominator);
  let e = exponent;
  // Scaled so that the quotient has at least 60 bits.
  const lift = Math.max(0, d.toString(2).length - n.toString(2).length + 60);
  n <<= BigInt(lift);
  e -= lift;
  const drop = BigInt((n / d).toString(2).length - 53);
  const step = d << drop;
  let count = n / step;
  const rest = (n - count * step) * 2n;
  if (rest > step || (rest === step && count % 2n === 1n)) count += 1n;
  return { count: negative ? -count : count, exponent: e + Number(drop) };
}

export function over(a: Dyadic, b: Dyadic): Dyadic {
  return round(a.count, b.count, a.exponent - b.exponent);
}

export function times(a: Dyadic, b: Dyadic): Dyadic {
  return round(a.count * b.count, 1n, a.exponent + b.exponent);
}

export function squareRoot(a: Dyadic): Dyadic {
  if (a.count === 0n) return a;
  const shift = 200 + (Math.abs(a.exponent) % 2);
  const scaled = a.count << BigInt(shift);
  let low = 0n;
  let high = 1n << BigInt(scaled.toString(2).length);
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (middle * middle <= scaled) low = middle;
    else high = middle;
  }
  // A last bit that says whether the root goes on.
  const sticky = low * 2n + (low * low === scaled ? 0n : 1n);
  return round(sticky, 1n, (a.exponent - shift) / 2 - 1);
}

export function whole(n: number): Dyadic {
  return { count: BigInt(n), exponent: 0 };
}

/** The nearest double; NaN if there is none. */
export function toDouble({ count, exponent }: Dyadic): number {
  let units = abs(count);
  if (units === 0n) return 0;
  const shift = exponent + 1074;
  if (shift >= 0) {
    if (units.toString(2).length + exponent > 1024) return Number.NaN;
    units <<= BigInt(shift);
  } else if (shift < -200) units = 0n;
  else {
    const drop = BigInt(-shift);
    const half = 1n << (drop - 1n);
    const cut = units & ((1n << drop) - 1n);
    units >>= drop;
    if (cut > half || (cut === half && units % 2n === 1n)) units += 1n;
  }
  const idle = Math.max(0, units.toString(2).length - 53);
  const magnitude = Number(units >> BigInt(idle)) * 2 ** (idle - 1074);
  return count < 0n ? -magnitude + 0 : magnitude;
}

function abs(x: bigint): bigint {
  return x < 0n ? -x : x;
}
