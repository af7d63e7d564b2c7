import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProductBins, SumBins } from '../../../src/engine/exact/bins.ts';
import { splitter } from '../../../src/engine/exact/combine.ts';
import { round, toDouble, unitsOf } from './oracle.ts';

const term = fc
  .tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.integer({ min: 0, max: 90 }))
  .map(([x, e]) => (Math.abs(x) < 2 ** -200 ? 0 : x * 2 ** -e + 0));
const terms = fc.array(term, { maxLength: 100 });
const rowsLog2 = fc.integer({ min: 8, max: 26 });

function total(xs: readonly number[]): bigint {
  return xs.reduce((sum, x) => sum + unitsOf(x), 0n);
}

function error(a: number, b: number): number {
  const [aHead, bHead] = [a, b].map((x) => x * splitter - (x * splitter - x));
  return aHead * bHead - a * b + aHead * (b - bHead) + (a - aHead) * bHead + (a - aHead) * (b - bHead);
}

describe('sum bins', () => {
  test('hold the exact total of what was added and not taken away again, and say it rounded once', () => {
    fc.assert(
      fc.property(terms, terms, rowsLog2, (kept, gone, log2) => {
        const bins = new SumBins();
        bins.aim(0, log2);
        for (const x of gone) bins.add(x);
        for (const x of kept) bins.add(x);
        for (const x of gone) bins.add(-x);
        const exact = total(kept);
        expect(bins.units()).toBe(exact);
        const value = bins.value();
        if (!Number.isNaN(value)) expect(value).toBe(toDouble(round(exact, 1n, -1074)));
        if (bins.condense()) expect(unitsOf(bins.high) + unitsOf(bins.low)).toBe(exact);
      }),
      { numRuns: 1000 },
    );
  });

  test('count a term with bits below the last place exactly, too, and are as before once it is gone', () => {
    const bins = new SumBins();
    bins.aim(0, 20);
    bins.add(0.75);
    bins.add(1e-300);
    expect(bins.value()).toBeNaN();
    expect(bins.units()).toBe(unitsOf(0.75) + unitsOf(1e-300));
    bins.add(-1e-300);
    expect(bins.value()).toBe(0.75);
  });

  test('forget everything when they are aimed anew', () => {
    const bins = new SumBins();
    bins.aim(0, 20);
    bins.add(0.75);
    bins.add(1e-300);
    bins.aim(3, 10);
    expect(bins.units()).toBe(0n);
    expect(bins.value()).toBe(0);
  });

  test('stay exact with as many terms of the largest magnitude as they were aimed for', () => {
    const bins = new SumBins();
    bins.aim(0, 12);
    const x = 1 - 2 ** -53;
    for (let i = 0; i < 2 ** 12; i++) bins.add(x);
    expect(bins.units()).toBe(unitsOf(x) << 12n);
    for (let i = 1; i < 2 ** 12; i++) bins.add(-x);
    expect(bins.value()).toBe(x);
  });
});

describe('product bins', () => {
  test('hold the exact total of products added and not taken away again, within the error they state', () => {
    const pairs = fc.array(fc.tuple(term, term), { maxLength: 60 });
    fc.assert(
      fc.property(pairs, pairs, rowsLog2, (kept, gone, log2) => {
        const bins = new ProductBins();
        bins.aim(0, log2);
        for (const [a, b] of gone) bins.add(a * b, error(a, b));
        for (const [a, b] of kept) bins.add(a * b, error(a, b));
        for (const [a, b] of gone) bins.add(-(a * b), -error(a, b));
        const exact = kept.reduce((sum, [a, b]) => sum + unitsOf(a) * unitsOf(b), 0n);
        expect(bins.units()).toBe(exact);
        if (!bins.condense()) return;
        const off = exact - ((unitsOf(bins.high) + unitsOf(bins.low)) << 1074n);
        expect((off < 0n ? -off : off) <= unitsOf(bins.error) << 1074n).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('stay exact with as many products of the largest magnitude as they were aimed for', () => {
    const bins = new ProductBins();
    bins.aim(0, 12);
    const x = 1 - 2 ** -53;
    for (let i = 0; i < 2 ** 12; i++) bins.add(x * x, error(x, x));
    expect(bins.units()).toBe((unitsOf(x) * unitsOf(x)) << 12n);
  });
});
