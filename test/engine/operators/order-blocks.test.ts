import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SortedBlocks } from '../../../src/engine/operators/sorted-blocks.ts';

/** Numbers in ascending order, in one array. */
class Sorted {
  readonly numbers: number[] = [];

  insert(x: number): void {
    const at = this.numbers.findIndex((each) => each > x);
    this.numbers.splice(at === -1 ? this.numbers.length : at, 0, x);
  }

  remove(x: number): void {
    this.numbers.splice(this.numbers.indexOf(x), 1);
  }
}

function expectSame(blocks: SortedBlocks, { numbers }: Sorted): void {
  expect(blocks.size).toBe(numbers.length);
  for (const [rank, x] of numbers.entries()) expect(blocks.at(rank)).toBe(x);
  for (let rank = numbers.length - 1; rank >= 0; rank -= 7) expect(blocks.at(rank)).toBe(numbers[rank]);
}

test('sorted blocks hold what came and did not go, at every rank', () => {
  const phase = fc.record({
    count: fc.nat(500),
    from: fc.integer({ min: -300, max: 300 }),
    spread: fc.constantFrom(1, 2, 10, 1000),
    order: fc.constantFrom('rising', 'falling', 'mixed'),
    leaves: fc.constantFrom('oldest', 'newest', 'least', 'greatest', 'all'),
    leaving: fc.nat(500),
  });
  fc.assert(
    fc.property(fc.array(phase, { minLength: 1, maxLength: 8 }), fc.nat(1e9), (phases, seed) => {
      const blocks = new SortedBlocks();
      const sorted = new Sorted();
      const present: number[] = [];
      let random = seed + 1;
      for (const { count, from, spread, order, leaves, leaving } of phases) {
        for (let i = 0; i < count; i++) {
          random = (random * 48271) % 2147483647;
          const step = order === 'mixed' ? random % spread : Math.floor((i * spread) / count);
          const x = order === 'falling' ? from - step : from + step;
          blocks.insert(x);
          sorted.insert(x);
          present.push(x);
          // Ranks are asked for on the way, so that the place last asked for is moved by what comes and goes.
          const rank = random % blocks.size;
          expect(blocks.at(rank)).toBe(sorted.numbers[rank]);
        }
        const goes = leaves === 'all' ? present.length : Math.min(leaving, present.length);
        for (let i = 0; i < goes; i++) {
          let at = 0;
          if (leaves === 'newest') at = present.length - 1;
          if (leaves === 'least') at = present.indexOf(sorted.numbers[0]);
          if (leaves === 'greatest') at = present.indexOf(sorted.numbers[sorted.numbers.length - 1]);
          const [x] = present.splice(at, 1);
          blocks.remove(x);
          sorted.remove(x);
          random = (random * 48271) % 2147483647;
          const rank = random % Math.max(1, blocks.size);
          if (blocks.size > 0) expect(blocks.at(rank)).toBe(sorted.numbers[rank]);
        }
        expectSame(blocks, sorted);
      }
    }),
    { numRuns: 60 },
  );
});

test('sorted blocks that have been emptied hold no more than new ones', () => {
  const blocks = new SortedBlocks();
  for (let i = 0; i < 10_000; i++) blocks.insert((i * 7919) % 10_007);
  expect(blocks.bytes()).toBeLessThan(10_000 * 8 * 3);
  for (let i = 0; i < 10_000; i++) blocks.remove((i * 7919) % 10_007);
  expect(blocks.bytes()).toBeLessThanOrEqual(new SortedBlocks().bytes());
});
