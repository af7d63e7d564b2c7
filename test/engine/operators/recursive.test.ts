import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Arguments, RowOperator, Runner } from '../../../src/engine/operator.ts';
import { cumsum } from '../../../src/engine/operators/cumsum.ts';
import { drawdown } from '../../../src/engine/operators/drawdown.ts';
import { ema } from '../../../src/engine/operators/ema.ts';
import { rsi } from '../../../src/engine/operators/rsi.ts';
import { runmax } from '../../../src/engine/operators/runmax.ts';
import { wilder } from '../../../src/engine/operators/wilder.ts';
import { column, cuts, instants } from '../exact/data.ts';
import { round, toDouble, unitsOf } from '../exact/oracle.ts';
import { type Case, expectBits, expectExample, inOne, runInCalls } from './in-calls.ts';

function exactSum(xs: readonly number[], divisor = 1n): number {
  const total = xs.reduce((sum, x) => sum + unitsOf(x), 0n);
  return toDouble(round(total, divisor, -1074));
}

function exactMean(xs: readonly number[]): number {
  const sum = exactSum(xs);
  return Number.isNaN(sum) ? exactSum(xs, BigInt(xs.length)) : sum / xs.length;
}

/** One step of an exponential average. */
function moved(average: number, x: number, alpha: number): number {
  if (alpha === 1) return x;
  const distance = x - average;
  if (!Number.isFinite(distance)) return alpha * x + (1 - alpha) * average;
  const next = average + alpha * distance;
  return next === average && alpha >= 1 / 1048576 ? x : next;
}

function alphaByTheBook({ alpha, halflife, span }: Arguments): number {
  if (span !== undefined) return 2 / (1 + Number(span));
  return halflife === undefined ? Number(alpha) : 1 - 2 ** (-1 / Number(halflife));
}

function rsiByTheBook(x: readonly number[], span: number): number[] {
  const out: number[] = [];
  let start = 0;
  let gain = 0;
  let loss = 0;
  for (let i = 0; i < x.length; i++) {
    const change = x[i] - x[i - 1];
    if (i > 0 && Math.abs(change) > 2 ** 1022) start = i;
    if (i - start < span) {
      out.push(Number.NaN);
      continue;
    }
    if (i - start === span) {
      const changes = x.slice(start + 1, i + 1).map((each, k) => each - x[start + k]);
      gain = exactMean(changes.map((each) => Math.max(each, 0)));
      loss = exactMean(changes.map((each) => Math.max(-each, 0)));
    } else {
      gain += (1 / span) * (Math.max(change, 0) - gain);
      loss += (1 / span) * (Math.max(-change, 0) - loss);
    }
    if (gain + loss < 2 ** -960) {
      gain = 0;
      loss = 0;
    }
    out.push(gain + loss === 0 ? Number.NaN : 100 * (gain / (gain + loss)));
  }
  return out;
}

const oracles: Readonly<Record<string, (x: readonly number[], given: Arguments) => number[]>> = {
  ema(x, given) {
    const alpha = alphaByTheBook(given);
    let average = x[0];
    return x.map((each, i) => (average = i === 0 ? each : moved(average, each, alpha)));
  },
  wilder(x, { span }) {
    const n = Number(span);
    let average = Number.NaN;
    return x.map((each, i) => {
      if (i === n - 1) average = exactMean(x.slice(0, n));
      if (i >= n) average = moved(average, each, 1 / n);
      return average;
    });
  },
  rsi: (x, { span }) => rsiByTheBook(x, Number(span)),
  cumsum: (x) => x.map((_, i) => exactSum(x.slice(0, i + 1))),
  runmax: (x) => x.map((_, i) => Math.max(...x.slice(0, i + 1))),
  drawdown: (x) =>
    x.map((each, i) => {
      const top = Math.max(...x.slice(0, i + 1));
      const value = Number.isFinite(each - top) ? (each - top) / top : each / top - 1;
      return top > 0 && Number.isFinite(value) ? value : Number.NaN;
    }),
};

