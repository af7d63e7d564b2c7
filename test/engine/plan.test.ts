import { describe, expect, test } from 'vitest';
import { parseFormula } from '../../src/engine/formula/parse.ts';
import { operatorsByName } from '../../src/engine/operators/registry.ts';
import { isRecursive, type Plan, planFormula } from '../../src/engine/plan.ts';

function plan(formula: string): Plan {
  return planFormula(parseFormula(formula, operatorsByName));
}

/** Of each stage what it reads, its operators in order, and its bucket. */
function outline(formula: string): string[] {
  return plan(formula).stages.map(({ leaves, nodes, bucket }) =>
    [
      leaves.map((leaf) => (leaf.kind === 'stage' ? `#${leaf.stage}` : `${leaf.key}.${leaf.column}`)).join(' '),
      nodes.map(({ operator }) => operator.name).join(' '),
      ...(bucket ? [bucket.operator.name] : []),
    ].join(' | '),
  );
}

describe('a formula is cut into stages', () => {
  test('one, if it has no bucket', () => {
    expect(outline('ema(A, 12) - mean(B, 60s)')).toEqual(['A.value B.value | ema mean -']);
  });

  test('behind each bucket, which ends one', () => {
    expect(outline('ema(close(mean(A, 3p), 1m), 5)')).toEqual(['A.value | mean | close', '#0 | ema']);
    expect(outline('high(low(A, 1m), 1h)')).toEqual(['A.value |  | low', '#0 |  | high']);
  });

  test('a stage that reads a bucket can read series beside it', () => {
    expect(outline('A - close(A, 1m)')).toEqual(['A.value |  | close', 'A.value #0 | -']);
  });
});

describe('what stands there twice is computed once', () => {
  test('a part of a formula', () => {
    expect(outline('mean(A, 3p) + mean(A, 3p) * mean(A, 4p)')).toEqual(['A.value | mean mean * +']);
  });

  test('a stage', () => {
    expect(outline('close(A, 1m) - lag(close(A, 1m))')).toEqual(['A.value |  | close', '#0 | lag -']);
    expect(outline('close(A, 1m) - close(A, 2m)')).toHaveLength(3);
  });

  test('but not other inputs in the same places', () => {
    expect(outline('(A - B) * (B - A)')).toEqual(['A.value B.value | - - *']);
  });
});

test('ticks stand for their values and their sizes; size alone is no operator of the plan', () => {
  expect(outline('vwap(A, 3p) * size(B)')).toEqual(['A.value A.size B.size | vwap *']);
  expect(outline('size(A)')).toEqual(['A.size | ']);
});

test('the keys of a formula are those that it names, each once', () => {
  expect(plan("A + 'x/y' * vwap(B, 3p) - close(A, 1m)").keys).toEqual(['A', 'x/y', 'B']);
});

test('a stage is recursive if something in it remembers forever', () => {
  expect(plan('mean(ema(A, 3), 4p)').stages.map(isRecursive)).toEqual([true]);
  expect(plan('ema(close(A, 1m), 3)').stages.map(isRecursive)).toEqual([false, true]);
  expect(plan('mean(A, 3p)').stages.map(isRecursive)).toEqual([false]);
});
