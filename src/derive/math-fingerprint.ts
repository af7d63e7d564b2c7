/**
 * A fingerprint of how exp, log and pow round in this process. Another build of Node can give other last bits; then the
 * series that it computed are computed again.
 */
let known: string | undefined;

export function mathFingerprint(): string {
  known ??= measure();
  return known;
}

function measure(): string {
  const bits = new BigUint64Array(1);
  const double = new Float64Array(bits.buffer);
  let hash = 0xcbf29ce484222325n;
  let x = 0.37;
  for (let i = 0; i < 400; i++) {
    x = (x * 1103515245 + 12345) % 2147483648;
    const argument = x / 2 ** 27 + 0.001;
    for (const value of [
      Math.exp(argument),
      Math.log(argument),
      Math.log1p(argument),
      argument ** 0.7,
      argument ** -2.3,
      2 ** -argument,
    ]) {
      double[0] = value;
      hash = BigInt.asUintN(64, (hash ^ bits[0]) * 0x100000001b3n);
    }
  }
  return `1-${hash.toString(16)}`;
}
