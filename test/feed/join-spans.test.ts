import fc from 'fast-check';
import { expect, it } from 'vitest';
import { uniformGrid } from '../../src/engine/bucket.ts';
import { noVersions } from '../../src/engine/versions.ts';
import { joinSpans } from '../../src/feed/join-spans.ts';
import { times } from '../support/long.ts';

const width = 7;
const gaps = fc.array(fc.record({ gap: fc.nat({ max: 9 }), length: fc.integer({ min: 1, max: 6 }) }), {
  maxLength: 30,
});

it('joined spans cover the same instants within the range, as whole buckets with a grid; those that touch none keep their points', () => {
  fc.assert(
    fc.property(
      gaps,
      fc.boolean(),
      fc.nat({ max: 60 }),
      fc.integer({ min: 70, max: 200 }),
      (all, inBuckets, from, to) => {
        let at = 0;
        const spans = all.map(({ gap, length }) => {
          const span = { from: at + gap, to: at + gap + length, points: noVersions };
          at = span.to;
          return span;
        });
        const grid = inBuckets ? uniformGrid(width) : undefined;
        const joined = joinSpans(spans, { from, to }, grid);
        const isTouched = (t: number) =>
          t >= from &&
          t < to &&
          spans.some((span) =>
            grid
              ? grid.indexOf(t) >= grid.indexOf(span.from) && grid.indexOf(t) <= grid.indexOf(span.to - 1)
              : t >= span.from && t < span.to,
          );
        for (let t = 0; t < 300; t++) expect(joined.some((span) => t >= span.from && t < span.to)).toBe(isTouched(t));
        joined.forEach((span, i) => {
          if (i > 0) expect(span.from).toBeGreaterThan(joined[i - 1].to);
          const alone = spans.filter((each) => each.from < span.to && each.to > span.from).length === 1;
          if (span.points) expect(alone && !grid).toBe(true);
        });
      },
    ),
    { numRuns: 300 * times },
  );
});

it('the spans beyond the hundredth are one with it', () => {
  const spans = Array.from({ length: 150 }, (_, i) => ({ from: i * 10, to: i * 10 + 1 }));
  const joined = joinSpans(spans, { from: 0, to: 10_000 }, undefined);
  expect(joined.length).toBe(100);
  expect(joined.at(-1)).toEqual({ from: 990, to: 1_491 });
});
