import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { startOfBucket } from '../../src/engine/bucket.ts';
import { parseFormula } from '../../src/engine/formula/parse.ts';
import { always, never } from '../../src/engine/horizon.ts';
import { operatorsByName } from '../../src/engine/operators/registry.ts';
import { planFormula, type Stage } from '../../src/engine/plan.ts';
import { type Piece, StageRun } from '../../src/engine/stage-run.ts';
import { clipValues, joinValues, type Values } from '../../src/engine/values.ts';

/** The only stage of a formula. */
function stageOf(formula: string): Stage {
  const { stages } = planFormula(parseFormula(formula, operatorsByName));
  expect(stages).toHaveLength(1);
  return stages[0];
}

function line(...points: (readonly [t: number, value: number])[]): Values {
  return { t: Float64Array.from(points, ([t]) => t), value: Float64Array.from(points, ([, value]) => value) };
}

function listed({ t, value }: Values): [number, number][] {
  return Array.from(t, (instant, i) => [instant, value[i]]);
}

function fromTheBeginning(stage: Stage): StageRun {
  return new StageRun(stage, { from: stage.leaves.map(() => always), wanted: always });
}

function atOnce(stage: Stage, lines: readonly Values[]): Values {
  return fromTheBeginning(stage).push(lines, never, true).line;
}

/** Without recursion, which needs checkpoints to begin in the middle. */
const forgetful = [
  'mean(A, 5us)',
  'sum(A, 3p)',
  'A - B',
  'lag(A, 4us)',
  'delta(A, 2p)',
  'mean(A + B, 3p) - lag(B, 3us)',
  'corr(A, B, 4p)',
  'mean(if(A > 2, A), 3p)',
  'asof(A, B, 3us)',
  'fill(A, B, 2us) - min(A, 2p)',
  'resample(mean(A, 3us), 4us, sum)',
  'high(A - B, 6us)',
];
const recursive = ['ema(A, 3)', 'ema(mean(ema(A, 3), 2p), 2)', 'cumsum(A) - ema(B, 2)', 'resample(ema(A - B, 3), 5us)'];

const instantMax = 60;
const values = fc.integer({ min: -3, max: 6 });
const points = fc
  .uniqueArray(fc.tuple(fc.nat(instantMax), values), { maxLength: 30, selector: ([t]) => t })
  .map((given) => line(...given.sort((a, b) => a[0] - b[0])));
const cuts = fc
  .array(fc.nat(instantMax + 1), { maxLength: 6 })
  .map((at) => [...new Set([...at, instantMax + 1])].sort((a, b) => a - b));

/** In chunks that end at these instants; the data end with the last one. */
function pushAll(run: StageRun, lines: readonly Values[], at: readonly number[], from: number = always): Piece[] {
  return at.map((to, i) =>
    run.push(
      lines.map((each) => clipValues(each, i === 0 ? from : at[i - 1], to)),
      to,
      i === at.length - 1,
    ),
  );
}

