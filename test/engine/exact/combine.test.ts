import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { certain } from '../../../src/engine/exact/combine.ts';
import { frameOf } from '../../../src/engine/exact/frame.ts';
import { Moments } from '../../../src/engine/exact/moments.ts';
import { narrowed } from '../../../src/engine/exact/wide.ts';
import { column } from './data.ts';
import { round, toDouble, unitsOf } from './oracle.ts';

describe('what is certain', () => {
  test('is high + low rounded when nothing within the error rounds otherwise', () => {
    expect(certain(1, 2 ** -60, 2 ** -100)).toBe(1);
    expect(certain(3, 0, 0)).toBe(3);
    expect(certain(0, 0, 0)).toBe(0);
  });

  test('is nothing next to a point half way between two doubles', () => {
    expect(certain(1, 2 ** -53, 2 ** -110)).toBeNaN();
    expect(certain(1, 2 ** -53 + 2 ** -100, 2 ** -99)).toBeNaN();
  });

  test('is nothing where the sign is open', () => {
    expect(certain(0, 0, 2 ** -200)).toBeNaN();
  });
});

describe('moments', () => {
  test('that answer without the slow way answer as exact arithmetic does', () => {
    let answers = 0;
    fc.assert(
      fc.property(column, fc.nat(200), (x, some) => {
        fc.pre(x.length > 0);
        const to = Math.min(some, x.length);
        const moments = new Moments();
        // Aimed at some of the values; the others find what they find.
        moments.prepare(x, 0, to, Math.max(1, to));
        for (let i = to; i < x.length; i++) moments.add(x[i], 1);
        const units = Array.from(x, unitsOf);
        const sum = units.reduce((total, each) => total + each, 0n);
        const exact = BigInt(x.length) * units.reduce((total, each) => total + each * each, 0n) - sum * sum;
        const spread = moments.spread(x.length);
        if (Number.isNaN(spread)) return;
        answers++;
        expect(spread).toBe(toDouble(round(exact, 1n, -2148)));
        const last = x[x.length - 1];
        const offset = moments.offset(x.length, last);
        if (!Number.isNaN(offset)) {
          expect(offset).toBe(toDouble(round(BigInt(x.length) * unitsOf(last) - sum, 1n, -1074)));
        }
      }),
      { numRuns: 1000 },
    );
    expect(answers).toBeGreaterThan(300);
  });
});

describe('moments aimed at one value', () => {
  const base = fc.double({ min: 0.5, max: 1, noNaN: true });
  const closeTogether = fc
    .tuple(
      base,
      fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 2, maxLength: 9 }),
      fc.integer({ min: 0, max: 50 }),
      fc.constantFrom(1, 37),
    )
    .map(([x, steps, e, times]) =>
      // Many of them, so that no pair of doubles holds their sums.
      Array.from({ length: steps.length * times }, (_, i) => x + steps[i % steps.length] * (i + 1) * 2 ** (e - 53)),
    );
  const around = fc.array(fc.double({ min: 0.01, max: 30, noNaN: true }), { minLength: 2, maxLength: 9 });

  test('say nothing rather than something wrong of others far from it, however close together', () => {
    fc.assert(
      fc.property(base, fc.oneof(closeTogether, around), (first, x) => {
        const moments = new Moments();
        // For as many rows as are taken in: more than it is prepared for are not summed up exactly.
        moments.prepare(new Float64Array(x.length).fill(first), 0, 0, x.length);
        for (const each of x) moments.add(each, 1);
        const units = x.map(unitsOf);
        const sum = units.reduce((total, each) => total + each, 0n);
        const squares = units.reduce((total, each) => total + each * each, 0n);
        const exact = toDouble(round(BigInt(x.length) * squares - sum * sum, 1n, -2148));
        const spread = moments.spread(x.length);
        if (!Number.isNaN(spread)) expect(spread).toBe(exact);
        expect(narrowed(moments.exactSpread(x.length))).toBe(exact);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a spread', () => {
  test('of few bits that lies half way between two doubles is decided without the slow way', () => {
    const x = 94_906_267; // its square is odd and has 54 bits
    const moments = new Moments();
    moments.prepare(Float64Array.of(0, x), 0, 2, 2);
    expect(moments.spread(2)).toBe(Number(BigInt(x) ** 2n));
  });
});

describe('a frame', () => {
  test('has an anchor where all values are near each other, and none where they are not', () => {
    expect(frameOf(Float64Array.of(65_000, 65_001.5), 0, 2, 1).anchor).toBe(65_001.5);
    expect(frameOf(Float64Array.of(-3, -4), 0, 2, 0)).toMatchObject({ anchor: -3, low: -6, high: -1.5 });
    for (const values of [
      [1, 3],
      [-1, 1],
      [0, 0],
      [1e300, 1e300],
      [1e-100, 1e-100],
    ]) {
      expect(frameOf(Float64Array.from(values), 0, values.length, 0).anchor).toBe(0);
    }
  });
});
