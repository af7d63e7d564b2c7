import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StagedCoverage } from '../../../src/imports/work/staged-coverage.ts';
import { times } from '../../support/long.ts';

const span = fc.record({
  series: fc.integer({ min: -1, max: 1 }),
  from: fc.integer({ min: 0, max: 2_000 }),
  length: fc.integer({ min: 0, max: 60 }),
});

test('a block is of a later generation than every earlier one that it overlaps', () => {
  fc.assert(
    fc.property(fc.array(span, { maxLength: 150, size: 'max' }), (spans) => {
      const coverage = new StagedCoverage();
      const laid: { series: number; from: number; to: number; generation: number }[] = [];
      for (const { series, from, length } of spans) {
        const to = from + length;
        const generation = coverage.generationOf(series, from, to);
        const under = laid.filter((other) => other.series === series && other.from <= to && other.to >= from);
        for (const other of under) expect(generation).toBeGreaterThan(other.generation);
        coverage.add(series, from, to, generation);
        laid.push({ series, from, to, generation });
      }
    }),
    { numRuns: 200 * times },
  );
});

test('blocks that follow one another are of one generation, however many there are', () => {
  const coverage = new StagedCoverage();
  for (let i = 0; i < 1_000; i++) {
    expect(coverage.generationOf(1, i * 10, i * 10 + 9)).toBe(0);
    coverage.add(1, i * 10, i * 10 + 9, 0);
  }
});

test('of very many series fewer spans are told apart, and none is forgotten', () => {
  const coverage = new StagedCoverage();
  const seriesCount = 50_000;
  for (const from of [0, 1_000, 5_000, 100, 9_000, 3_000]) {
    for (let series = 0; series < seriesCount; series++) {
      coverage.add(series, from, from + 9, coverage.generationOf(series, from, from + 9));
    }
  }
  for (let series = 0; series < seriesCount; series += 100) {
    for (const from of [0, 1_000, 5_000, 100, 9_000, 3_000]) {
      if (coverage.generationOf(series, from, from) === 0) expect.fail(`series ${series} lost what lies at ${from}`);
    }
  }
});
