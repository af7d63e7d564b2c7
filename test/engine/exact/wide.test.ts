import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bitLength, fromUnits, toUnits } from '../../../src/engine/exact/units.ts';
import { narrowed, product, quotient, root, type Wide, widened, wideOf } from '../../../src/engine/exact/wide.ts';
import { nearest } from '../../support/exact.ts';
import { type Dyadic, over, round, squareRoot, times, toDouble, unitsOf } from './oracle.ts';

const count = fc
  .tuple(
    fc.bigInt({ min: -(2n ** 130n), max: 2n ** 130n }),
    fc.integer({ min: 0, max: 2200 }),
    fc.integer({ min: -3, max: 3 }),
  )
  .map(([n, shift, more]) => (n << BigInt(shift)) + BigInt(more));
const exponent = fc.integer({ min: -2148, max: 0 });
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

function exactly({ mantissa, exponent: e }: Wide): [bigint, number] {
  return lowest(unitsOf(mantissa), e - 1074);
}

function dyadic({ count: c, exponent: e }: Dyadic): [bigint, number] {
  return lowest(c, e);
}

function lowest(c: bigint, e: number): [bigint, number] {
  if (c === 0n) return [0n, 0];
  const zeros = c.toString(2).length - c.toString(2).replace(/0+$/, '').length;
  return [c >> BigInt(zeros), e + zeros];
}

describe('wide doubles', () => {
  test('round a whole number of anything to 53 bits, once', () => {
    fc.assert(
      fc.property(count, exponent, (n, e) => {
        expect(exactly(wideOf(n, e))).toEqual(dyadic(round(n, 1n, e)));
      }),
      { numRuns: 1000 },
    );
  });

  test('multiply, divide and take roots as doubles do, with any exponent', () => {
    fc.assert(
      fc.property(count, count, exponent, exponent, (m, n, e, f) => {
        const [a, b] = [wideOf(m, e), wideOf(n, f)];
        const [oa, ob] = [round(m, 1n, e), round(n, 1n, f)];
        expect(exactly(product(a, b))).toEqual(dyadic(times(oa, ob)));
        if (n !== 0n) expect(exactly(quotient(a, b))).toEqual(dyadic(over(oa, ob)));
        if (m > 0n) expect(exactly(root(a))).toEqual(dyadic(squareRoot(oa)));
      }),
      { numRuns: 1000 },
    );
  });

  test('become the nearest double, denormal ones and none included', () => {
    fc.assert(
      fc.property(count, exponent, (n, e) => {
        expect(narrowed(wideOf(n, e))).toBe(toDouble(round(n, 1n, e)));
      }),
      { numRuns: 1000 },
    );
    expect(narrowed(widened(0))).toBe(0);
  });
});

describe('units', () => {
  test('are what a double is, and back', () => {
    fc.assert(
      fc.property(finite, (x) => {
        expect(toUnits(x)).toBe(unitsOf(x));
        expect(fromUnits(toUnits(x))).toBe(x + 0);
      }),
    );
  });

  test('divided by a count give the nearest double', () => {
    fc.assert(
      fc.property(finite, fc.bigInt({ min: 1n, max: 1000n }), (x, n) => {
        expect(fromUnits(toUnits(x) * 3n, n)).toBe(nearest(unitsOf(x) * 3n, n));
      }),
      { examples: [[5.6833611414197326e-307, 578n]] },
    );
    expect(fromUnits(toUnits(Number.MAX_VALUE) * 2n)).toBe(Number.POSITIVE_INFINITY);
    expect(fromUnits(toUnits(Number.MAX_VALUE) * -4n)).toBe(Number.NEGATIVE_INFINITY);
  });

  test('have as many bits as they have', () => {
    for (const [n, bits] of [
      [0n, 0],
      [1n, 1],
      [2n, 2],
      [255n, 8],
      [256n, 9],
      [2n ** 100n - 1n, 100],
      [2n ** 100n, 101],
    ] as const) {
      expect(bitLength(n)).toBe(bits);
    }
  });
});
