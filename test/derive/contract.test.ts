import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseFormula } from '../../src/engine/formula/parse.ts';
import { operators, operatorsByName } from '../../src/engine/operators/registry.ts';
import { type Plan, planFormula } from '../../src/engine/plan.ts';
import { times } from '../support/long.ts';
import { apply, everything, type History, history, keys, noSeries } from './histories.ts';
import { atOnce, MemoryLane, type Output } from './memory.ts';
import { tables } from './tables.ts';

/** Densely, so that a state is restored and compared with many times in a short history. */
const checkpointPoints = 3;

const runs = 12 * times;

/** Every piece of a formula's storages, as text that differs where a bit does. */
function told(outputs: readonly Output[]): string[] {
  return outputs.flatMap((output, stage) =>
    [...output].sort((a, b) => a[0] - b[0]).map(([t, value]) => `${stage} ${t} ${Object.is(value, -0) ? '-0' : value}`),
  );
}

function differing(before: readonly Output[], after: readonly Output[]): number {
  let count = 0;
  after.forEach((output, stage) => {
    const stood = before[stage];
    for (const [t, value] of output) if (!stood.has(t) || !Object.is(stood.get(t), value)) count++;
    for (const t of stood.keys()) if (!output.has(t)) count++;
  });
  return count;
}

async function bearOut(plan: Plan, { edits, chunk }: History, keepsTails: boolean): Promise<void> {
  const series = noSeries();
  const lane = new MemoryLane(plan, { checkpointPoints, keepsTails });
  for (const edit of edits) {
    const changes = apply(series, edit);
    const before = lane.outputs.map((output) => new Map(output));
    const { written } = await lane.bring(series, changes, chunk);
    expect(told(lane.outputs)).toEqual(told(atOnce(plan, series)));
    expect(written).toBe(differing(before, lane.outputs));
  }
  const walked = new MemoryLane(plan);
  await walked.bring(series, new Map(keys.map((key) => [key, [everything]])), 1_000);
  expect(told(walked.outputs)).toEqual(told(lane.outputs));
}

test('every operator has a table, and there is no table of an operator that is none', () => {
  const names = operators.map(({ name }) => name);
  expect(names.filter((name) => tables[name] === undefined)).toEqual([]);
  expect(Object.keys(tables).filter((name) => !names.includes(name))).toEqual([]);
});

test('the formulas of a table use the operator that it is of', () => {
  const uses = (formula: string): Set<string> => {
    const names = new Set<string>();
    for (const { nodes, bucket, leaves } of planFormula(parseFormula(formula, operatorsByName)).stages) {
      for (const { operator } of nodes) names.add(operator.name);
      if (bucket) names.add(bucket.operator.name);
      for (const leaf of leaves) if (leaf.kind === 'series' && leaf.column === 'size') names.add('size');
    }
    return names;
  };
  for (const { name } of operators) {
    for (const formula of tables[name] ?? []) expect([...uses(formula)], formula).toContain(name);
  }
});

describe.each(operators.map(({ name }) => name))('%s: whatever is written in whatever order', (name) => {
  test.each((tables[name] ?? []).map((formula) => [formula]))(
    '%s is what a computation from the beginning gives, and only what differs is written',
    async (formula) => {
      const plan = planFormula(parseFormula(formula, operatorsByName));
      await fc.assert(
        fc.asyncProperty(history, fc.boolean(), (given, keepsTails) => bearOut(plan, given, keepsTails)),
        { numRuns: runs },
      );
    },
  );
});

test('a walk that begins anew behind a gap goes on from the states that it found, not from those stored before', async () => {
  // What is summed up differs between 20 and 25 only. For the change at 60 the walk has to look so far back, because only
  // few rows count.
  const plan = planFormula(parseFormula('mean(if(B > 0, cumsum(A)), 7p)', operatorsByName));
  const series = noSeries();
  for (let second = 0; second < 100; second++) {
    series.get('A')?.set(second * 1e6, { value: second, size: undefined });
    series.get('B')?.set(second * 1e6, { value: second >= 30 && second < 37 ? 1 : 0, size: undefined });
  }
  series.get('B')?.set(61e6, { value: 1, size: undefined });
  const lane = new MemoryLane(plan, { checkpointPoints });
  await lane.bring(series, new Map(keys.map((key) => [key, [everything]])), 1);
  for (const [second, value] of [
    [20, 21],
    [25, 24],
    [60, 0],
  ]) {
    series.get('A')?.set(second * 1e6, { value, size: undefined });
  }
  const changes = [20, 25, 60].map((second) => ({ from: second * 1e6, to: second * 1e6 + 1 }));
  await lane.bring(series, new Map([['A', changes]]), 1);
  expect(told(lane.outputs)).toEqual(told(atOnce(plan, series)));
});
