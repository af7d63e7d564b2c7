import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { computeRange } from '../../src/derive/evaluate.ts';
import { StageSource } from '../../src/derive/stage-source.ts';
import { parseFormula } from '../../src/engine/formula/parse.ts';
import { operatorsByName } from '../../src/engine/operators/registry.ts';
import { type Plan, planFormula } from '../../src/engine/plan.ts';
import { times } from '../support/long.ts';
import { apply, everything, type Series as Held, type History, history, noSeries } from './histories.ts';
import { atOnce, MemorySource, type Output, pointsOf } from './memory.ts';
import { tables } from './tables.ts';

const runs = 4 * times;

const bound = fc.oneof(
  { arbitrary: fc.integer({ min: -45, max: 70 }).map((halves) => halves * 500_000), weight: 4 },
  { arbitrary: fc.integer({ min: -25_000_000, max: 35_000_000 }), weight: 1 },
);
const range = fc.record({
  from: fc.option(bound, { nil: everything.from, freq: 8 }),
  to: fc.option(bound, { nil: everything.to, freq: 8 }),
});

function seriesOf({ edits }: History): Held {
  const series = noSeries();
  for (const edit of edits.slice(0, 3)) apply(series, edit);
  return series;
}

const opened = (series: Held, chunk: number) => (key: string) =>
  new MemorySource(pointsOf(series.get(key as 'A') ?? new Map()), chunk);

function within(output: Output, from: number, to: number): [number, number][] {
  return [...output].filter(([t]) => t >= from && t < to).sort((a, b) => a[0] - b[0]);
}

const formulas = Object.entries(tables).filter(([name]) => operatorsByName.has(name));

describe.each(formulas)('%s', (_, table) => {
  it.each(table)('over any range, %s gives exactly that slice of what it gives over everything', async (formula) => {
    const plan: Plan = planFormula(parseFormula(formula, operatorsByName));
    await fc.assert(
      fc.asyncProperty(history, fc.array(range, { minLength: 1, maxLength: 4 }), async (given, ranges) => {
        const series = seriesOf(given);
        const whole = atOnce(plan, series).at(-1) ?? new Map();
        for (const { from, to } of [everything, ...ranges]) {
          const { t, value } = await computeRange(plan, { series: opened(series, given.chunk) }, { from, to });
          expect(Array.from(t, (instant, i) => [instant, value[i]])).toStrictEqual(within(whole, from, to));
        }
      }),
      { numRuns: runs },
    );
  });
});

describe('a stage that is computed where it is read', () => {
  const stages = ['close(A, 2s)', 'close(ema(A, 3), 2s)', 'high(mean(A + B, 3s), 4s)', 'close(A, 1h)'];

  it.each(stages)('%s is read as if it were stored, from wherever and however often', async (formula) => {
    const plan = planFormula(parseFormula(formula, operatorsByName));
    const asked = fc.oneof(
      fc.record({ kind: fc.constant('chunk' as const), at: bound }),
      fc.record({ kind: fc.constant('back' as const), at: bound, count: fc.integer({ min: 1, max: 6 }) }),
      fc.record({ kind: fc.constant('all' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(history, fc.array(asked, { minLength: 1, maxLength: 6 }), async (given, questions) => {
        const series = seriesOf(given);
        const [stage] = plan.stages;
        const open = opened(series, given.chunk);
        const leaves = stage.leaves.map((leaf) => ({
          source: open(leaf.kind === 'series' ? leaf.key : ''),
          column: 'value' as const,
        }));
        const source = new StageSource(stage, leaves);
        const stored = within(atOnce(plan, series)[0], everything.from, everything.to);
        const answers = questions.map(async (question) => {
          if (question.kind === 'back') {
            const earlier = stored.filter(([t]) => t < question.at);
            const wanted = earlier.length < question.count ? undefined : earlier[earlier.length - question.count][0];
            expect(await source.back(question.at, question.count)).toBe(wanted);
            return;
          }
          const start = question.kind === 'all' ? Number.NEGATIVE_INFINITY : question.at;
          const got: [number, number][] = [];
          for (let at = start; at !== Number.POSITIVE_INFINITY; ) {
            const { points, to } = await source.chunk(at);
            expect(to).toBeGreaterThan(at);
            points.t.forEach((t, i) => void got.push([t, points.value[i]]));
            at = to;
          }
          expect(got).toStrictEqual(stored.filter(([t]) => t >= start));
        });
        // Several readers at once.
        await Promise.all(answers);
      }),
      { numRuns: 60 * times },
    );
  });
});
