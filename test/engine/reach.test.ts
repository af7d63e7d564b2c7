import { describe, expect, test } from 'vitest';
import { parseFormula } from '../../src/engine/formula/parse.ts';
import { operatorsByName } from '../../src/engine/operators/registry.ts';
import { planFormula } from '../../src/engine/plan.ts';
import { reachOf, type StageReach, timesReach } from '../../src/engine/reach.ts';

function reach(formula: string): StageReach {
  const { stages } = planFormula(parseFormula(formula, operatorsByName));
  return reachOf(stages[stages.length - 1]);
}

describe('how far back the leaves of a formula are needed', () => {
  test.each<[string, string, StageReach['leaves']]>([
    ['not at all, pointwise', 'abs(A)', [[{ anchor: 0, micros: 0, points: 0 }]]],
    ['a window of time', 'mean(A, 60s)', [[{ anchor: 0, micros: 60e6, points: 0 }]]],
    ['a window of points', 'mean(A, 20p)', [[{ anchor: 0, micros: 0, points: 20 }]]],
    ['window behind window', 'mean(mean(A, 20p), 60s)', [[{ anchor: 0, micros: 60e6, points: 20 }]]],
    ['the furthest of several ways', 'mean(mean(A, 5s), 2s) + mean(A, 6s)', [[{ anchor: 0, micros: 7e6, points: 1 }]]],
    [
      'a point more of each of several inputs, which are taken as last known',
      'A + mean(B, 3p)',
      [[{ anchor: 0, micros: 0, points: 1 }], [{ anchor: 0, micros: 0, points: 4 }]],
    ],
    ['not for a number', 'A + 1', [[{ anchor: 0, micros: 0, points: 0 }]]],
    ['what was known so long ago', 'lag(A, 5s)', [[{ anchor: 0, micros: 5e6, points: 1 }]]],
  ])('%s', (_, formula, leaves) => {
    expect(reach(formula)).toEqual({ checkpoints: [], anchors: [], leaves });
  });
});

describe('from which checkpoints a formula goes on', () => {
  const at = { micros: 0, points: 0, leaves: [0] };

  test('the last one, if nothing stands behind what remembers forever; what it reads is needed from there', () => {
    expect(reach('ema(mean(A, 20p), 3)')).toEqual({
      checkpoints: [[{ anchor: 0, ...at }]],
      anchors: [1],
      leaves: [[{ anchor: 1, micros: 0, points: 20 }]],
    });
  });

  test('one that lies a window back, if a window stands behind it', () => {
    expect(reach('mean(ema(A, 3), 5s)').checkpoints).toEqual([[{ anchor: 0, ...at, micros: 5e6 }]]);
  });

  test('the same one, for what is read row by row', () => {
    expect(reach('ema(ema(A, 3), 5)')).toEqual({
      checkpoints: [[{ anchor: 0, ...at }]],
      anchors: [1, 1],
      leaves: [[{ anchor: 1, micros: 0, points: 0 }]],
    });
  });

  test('an earlier one, if a window or a join lies between', () => {
    expect(reach('ema(mean(ema(A, 3), 20p), 5)')).toMatchObject({
      checkpoints: [[{ anchor: 0, ...at }], [{ anchor: 1, ...at, points: 20 }]],
      anchors: [2, 1],
    });
    expect(reach('ema(ema(A, 3) - ema(B, 4), 5)')).toMatchObject({
      checkpoints: [
        [{ anchor: 0, micros: 0, points: 0, leaves: [0, 1] }],
        [
          { anchor: 1, micros: 0, points: 1, leaves: [1] },
          { anchor: 1, micros: 0, points: 1, leaves: [0] },
        ],
      ],
      anchors: [2, 2, 1],
      leaves: [[{ anchor: 2 }], [{ anchor: 2 }]],
    });
  });

  test('of what is read in several ways the earliest', () => {
    const { anchors, checkpoints } = reach('ema(A, 3) + ema(mean(ema(A, 3), 2s), 5)');
    expect(anchors).toEqual([2, 1]);
    expect(checkpoints[1].map(({ anchor }) => anchor)).toEqual([0, 1]);
  });
});

test('a guess that proved too near is tried again further back, points at least one more', () => {
  expect(timesReach({ micros: 5, points: 3 }, 1)).toEqual({ micros: 5, points: 3 });
  expect(timesReach({ micros: 5, points: 3 }, 4)).toEqual({ micros: 20, points: 16 });
  expect(timesReach({ micros: 0, points: 0 }, 4)).toEqual({ micros: 0, points: 4 });
});
