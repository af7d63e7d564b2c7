import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { findProvenance, type InputProvenance } from '../../src/derive/input-provenance.ts';
import { openStages } from '../../src/derive/stage-source.ts';
import { parseFormula } from '../../src/engine/formula/parse.ts';
import { operators, operatorsByName } from '../../src/engine/operators/registry.ts';
import { type Plan, planFormula, type Stage } from '../../src/engine/plan.ts';
import { times } from '../support/long.ts';
import { apply, type Series as Held, type History, history, type Key, noSeries } from './histories.ts';
import { atOnce, MemorySource, pointsOf } from './memory.ts';
import { tables } from './tables.ts';

const second = 1_000_000;

function planOf(formula: string): Plan {
  return planFormula(parseFormula(formula, operatorsByName));
}

function counting(plan: Plan, series: Held, t: number, chunk = 3): Promise<Map<string, InputProvenance>> {
  const source = (key: string) => new MemorySource(pointsOf(series.get(key as Key) ?? new Map()), chunk);
  return findProvenance(plan, openStages(plan, { series: source }), t);
}

function countsAt(given: InputProvenance | undefined, t: number, size: number | undefined): boolean {
  if (!given || (given.sized && size === undefined)) return false;
  return given.spans.some(({ from, to }) => from <= t && t < to);
}

/** The instants of the points that count, by their series. */
async function named(formula: string, series: Held, t: number): Promise<Record<string, number[]>> {
  const found = await counting(planOf(formula), series, t * second);
  const instants = [...found].map(([key, given]): [string, number[]] => {
    const held = [...(series.get(key as Key) ?? [])].filter(([at, { size }]) => countsAt(given, at, size));
    return [key, held.map(([at]) => at / second).sort((a, b) => a - b)];
  });
  return Object.fromEntries(instants);
}

function seriesAt(points: Partial<Record<Key, readonly (number | readonly [at: number, size: number])[]>>): Held {
  const series = noSeries();
  for (const [key, instants] of Object.entries(points))
    for (const each of instants) {
      const [at, size] = typeof each === 'number' ? [each, undefined] : each;
      series.get(key as Key)?.set(at * second, { value: at + 1, size });
    }
  return series;
}

const regular = Array.from({ length: 100 }, (_, at) => at);
const sparse = seriesAt({ A: [2, 5, 9], B: [1, 5, 8], C: [0, [3, 2], 4, [6, 1], 7, [9, 5]] });

test.each([
  ['lag(A, 5s)', 9, { A: [2] }],
  ['lag(A, 4s)', 9, { A: [5] }],
  ['lag(A, 2p)', 9, { A: [2] }],
  ['lag(A, 3p)', 9, { A: [] }],
  ['lag(A, 1h)', 9, { A: [] }],
  ['lag(A, 5s) - B', 9, { A: [2], B: [8] }],
  ['delta(A, 5s)', 9, { A: [2, 9] }],
  ['return(A, 2p)', 9, { A: [2, 9] }],
  ['logreturn(A)', 9, { A: [5, 9] }],
  ['mean(A, 5s)', 9, { A: [5, 9] }],
  ['mean(A, 2p)', 9, { A: [5, 9] }],
  ['A - B', 9, { A: [9], B: [8] }],
  ['corr(A, B, 5s)', 9, { A: [5, 9], B: [5, 8] }],
  ['corr(A, B, 2s)', 9, { A: [5, 9], B: [8] }],
  ['corr(A, B, 3p)', 9, { A: [5, 9], B: [5, 8] }],
  ['corr(A, B, 2p)', 9, { A: [5, 9], B: [8] }],
  ['corr(A, B, 1h)', 9, { A: [2, 5, 9], B: [1, 5, 8] }],
  ['size(C)', 6, { C: [6] }],
  ['vwap(C, 2p)', 9, { C: [6, 9] }],
  ['vwap(C, 7s)', 9, { C: [3, 6, 9] }],
  ['cumsum(A)', 5, { A: [2, 5] }],
  ['close(A, 5s)', 5, { A: [5, 9] }],
  ['mean(close(A, 5s), 5s)', 5, { A: [5, 9] }],
  ['lag(close(A, 5s), 1p)', 5, { A: [2] }],
  ['lag(lag(A, 1p), 1p)', 9, { A: [2] }],
  ['lag(A - B, 1p)', 9, { A: [5], B: [8] }],
])('of %s at %i s count exactly %j', async (formula, t, points) => {
  expect(await named(formula, sparse, t)).toEqual(points);
});

test('between two points of a lagged series, some points that do not count are listed with the one that does', async () => {
  // At 8 only B ticks: the last value of lag(A, 3s) stands at 5, and is that of 2.
  expect(await named('lag(A, 3s) - B', sparse, 8)).toEqual({ A: [2, 5], B: [8] });
});

test('a shift counts two points at most, however far it reaches', async () => {
  const series = seriesAt({ A: regular });
  expect(await named('lag(A, 50p)', series, 99)).toEqual({ A: [49] });
  expect(await named('delta(A, 99p)', series, 99)).toEqual({ A: [0, 99] });
  expect(await named('delta(delta(A, 50p), 20s)', series, 99)).toEqual({ A: [29, 49, 79, 99] });
});

const random = fc.double({ min: -10, max: 10, noNaN: true });

/** Other values, and other sizes where there are some, for whatever does not count. */
function withOthers(series: Held, given: ReadonlyMap<string, InputProvenance>, values: readonly number[]): Held {
  const other = noSeries();
  let next = 0;
  for (const [key, held] of series)
    for (const [t, { value, size }] of held) {
      if (countsAt(given.get(key), t, size)) other.get(key)?.set(t, { value, size });
      else {
        const replaced = values[next++ % values.length];
        other.get(key)?.set(t, { value: replaced, size: size === undefined ? undefined : Math.abs(replaced) });
      }
    }
  return other;
}

/** Where each node of a plan gives a point: that there is one, or none, may hang on what does not count. */
function standing(plan: Plan, series: Held): string {
  const lines = plan.stages.flatMap((stage, i) =>
    stage.nodes.map((_, node) => {
      const part: Stage = { ...stage, output: { kind: 'node', node }, bucket: undefined };
      return atOnce({ ...plan, stages: [...plan.stages.slice(0, i), part] }, series).at(-1) ?? new Map();
    }),
  );
  return lines.map((line) => [...line.keys()].join()).join(' ');
}

function seriesOf({ edits }: History): Held {
  const series = noSeries();
  for (const edit of edits.slice(0, 3)) apply(series, edit);
  return series;
}

describe.each(operators.map(({ name }) => name))('%s: what does not count can be anything', (name) => {
  it.each(tables[name] ?? [])('%s stays what it is', async (formula) => {
    const plan = planOf(formula);
    await fc.assert(
      fc.asyncProperty(history, fc.array(random, { minLength: 3 }), fc.nat(), async (given, values, which) => {
        const series = seriesOf(given);
        const output = atOnce(plan, series).at(-1) ?? new Map<number, number>();
        const instants = [...output.keys()].sort((a, b) => a - b);
        if (instants.length === 0) return;
        const t = instants[which % instants.length];
        const found = await counting(plan, series, t, given.chunk);
        const others = withOthers(series, found, values);
        fc.pre(standing(plan, others) === standing(plan, series));
        expect(atOnce(plan, others).at(-1)?.get(t)).toBe(output.get(t));
      }),
      { numRuns: 8 * times },
    );
  });
});
