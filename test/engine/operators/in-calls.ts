import { expect } from 'vitest';
import type { Argument, Arguments, Example, RowOperator, Runner } from '../../../src/engine/operator.ts';

/** Rows of one column, and how they are cut into calls: `at` begins with the first row that is run. */
export interface Case {
  readonly t: Float64Array;
  readonly x: Float64Array;
  readonly at: readonly number[];
}

export function inOne(t: Float64Array, x: Float64Array, from = 0): Case {
  return { t, x, at: [from, t.length] };
}

/** A call for each two neighbouring cuts; the rows of each are gone when it is over. */
export function runInCalls(runner: Runner, { t, x, at }: Case): Float64Array {
  const out = new Float64Array(at[at.length - 1] - at[0]);
  for (let i = 0; i + 1 < at.length; i++) {
    const [from, to] = [at[i], at[i + 1]];
    const own = new Float64Array(to - from).fill(123);
    const rows = { length: to - from, t: t.slice(from, to), columns: [x.slice(from, to)], own: undefined };
    runner.run(rows, own);
    rows.t.fill(Number.NaN);
    rows.columns[0].fill(Number.NaN);
    out.set(own, from - at[0]);
  }
  return out;
}

export function expectBits(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(actual[i] + 0, expected[i] + 0)) expect.fail(`row ${i}: ${actual[i]} instead of ${expected[i]}`);
  }
}

export function expectExample(operator: RowOperator, { formula, inputs: { X }, output }: Example): void {
  const t = Float64Array.from(X, ([at]) => at * 1e6);
  const x = Float64Array.from(X, ([, value]) => value);
  const out = runInCalls(operator.open(givenBy(operator, formula)), inOne(t, x));
  const points = Array.from(out, (value, i) => [t[i] / 1e6, value + 0]).filter(([, value]) => !Number.isNaN(value));
  expect(points).toEqual(output);
}

/** The arguments of a formula whose input is X, without the parser of formulas. */
function givenBy(operator: RowOperator, formula: string): Arguments {
  const given: Record<string, Argument | undefined> = {};
  const parameters = operator.parameters.slice(1);
  for (const { name, fallback } of parameters) given[name] = fallback;
  const [, ...texts] = /\((.*)\)/.exec(formula)![1].split(', ');
  texts.forEach((text, i) => {
    const [, name, number, unit] = /^(?:(\w+): )?([\d.]+)([smhp]?)$/.exec(text)!;
    const value = Number(number);
    const micros = { s: 1e6, m: 60e6, h: 3600e6 }[unit];
    given[name ?? parameters[i].name] =
      unit === '' ? value : unit === 'p' ? { points: value } : { micros: value * micros! };
  });
  return given;
}