const nothing = fc.constant<Arguments>({});
const givens: Readonly<Record<string, fc.Arbitrary<Arguments>>> = {
  ema: fc.oneof(
    fc.constantFrom(1, 1.5, 2, 12, 200).map((span) => ({ span })),
    fc.constantFrom(0.001, 1, 20).map((halflife) => ({ halflife })),
    fc.constantFrom(1e-300, 1e-17, 1e-6, 0.1, 0.5, 1).map((alpha) => ({ alpha })),
  ),
  wilder: fc.constantFrom(1, 2, 3, 14).map((span) => ({ span })),
  rsi: fc.constantFrom(2, 3, 14).map((span) => ({ span })),
  cumsum: nothing,
  runmax: nothing,
  drawdown: nothing,
};

function casesOf(name: string): fc.Arbitrary<Case & { readonly given: Arguments }> {
  return column.chain((x) =>
    fc.record({ t: instants(x.length), x: fc.constant(x), at: cuts(x.length), given: givens[name] }),
  );
}

function stateOf(runner: Runner): number[] {
  const state = runner.state!();
  expect(state.every(Number.isFinite)).toBe(true);
  return state;
}

const operators: readonly RowOperator[] = [ema, wilder, rsi, cumsum, runmax, drawdown];

describe.each(operators.map((operator) => ({ name: operator.name, operator })))('$name', ({ name, operator }) => {
  test('is what its definition says, however the rows are cut into calls', () => {
    fc.assert(
      fc.property(casesOf(name), ({ given, ...rows }) => {
        expectBits(runInCalls(operator.open(given), rows), oracles[name](Array.from(rows.x), given));
      }),
      { numRuns: 600 },
    );
  });

  test('goes on with the same bits from its state at any row, into a runner that is new or was used', () => {
    fc.assert(
      fc.property(casesOf(name), fc.nat(130), fc.boolean(), ({ given, t, x }, part, used) => {
        const from = Math.min(part, x.length);
        const whole = operator.open(given);
        const expected = runInCalls(whole, inOne(t, x));
        const before = operator.open(given);
        runInCalls(before, { t, x, at: [0, from] });
        const state = stateOf(before);
        const after = operator.open(given);
        if (used) runInCalls(after, inOne(t.toReversed(), x.toReversed()));
        after.restore!(state);
        expectBits(stateOf(after), state);
        expectBits(runInCalls(after, inOne(t, x, from)), expected.slice(from));
        expectBits(stateOf(after), stateOf(whole));
      }),
      { numRuns: 400 },
    );
  });

  test('gives what its examples say, and says that it remembers forever', () => {
    expect(operator.examples.length).toBeGreaterThan(0);
    for (const example of operator.examples) expectExample(operator, example);
    expect(operator.memory({})).toEqual({ kind: 'forever' });
  });
});

function over(operator: RowOperator, given: Arguments, x: readonly number[]): { out: number[]; state: number[] } {
  const runner = operator.open(given);
  const out = runInCalls(runner, inOne(Float64Array.from(x.keys()), Float64Array.from(x)));
  return { out: Array.from(out), state: stateOf(runner) };
}

function flat(value: number, times: number): number[] {
  return new Array<number>(times).fill(value);
}

test.each([
  ['ema', ema, { span: 12 }],
  ['ema of 200', ema, { span: 200 }],
  ['wilder', wilder, { span: 14 }],
] as const)('%s comes to rest on flat data, whatever was before', (_, operator, given) => {
  for (const level of [65_000.01, 0.1, -3, 1e300, 5e-324]) {
    const low = over(operator, given, [...flat(level / 2, 20), ...flat(level, 100 * 50)]);
    const high = over(operator, given, [...flat(level * 1.5, 20), ...flat(level, 100 * 50)]);
    expect(low.out.at(-1)).toBe(level);
    expectBits(low.state, high.state);
  }
});

