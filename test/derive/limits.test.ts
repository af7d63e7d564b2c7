import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { computeRange } from '../../src/derive/evaluate.ts';
import { parseFormula } from '../../src/engine/formula/parse.ts';
import { maxMicros, minMicros, parseInstantText } from '../../src/engine/instant.ts';
import { operatorsByName } from '../../src/engine/operators/registry.ts';
import { type Plan, planFormula } from '../../src/engine/plan.ts';
import { times } from '../support/long.ts';
import { everything } from './histories.ts';
import { atOnce, type Held, MemoryLane, MemorySource, type Output, pointsOf } from './memory.ts';

/** Buckets at the first and at the last instant there is. */

const day = 86_400e6;
const at = (text: string): number => parseInstantText(text) as number;
const planOf = (formula: string): Plan => planFormula(parseFormula(formula, operatorsByName));
const sorted = (output: Output): [number, number][] => [...output].sort((a, b) => a[0] - b[0]);

/** Writes commit by commit into a lane, and gives what the lane holds. */
async function derived(plan: Plan, commits: readonly (readonly [number, number | undefined][])[]): Promise<Output> {
  const held: Held = new Map();
  const lane = new MemoryLane(plan, { checkpointPoints: 3 });
  for (const commit of commits) {
    for (const [t, value] of commit) {
      if (value === undefined) held.delete(t);
      else held.set(t, { value, size: undefined });
    }
    const changes = [...new Set(commit.map(([t]) => t))].sort((a, b) => a - b).map((t) => ({ from: t, to: t + 1 }));
    await lane.bring(new Map([['A', held]]), new Map([['A', changes]]), 2);
  }
  return lane.output;
}

describe('the oldest bucket', () => {
  const first: [number, number][] = [
    [at('1684-07-28T12:00:00Z'), 1],
    [at('1684-07-29T12:00:00Z'), 2],
    [at('1684-07-30T12:00:00Z'), 3],
  ];
  const late: [number, number] = [at('1684-07-29T00:05:00Z'), 100];
  const expected = [
    [minMicros, 1],
    [at('1684-07-29T00:00:00Z'), 100],
    [at('1684-07-30T00:00:00Z'), 3],
  ];
  const plan = planOf('high(A, 1d)');

  test('ends at the midnight behind the first instant, written in one commit or in two', async () => {
    expect(sorted(await derived(plan, [[...first, late]]))).toEqual(expected);
    expect(sorted(await derived(plan, [first, [late]]))).toEqual(expected);
  });

  test('ends there when it is evaluated, too', async () => {
    const held: Held = new Map([...first, late].map(([t, value]) => [t, { value, size: undefined }]));
    const series = () => new MemorySource(pointsOf(held), 2);
    const { t, value } = await computeRange(plan, { series }, everything);
    expect(Array.from(t, (instant, i) => [instant, value[i]])).toEqual(expected);
  });
});

/** The start of the bucket of an instant, in whole numbers of any size; the oldest one starts at the first instant. */
function bucketStart(t: number, width: number): number {
  const rest = ((BigInt(t) % BigInt(width)) + BigInt(width)) % BigInt(width);
  const start = BigInt(t) - rest;
  return start < BigInt(minMicros) ? minMicros : Number(start);
}

function highs(held: Held, width: number): Output {
  const highest: Output = new Map();
  for (const [t, { value }] of held) {
    const start = bucketStart(t, width);
    highest.set(start, Math.max(highest.get(start) ?? Number.NEGATIVE_INFINITY, value));
  }
  return highest;
}

const widths = fc.oneof(
  fc.constantFrom(1, 3, 7, 1e6, 3_600e6, day, 7 * day, 365 * day, 36_525 * day, maxMicros - 1, maxMicros),
  fc.integer({ min: 1, max: 5 * day }),
  fc.integer({ min: 1, max: maxMicros }),
);
/** Some buckets away from a limit. */
const instants = fc
  .tuple(fc.boolean(), widths, fc.integer({ min: 0, max: 3 }), fc.integer({ min: -2, max: 2 }), fc.nat(3 * day))
  .map(([isLast, width, buckets, off, away]) => {
    const edge = bucketStart(isLast ? maxMicros : minMicros, width);
    const near = isLast ? maxMicros - away : minMicros + away;
    const t = buckets === 0 ? near : edge + (isLast ? 1 - buckets : buckets) * width + off;
    return Math.min(Math.max(t, minMicros), maxMicros);
  });
const commits = fc.array(
  fc.array(
    fc.record({
      t: instants,
      value: fc.option(fc.integer({ min: -9, max: 9 }), { nil: undefined, freq: 5 }),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  { minLength: 1, maxLength: 5 },
);

/** What is held behind all commits, and the commits as a lane takes them. */
function written(given: readonly (readonly { t: number; value: number | undefined }[])[]) {
  const held: Held = new Map();
  for (const { t, value } of given.flat()) {
    if (value === undefined) held.delete(t);
    else held.set(t, { value, size: undefined });
  }
  return { held, steps: given.map((commit) => commit.map(({ t, value }): [number, typeof value] => [t, value])) };
}

async function expectSlices(plan: Plan, held: Held, bounds: readonly number[], expected: readonly [number, number][]) {
  const ranges = bounds.flatMap((from) => bounds.filter((to) => from < to).map((to) => ({ from, to })));
  for (const { from, to } of [everything, ...ranges]) {
    const { t, value } = await computeRange(plan, { series: () => new MemorySource(pointsOf(held), 2) }, { from, to });
    const part = expected.filter(([instant]) => instant >= from && instant < to);
    expect(Array.from(t, (instant, i) => [instant, value[i]])).toEqual(part);
  }
}

describe('near the limits of time', () => {
  const bounds = fc.array(instants, { maxLength: 4 });

  test('a bucket holds what lies in it, whatever its width: in steps, at once and over any range', async () => {
    await fc.assert(
      fc.asyncProperty(commits, widths, bounds, async (given, width, ends) => {
        const plan = planOf(`high(A, ${width}us)`);
        const { held, steps } = written(given);
        const expected = sorted(highs(held, width));
        expect(sorted(await derived(plan, steps))).toEqual(expected);
        expect(sorted(atOnce(plan, new Map([['A', held]]))[0])).toEqual(expected);
        await expectSlices(plan, held, ends, expected);
      }),
      { numRuns: 300 * times },
    );
  });

  test.each(['close(mean(A, 3s), W)', 'lag(high(A, W), W)', 'open(ema(A, 3), W)', 'low(A, W) + mean(high(A, W), 2p)'])(
    '%s is in steps, and over any range, what it is at once',
    async (formula) => {
      await fc.assert(
        fc.asyncProperty(commits, widths, bounds, async (given, width, ends) => {
          const plan = planOf(formula.replaceAll('W', `${width}us`));
          const { held, steps } = written(given);
          const expected = sorted(atOnce(plan, new Map([['A', held]])).at(-1) as Output);
          expect(sorted(await derived(plan, steps))).toEqual(expected);
          await expectSlices(plan, held, ends, expected);
        }),
        { numRuns: 150 * times },
      );
    },
  );
});
