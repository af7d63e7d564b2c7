import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExactSum } from '../../src/engine/exact-sum.ts';

const max = Number.MAX_VALUE;
const min = Number.MIN_VALUE;

/** The oracle: whole numbers of 2^-1074, without a look at the bits of a double. */
function units(x: number): bigint {
  const whole = Math.trunc(x);
  const fraction = x - whole;
  const small = Math.abs(fraction) < 2 ** -100;
  const fractionUnits = small ? BigInt(fraction * 2 ** 1000 * 2 ** 74) : BigInt(fraction * 2 ** 200) << 874n;
  return (BigInt(whole) << 1074n) + fractionUnits;
}

function total(values: readonly number[]): bigint {
  return values.reduce((sum, x) => sum + units(x), 0n);
}

/** The double nearest to numerator / denominator units: the rounding is that of Number(bigint). */
function nearest(numerator: bigint, denominator = 1n): number {
  const negative = numerator < 0n;
  const magnitude = negative ? -numerator : numerator;
  // The shifted quotient keeps far more than 53 bits; its last one says whether anything was cut off.
  const part = (drop: bigint): number => {
    const divisor = denominator << drop;
    const quotient = magnitude / divisor;
    return Number(quotient * divisor === magnitude ? quotient : quotient | 1n);
  };
  const whole = magnitude / denominator;
  let rounded: number;
  if (whole >> 1174n > 0n) rounded = part(1074n);
  else if (whole >> 1000n > 0n) rounded = part(700n) * 2 ** -374;
  else rounded = part(0n) * min;
  return negative ? -rounded + 0 : rounded;
}

function sumOf(values: readonly number[]): ExactSum {
  const sum = new ExactSum();
  for (const x of values) sum.add(x);
  return sum;
}

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const price = fc.integer({ min: -10_000_000, max: 10_000_000 }).map((cents) => cents / 100);
const power = fc.tuple(fc.integer({ min: -1074, max: 1023 }), fc.boolean()).map(([e, up]) => (up ? 2 ** e : -(2 ** e)));
const nearOne = fc.tuple(fc.integer({ min: -110, max: 2 }), fc.boolean()).map(([e, up]) => (up ? 2 ** e : -(2 ** e)));
const huge = fc
  .tuple(fc.integer({ min: 2 ** 52, max: 2 ** 53 - 1 }), fc.boolean())
  .map(([m, up]) => (up ? m : -m) * 2 ** 971);
const subnormal = fc.integer({ min: -(2 ** 40), max: 2 ** 40 }).map((n) => n * min);
const values = fc.oneof(
  fc.array(finite, { maxLength: 40 }),
  fc.array(price, { maxLength: 40 }),
  fc.array(fc.oneof(power, price, subnormal), { maxLength: 60 }),
  fc.array(nearOne, { maxLength: 20 }),
  fc.array(fc.oneof(huge, subnormal, power), { maxLength: 20 }),
);

