/**
 * Integers that count a tiny power of two: exact arithmetic without overflow, underflow or rounding. A finite double is
 * a count of 2^-1074, a product of two doubles a count of 2^-2148.
 */

/** The exponent of a double's unit; a product's unit has twice this exponent. */
export const unitExponent = -1074;

const bitsOf = new BigInt64Array(1);
const doubleOf = new Float64Array(bitsOf.buffer);
const mantissaBits = 52n;
const implicitOne = 1n << mantissaBits;

/** A finite double as a count of 2^-1074. */
export function toUnits(x: number): bigint {
  if (x === 0) return 0n;
  doubleOf[0] = Math.abs(x);
  const exponent = bitsOf[0] >> mantissaBits;
  const mantissa = bitsOf[0] & (implicitOne - 1n);
  const units = exponent === 0n ? mantissa : (mantissa | implicitOne) << (exponent - 1n);
  return x < 0 ? -units : units;
}

/** The double nearest to units * 2^-1074 / divisor, ties to even; infinite when it exceeds the range. */
export function fromUnits(units: bigint, divisor = 1n): number {
  const negative = units < 0n;
  const magnitude = negative ? -units : units;
  const shift = BigInt(Math.max(0, bitLength(magnitude / divisor) - 53));
  if (shift > 2045n) return negative ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const step = divisor << shift;
  let quotient = magnitude / step;
  const twice = (magnitude - quotient * step) * 2n;
  if (twice > step || (twice === step && (quotient & 1n) === 1n)) quotient++;
  // The exponent field and the implicit leading one add up to the bits of the double, including a carry and infinity.
  bitsOf[0] = (shift << mantissaBits) + quotient;
  return (negative ? -doubleOf[0] : doubleOf[0]) + 0;
}

/** For a non-negative number. */
export function bitLength(magnitude: bigint): number {
  if (magnitude === 0n) return 0;
  const digits = magnitude.toString(16);
  return digits.length * 4 - Math.clz32(Number.parseInt(digits[0], 16)) + 28;
}