describe.each([...forgetful, ...recursive])('%s', (formula) => {
  const stage = stageOf(formula);
  const inputs = fc.array(points, { minLength: stage.leaves.length, maxLength: stage.leaves.length });

  test('gives the same in chunks as at once; its pieces follow one another, the last one without an end', () => {
    fc.assert(
      fc.property(inputs, cuts, (lines, at) => {
        const pieces = pushAll(fromTheBeginning(stage), lines, at);
        expect(listed(joinValues(pieces.map((piece) => piece.line)))).toEqual(listed(atOnce(stage, lines)));
        pieces.forEach(({ from, to, line: given }, i) => {
          expect(from).toBe(i === 0 ? always : pieces[i - 1].to);
          expect([...given.t].every((t) => t >= from && t < to)).toBe(true);
        });
        expect(pieces[pieces.length - 1].to).toBe(never);
      }),
    );
  });

  test('goes on behind the end of the data as if it had not been the end', () => {
    fc.assert(
      fc.property(inputs, cuts, (lines, at) => {
        const run = fromTheBeginning(stage);
        let whole = line();
        at.forEach((to, i) => {
          const { from, line: given } = run.push(
            lines.map((each) => clipValues(each, i === 0 ? always : at[i - 1], to)),
            to,
            true,
          );
          whole = joinValues([clipValues(whole, always, from), given]);
          expect(listed(whole)).toEqual(
            listed(
              atOnce(
                stage,
                lines.map((each) => clipValues(each, always, to)),
              ),
            ),
          );
        });
      }),
    );
  });

  test('knows from where on a change is forgotten', () => {
    fc.assert(
      fc.property(inputs, inputs, fc.nat(instantMax), cuts, (before, other, changedUpTo, at) => {
        const after = before.map((each, k) =>
          joinValues([clipValues(other[k], always, changedUpTo), clipValues(each, changedUpTo, never)]),
        );
        const run = fromTheBeginning(stage);
        stage.leaves.forEach((_, leaf) => void run.setClean(leaf, changedUpTo));
        pushAll(run, after, at);
        const stood = clipValues(atOnce(stage, before), run.clean, never);
        expect(listed(clipValues(atOnce(stage, after), run.clean, never))).toEqual(listed(stood));
      }),
    );
  });
});

describe.each(forgetful)('%s, begun in the middle', (formula) => {
  const stage = stageOf(formula);
  const inputs = fc.array(points, { minLength: stage.leaves.length, maxLength: stage.leaves.length });

  test('gives what it would have given from the beginning, from where on it says that it is certain', () => {
    fc.assert(
      fc.property(inputs, fc.array(fc.nat(instantMax), { minLength: 2, maxLength: 2 }), cuts, (lines, starts, at) => {
        const from = stage.leaves.map((_, leaf) => starts[leaf]);
        const run = new StageRun(stage, { from, wanted: always });
        const pieces = pushAll(
          run,
          lines.map((each, leaf) => clipValues(each, from[leaf], never)),
          at,
        );
        const given = joinValues(pieces.map((piece) => piece.line));
        expect(listed(clipValues(given, run.certain, never))).toEqual(
          listed(clipValues(atOnce(stage, lines), run.certain, never)),
        );
      }),
    );
  });
});

describe('where a run is certain', () => {
  const ticks = line([0, 1], [10, 2], [20, 3], [30, 4], [40, 5]);

  function certain(formula: string, from: readonly number[], lines: readonly Values[]): number {
    const run = new StageRun(stageOf(formula), { from, wanted: always });
    run.push(
      lines.map((each, leaf) => clipValues(each, from[leaf], never)),
      50,
      false,
    );
    return run.certain;
  }

  test.each<[string, number]>([
    ['abs(A)', 5],
    ['mean(A, 7us)', 12],
    ['mean(A, 3p)', 30],
    ['lag(A, 7us)', 17],
    ['lag(A, 2p)', 30],
    ['close(A, 15us)', 15],
    ['mean(mean(A, 2p), 2p)', 30],
    ['ema(A, 3)', never],
  ])('%s, begun at 5', (formula, expected) => {
    expect(certain(formula, [5], [ticks])).toBe(expected);
  });

  test('of several inputs, when each has had a point', () => {
    expect(certain('A - B', [5, 5], [ticks, line([0, 1], [33, 2])])).toBe(33);
    expect(certain('A - B', [5, 5], [ticks, line([0, 1])])).toBe(never);
  });

  test('at once, if it began with the first points there are', () => {
    expect(certain('mean(A, 3p) - B', [always, always], [ticks, line()])).toBe(always);
  });
});