describe('an exact sum', () => {
  test('is the total of any doubles, rounded once', () => {
    fc.assert(
      fc.property(values, (xs) => {
        expect(sumOf(xs).value()).toBe(nearest(total(xs)));
      }),
      { numRuns: 2000 },
    );
  });

  test('has an expansion that is exact, canonical and finite', () => {
    fc.assert(
      fc.property(values, (xs) => {
        let rest = total(xs);
        for (const term of sumOf(xs).expansion()) {
          expect(term).toBe(Math.max(-max, Math.min(max, nearest(rest))));
          expect(term).not.toBe(0);
          rest -= units(term);
        }
        expect(rest).toBe(0n);
      }),
      { numRuns: 2000 },
    );
  });

  test('does not depend on the order, nor on what came and went', () => {
    const shuffled = fc.tuple(values, values).chain(([kept, gone]) => {
      const steps = [...kept, ...gone, ...gone.map((x) => -x)];
      return fc.tuple(fc.constant(kept), fc.shuffledSubarray(steps, { minLength: steps.length }));
    });
    fc.assert(
      fc.property(shuffled, ([kept, steps]) => {
        expect(sumOf(steps).expansion()).toEqual(sumOf(kept).expansion());
        expect(sumOf(steps).value()).toBe(sumOf(kept).value());
      }),
      { numRuns: 1000 },
    );
  });

  test('can be put together from expansions of its parts', () => {
    fc.assert(
      fc.property(fc.array(values, { maxLength: 5 }), (parts) => {
        const sum = new ExactSum();
        for (const part of parts) sum.addExpansion(Float64Array.from(sumOf(part).expansion()));
        expect(sum.expansion()).toEqual(sumOf(parts.flat()).expansion());
      }),
    );
  });

  test('has a mean that is the rounded total by the count, and exact where the total overflows', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 1000 }), (xs, count) => {
        const rounded = nearest(total(xs));
        const expected = Number.isFinite(rounded) ? rounded / count + 0 : nearest(total(xs), BigInt(count));
        expect(sumOf(xs).mean(count)).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });

  test.each<[string, number[], number, number[]]>([
    ['nothing', [], 0, []],
    ['zeros of either sign', [-0, 0, -0], 0, []],
    ['what cancels out', [0.1, -0.1], 0, []],
    ['tenths', Array(10).fill(0.1), 1, [1, 5.551115123125783e-17]],
    ['a small one beside a large one', [1e100, 1, -1e100], 1, [1]],
    ['a tie, to even', [1, 2 ** -53], 1, [1, 2 ** -53]],
    ['just over a tie', [1, 2 ** -53, min], 1 + 2 ** -52, [1 + 2 ** -52, -(2 ** -53), min]],
    ['the smallest ones', [min, min, -3 * min], -min, [-min]],
    ['a large tie, to even', [2 ** 1023, 2 ** 970], 2 ** 1023, [2 ** 1023, 2 ** 970]],
    ['a large tie, up to even', [2 ** 1023, 3 * 2 ** 970], 2 ** 1023 + 2 ** 972, [2 ** 1023 + 2 ** 972, -(2 ** 970)]],
    ['an overflow in steps', Array(4).fill(2 ** 1022), Number.POSITIVE_INFINITY, [max, 2 ** 971]],
    ['an overflow on the way', [max, max, -max], max, [max]],
    ['an overflow at the end', [max, max, 1], Number.POSITIVE_INFINITY, [max, max, 1]],
    ['a negative overflow', [-max, -max], Number.NEGATIVE_INFINITY, [-max, -max]],
    ['half a step over the largest', [max, 2 ** 970], Number.POSITIVE_INFINITY, [max, 2 ** 970]],
    ['just under half a step over', [max, 2 ** 970, -min], max, [max, 2 ** 970, -min]],
  ])('adds %s', (_, xs, value, expansion) => {
    expect(sumOf(xs).value()).toBe(value);
    expect(sumOf(xs).expansion()).toEqual(expansion);
  });

  test('has finite means of the largest doubles', () => {
    expect(sumOf([max, max, max]).mean(3)).toBe(max);
    expect(sumOf([-max, -max]).mean(4)).toBe(-max / 2);
    expect(sumOf([-min]).mean(2)).toBe(0);
  });

  test('works as before once it has come back from beyond the range', () => {
    const sum = sumOf([0.1, max, max, -max]);
    sum.add(-max);
    for (let i = 0; i < 9; i++) sum.add(0.1);
    expect(sum.expansion()).toEqual(sumOf(Array(10).fill(0.1)).expansion());
  });

  test.each([[Number.NaN], [Number.POSITIVE_INFINITY], [Number.NEGATIVE_INFINITY]])('refuses %d, untouched', (x) => {
    for (const xs of [
      [0.1, 1e20],
      [max, max],
    ]) {
      const sum = sumOf(xs);
      expect(() => sum.add(x)).toThrow(RangeError);
      expect(sum.expansion()).toEqual(sumOf(xs).expansion());
    }
  });

  test('is empty again after clear, and hands out no array of its own', () => {
    const sum = sumOf([1]);
    sum.expansion()[0] = 5;
    expect(sum.value()).toBe(1);
    sum.add(max);
    sum.clear();
    expect(sum.value()).toBe(0);
    expect(sum.expansion()).toEqual([]);
  });
});