test('an ema of what has become 0 becomes 0', () => {
  expect(over(ema, { span: 12 }, [1, ...flat(0, 6000)]).out.at(-1)).toBe(0);
});

test('an ema of a tiny alpha does not jump to a value that its steps cannot reach', () => {
  expect(over(ema, { alpha: 1e-17 }, [1, 1.5, 2]).out).toEqual([1, 1, 1]);
});

test('an ema of the largest doubles does not overflow', () => {
  const x = flat(0, 50).map((_, i) => (i % 2 === 0 ? Number.MAX_VALUE : -Number.MAX_VALUE));
  expect(over(ema, { span: 3 }, x).out.every(Number.isFinite)).toBe(true);
  expect(over(ema, { span: 3 }, x).out.slice(0, 2)).toEqual([Number.MAX_VALUE, 0]);
});

test('the seed of wilder does not depend on the order of the values, and does not overflow', () => {
  expect(over(wilder, { span: 3 }, [0.1, 0.2, 0.3]).out[2]).toBe(0.6 / 3);
  expect(over(wilder, { span: 3 }, [0.3, 0.2, 0.1]).out[2]).toBe(0.6 / 3);
  expect(over(wilder, { span: 2 }, [Number.MAX_VALUE, Number.MAX_VALUE]).out[1]).toBe(Number.MAX_VALUE);
});

test('a cumulative sum does not depend on the order of what has come', () => {
  fc.assert(
    fc.property(column, (x) => {
      const backwards = over(cumsum, {}, Array.from(x).reverse());
      const forwards = over(cumsum, {}, Array.from(x));
      expectBits(forwards.state, backwards.state);
      expectBits(forwards.out.slice(-1), backwards.out.slice(-1));
    }),
  );
});

test('a cumulative sum too large for a double has no point, and comes back', () => {
  const { out } = over(cumsum, {}, [Number.MAX_VALUE, 1e308, -1e308, 5, -Number.MAX_VALUE]);
  expect(out).toEqual([Number.MAX_VALUE, Number.NaN, Number.MAX_VALUE, Number.MAX_VALUE, 5]);
});

test('an rsi is 100 without losses, 0 without gains, and nothing without either', () => {
  expect(over(rsi, { span: 2 }, [1, 2, 3, 3]).out.slice(2)).toEqual([100, 100]);
  expect(over(rsi, { span: 2 }, [3, 2, 1, 1]).out.slice(2)).toEqual([0, 0]);
  expect(over(rsi, { span: 2 }, [3, 3, 3, 3, 4]).out.slice(2)).toEqual([Number.NaN, Number.NaN, 100]);
});

test('an rsi stays where it is while nothing moves, ends when its averages are as good as 0, and forgets', () => {
  const moving = [10, 11, 10.5, 12, 11, 13];
  const { out, state } = over(rsi, { span: 3 }, [...moving, ...flat(13, 3000)]);
  const still = out.slice(moving.length).filter((value) => !Number.isNaN(value));
  expect(still.length).toBeGreaterThan(1500);
  for (const value of still) expect(Math.abs(value - out[moving.length - 1])).toBeLessThan(1e-10);
  expect(out.at(-1)).toBeNaN();
  expectBits(state, over(rsi, { span: 3 }, [...flat(2, 10), ...flat(13, 3000)]).state);
});

test('an rsi begins anew with a value that is too far from the one before', () => {
  const tail = [1, 2, 1.5, 4, 3];
  const { out, state } = over(rsi, { span: 2 }, [5, 6, 7, 6, 1e308, ...tail]);
  const anew = over(rsi, { span: 2 }, tail);
  expect(out[3]).not.toBeNaN();
  expect(out.slice(4)).toEqual([Number.NaN, ...anew.out]);
  expectBits(state, anew.state);
});

test('a drawdown has no point while nothing was above 0', () => {
  expect(over(drawdown, {}, [-1, 0, -5, 2, 1, -2]).out).toEqual([Number.NaN, Number.NaN, Number.NaN, 0, -0.5, -2]);
});
