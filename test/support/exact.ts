/** Exact arithmetic on doubles, the slow way: every finite double is a whole number of 2^-1074. */

const bits = new BigInt64Array(1);
const double = new Float64Array(bits.buffer);

export function unitsOf(x: number): bigint {
  double[0] = Math.abs(x);
  const exponent = bits[0] / 2n ** 52n;
  const mantissa = bits[0] % 2n ** 52n;
  const units = exponent === 0n ? mantissa : (mantissa + 2n ** 52n) * 2n ** (exponent - 1n);
  return x < 0 ? -units : units;
}

function nth(order: bigint): number {
  bits[0] = order;
  return double[0];
}

const greatest = 0x7fefffffffffffffn;

/** The double nearest to units * 2^-1074 / divisor, ties to even: a search among all doubles. Zero is never negative. */
export function nearest(units: bigint, divisor = 1n): number {
  const wanted = units < 0n ? -units : units;
  let low = 0n;
  let high = greatest;
  while (low < high) {
    const middle = (low + high + 1n) / 2n;
    if (unitsOf(nth(middle)) * divisor <= wanted) low = middle;
    else high = middle - 1n;
  }
  const below = unitsOf(nth(low)) * divisor;
  // Behind the greatest double the next step of the scale would be 2^1024.
  const above = (low === greatest ? 2n ** 2098n : unitsOf(nth(low + 1n))) * divisor;
  const distance = wanted - below - (above - wanted);
  const up = distance > 0n || (distance === 0n && low % 2n === 1n);
  const magnitude = !up ? nth(low) : low === greatest ? Number.POSITIVE_INFINITY : nth(low + 1n);
  return units < 0n && magnitude !== 0 ? -magnitude : magnitude;
}
