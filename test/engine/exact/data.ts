import fc from 'fast-check';

/** Columns of all the kinds of values that series hold, and some that they never should. */

const decimals = fc.integer({ min: 2, max: 8 });
const prices = fc
  .tuple(decimals, fc.array(fc.integer({ min: -50, max: 50 }), { maxLength: 120 }))
  .map(([digits, steps]) => walk(65_000, steps, 10 ** -Math.min(digits, 4), digits));
const farFromStart = fc
  .tuple(decimals, fc.array(fc.integer({ min: -2, max: 2 }), { maxLength: 120 }))
  .map(([digits, steps]) => [1, 30_000, ...walk(65_000, steps, 10 ** -digits, digits)]);
const flats = fc
  .array(fc.tuple(fc.constantFrom(0, 0.1, 65_000.01, -3, 1e-7), fc.integer({ min: 1, max: 12 })), { maxLength: 12 })
  .map((runs) => runs.flatMap(([x, times]) => new Array<number>(times).fill(x)));
const small = fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 80 });
const returns = fc.array(
  fc.tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.integer({ min: 0, max: 40 })).map(([x, e]) => x * 2 ** -e),
  { maxLength: 80 },
);
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const any = fc.array(finite, { maxLength: 40 });
const power = fc.tuple(fc.integer({ min: -1074, max: 1023 }), fc.boolean()).map(([e, up]) => (up ? 2 ** e : -(2 ** e)));
const odd = fc.array(
  fc.oneof(power, fc.constantFrom(0, 1e308, -1e308, 5e-324, Number.MAX_VALUE, 1e-200, 65_000.01, 1), finite),
  { maxLength: 40 },
);
const huge = fc.array(fc.double({ min: 1e300, max: Number.MAX_VALUE, noNaN: true }), { maxLength: 30 });
const denormal = fc.array(
  fc.integer({ min: -1000, max: 1000 }).map((n) => n * Number.MIN_VALUE),
  { maxLength: 30 },
);
const outlier = fc.tuple(prices, fc.nat(100), finite).map(([xs, at, x]) => xs.map((each, i) => (i === at ? x : each)));

export const column = fc
  .oneof(prices, farFromStart, flats, small, returns, any, odd, huge, denormal, outlier)
  .map((xs) => Float64Array.from(xs, (x) => x + 0));

/** Instants for so many rows, some of them exactly a window of 10 microseconds apart. */
export function instants(length: number): fc.Arbitrary<Float64Array> {
  return fc
    .tuple(
      fc.constantFrom(0, -25, 1.7e15, -1.7e15, Number.MAX_SAFE_INTEGER - 11 * length),
      fc.array(fc.constantFrom(1, 1, 2, 3, 9, 10, 11), { minLength: length, maxLength: length }),
    )
    .map(([start, gaps]) => {
      let t = start;
      return Float64Array.from(gaps, (gap) => (t += gap));
    });
}

/** How `length` rows are cut into calls: where each begins, 0 and `length` included. */
export function cuts(length: number): fc.Arbitrary<number[]> {
  return fc
    .oneof(
      fc.constant(Array.from({ length: length + 1 }, (_, i) => i)),
      fc.array(fc.nat(length), { maxLength: 6 }),
      fc.constant([]),
    )
    .map((at) => [0, ...at, length].sort((a, b) => a - b));
}

function walk(start: number, steps: readonly number[], unit: number, digits: number): number[] {
  let x = start;
  return steps.map((step) => {
    x += step * unit;
    return Number(x.toFixed(digits));
  });
}
