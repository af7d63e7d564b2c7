import fc from 'fast-check';
import { expect, it } from 'vitest';
import { batchesOf } from '../../src/engine/batches.ts';

it('batches keep the order, hold every item once, and are as full as their limit allows', () => {
  const items = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 40 });
  const sum = (all: readonly number[]) => all.reduce((total, each) => total + each, 0);
  fc.assert(
    fc.property(items, fc.integer({ min: 1, max: 12 }), (weights, weightMax) => {
      const batches = [...batchesOf(weights, { weightMax, weightOf: (weight) => weight })];
      expect(batches.flat()).toEqual(weights);
      for (const [i, batch] of batches.entries()) {
        expect(batch.length).toBeGreaterThan(0);
        if (batch.length > 1) expect(sum(batch)).toBeLessThanOrEqual(weightMax);
        if (i > 0) expect(sum(batches[i - 1]) + batch[0]).toBeGreaterThan(weightMax);
      }
    }),
  );
});

it('without weights the limit counts items', () => {
  expect([...batchesOf('abcde', { weightMax: 2 })]).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
});
