/** A double to its last digit, as PostgreSQL reads a numeric: every double is a decimal fraction that ends. */
export function decimalOf(x: number): string {
  if (!Number.isFinite(x)) throw new RangeError(`${x} is no number`);
  let whole = Math.abs(x);
  let halvings = 0;
  while (!Number.isInteger(whole)) {
    whole *= 2;
    halvings++;
  }
  // whole / 2^n is whole * 5^n / 10^n.
  const digits = (BigInt(whole) * 5n ** BigInt(halvings)).toString().padStart(halvings + 1, '0');
  const point = digits.length - halvings;
  const text = halvings === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
  return x < 0 ? `-${text}` : text;
}