describe('what remembers forever', () => {
  const ticks = line([0, 8], [10, 4], [20, 6], [30, 2], [40, 5], [50, 1]);

  /** Begins at 30 from the states there, with the points from an instant on. */
  function resumed(formula: string, from: number, stateAt: readonly number[]): StageRun {
    const stage = stageOf(formula);
    const states = stateAt.map((t, i) => {
      const whole = fromTheBeginning(stage);
      whole.push([clipValues(ticks, always, t)], t, false);
      return { t, state: whole.states()[i] };
    });
    return new StageRun(stage, { from: [from], states, wanted: 30 });
  }

  test('goes on from its state as if it had begun at the beginning', () => {
    const run = resumed('ema(A, 3)', 30, [30]);
    const { line: given } = run.push([clipValues(ticks, 30, never)], 51, true);
    expect(run.certain).toBe(30);
    expect(listed(given)).toEqual(listed(clipValues(atOnce(stageOf('ema(A, 3)'), [ticks]), 30, never)));
  });

  test('is not certain from its state alone: what it reads must be certain there, too', () => {
    const formula = 'ema(mean(A, 3p), 2)';
    const early = resumed(formula, 30, [30]);
    early.push([clipValues(ticks, 30, never)], 51, true);
    expect(early.certain).toBe(never);

    const late = resumed(formula, 0, [30]);
    const { line: given } = late.push([ticks], 51, true);
    expect(late.certain).toBe(30);
    expect(listed(given)).toEqual(listed(clipValues(atOnce(stageOf(formula), [ticks]), 30, never)));
  });

  test('can go on from an earlier state than what reads it', () => {
    const formula = 'ema(mean(ema(A, 3), 2p), 2)';
    const run = resumed(formula, 10, [10, 30]);
    const { line: given } = run.push([clipValues(ticks, 10, never)], 51, true);
    expect(run.certain).toBe(30);
    expect(listed(given)).toEqual(listed(clipValues(atOnce(stageOf(formula), [ticks]), 30, never)));
  });

  test('forgets a change where its state is what it was', () => {
    const stage = stageOf('runmax(A)');
    const before = fromTheBeginning(stage);
    before.push([clipValues(ticks, always, 30)], 30, false);
    const stood = before.states();
    const run = fromTheBeginning(stage);
    run.setClean(0, 21);
    run.push([line([0, 8], [10, 4], [20, 7])], 30, false);
    expect(run.clean).toBe(never);
    expect(run.compare(30, stood)).toBe(true);
    expect(run.clean).toBe(30);
  });

  test('does not, while what it reads is not yet what it was, though its state is the same', () => {
    const stage = stageOf('runmax(mean(A, 30us))');
    const before = fromTheBeginning(stage);
    before.push([clipValues(ticks, always, 30)], 30, false);
    const run = fromTheBeginning(stage);
    run.setClean(0, 21);
    run.push([line([0, 8], [10, 4], [20, 5])], 30, false);
    expect(run.compare(30, before.states())).toBe(true);
    expect(run.clean).toBe(never);
  });
});

describe('a bucket', () => {
  test('is given when it is over, and as it stands where the data end', () => {
    const run = fromTheBeginning(stageOf('close(A, 10us)'));
    expect(run.push([line([1, 5], [12, 6])], 15, false)).toEqual({ from: always, to: 10, line: line([0, 5]) });
    expect(run.push([line([17, 7])], 18, true)).toEqual({ from: 10, to: never, line: line([10, 7]) });
    expect(run.push([line([18, 8])], 20, true)).toEqual({ from: 10, to: never, line: line([10, 8]) });
    expect(run.push([line([25, 9])], 26, true)).toEqual({ from: 20, to: never, line: line([20, 9]) });
  });

  test('starts at a multiple of its width, also before 1970', () => {
    expect([0, 9, 10, -1, -10, -11].map((t) => startOfBucket(t, 10))).toEqual([0, 0, 10, -10, -10, -20]);
  });

  test('that began before the instant from which on a change is forgotten is still another one', () => {
    const run = fromTheBeginning(stageOf('close(A, 10us)'));
    run.setClean(0, 11);
    run.push([line([1, 5], [12, 6])], 15, false);
    expect(run.clean).toBe(20);
  });
});

test('what is not finite is no point, and -0 is 0', () => {
  const given = atOnce(stageOf('A / B'), [line([0, 1], [1, 0], [2, 1e308]), line([0, 0], [1, -5], [2, 1e-9])]);
  expect(listed(given)).toEqual([[1, 0]]);
  expect(Object.is(given.value[0], 0)).toBe(true);
});
