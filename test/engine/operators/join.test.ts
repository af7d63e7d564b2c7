import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Arguments, RowOperator } from '../../../src/engine/operator.ts';
import { asof } from '../../../src/engine/operators/asof.ts';
import { fill } from '../../../src/engine/operators/fill.ts';
import { spread } from '../../../src/engine/operators/spread.ts';
import type { Rows } from '../../../src/engine/rows.ts';
import { expectBits } from './in-calls.ts';

type Line = readonly (readonly [t: number, value: number])[];

interface Seen {
  readonly value: number;
  /** NaN while it is not known. */
  readonly age: bigint | undefined;
}

/** What a series was last at an instant, looked up anew. */
function seen(line: Line, now: number): Seen {
  const last = line.filter(([t]) => t <= now).at(-1);
  return last ? { value: last[1], age: BigInt(now) - BigInt(last[0]) } : { value: Number.NaN, age: undefined };
}

const oracles: Readonly<Record<string, (x: Seen, y: Seen, maxAge: number | undefined) => number>> = {
  asof: (x, y, maxAge) => (y.age === 0n && isKnown(x, maxAge) ? x.value : Number.NaN),
  fill: (x, y, maxAge) => (isKnown(x, maxAge) ? x.value : y.value),
  spread: (x, y, maxAge) => {
    const difference = isKnown(x, maxAge) && isKnown(y, maxAge) ? x.value - y.value : Number.NaN;
    return Number.isFinite(difference) ? difference : Number.NaN;
  },
};

function isKnown({ age }: Seen, maxAge: number | undefined): boolean {
  return age !== undefined && (maxAge === undefined || age <= BigInt(maxAge));
}

function instantsOf(...lines: readonly Line[]): number[] {
  return [...new Set(lines.flatMap((line) => line.map(([t]) => t)))].sort((a, b) => a - b);
}

/** Rows as the join makes them of lines, some of them: an input counts from the first point of its line on. */
function rowsOf(x: Line, y: Line, instants: readonly number[]): Rows {
  const own = Uint32Array.from(instants, (t) =>
    [x, y].reduce((bits, line, k) => bits | (has(line, t) ? 1 << k : 0), 0),
  );
  return {
    length: instants.length,
    t: Float64Array.from(instants),
    columns: [x, y].map((line) => Float64Array.from(instants, (t) => seen(line, t).value)),
    own: own.every((bits) => bits === 3) ? undefined : own,
  };
}

function has(line: Line, now: number): boolean {
  return line.some(([t]) => t === now);
}

function run(operator: RowOperator, given: Arguments, x: Line, y: Line, callRows: number): number[] {
  const runner = operator.open(given);
  const instants = instantsOf(x, y);
  const got: number[] = [];
  for (let from = 0; from < instants.length; from += callRows) {
    const rows = rowsOf(x, y, instants.slice(from, from + callRows));
    const out = new Float64Array(rows.length).fill(123);
    runner.run(rows, out);
    got.push(...out);
  }
  return got;
}

const value = fc
  .oneof(fc.integer({ min: -5, max: 5 }), fc.constantFrom(1e308, -1e308, 5e-324), fc.double({ noNaN: true }))
  .map((x) => (Number.isFinite(x) ? x + 0 : 0));
const line: fc.Arbitrary<Line> = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 40 }), value), { selector: ([t]) => t, maxLength: 20 })
  .map((points) => points.sort((a, b) => a[0] - b[0]));
/** Also at the ends of all time, where differences are not exact. */
const start = fc.constantFrom(0, -20, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 40);
const two = fc.oneof(
  fc.tuple(line, line),
  line.map((x): [Line, Line] => [x, x.map(([t, each]) => [t, each / 2])]),
);
const lines = fc
  .tuple(two, start)
  .map(([both, from]) => both.map((each) => each.map(([t, v]) => [t + from, v] as const)));
const maxAge = fc.constantFrom(undefined, 1, 2, 5, 10, 1000);
const callRows = fc.constantFrom(1, 2, 3, 7, 1000);

const operators = [asof, fill, spread];

describe.each(operators.map((operator) => ({ name: operator.name, operator })))('$name', ({ name, operator }) => {
  test('is what its definition says of the two lines, however the rows are cut into calls', () => {
    fc.assert(
      fc.property(lines, maxAge, callRows, ([x, y], max_age, size) => {
        const wanted = instantsOf(x, y).map((t) => oracles[name](seen(x, t), seen(y, t), max_age));
        expectBits(run(operator, { max_age }, x, y, size), wanted);
      }),
      { numRuns: 500 },
    );
  });

  test('started later, gives the same bits from where each input has had a point of its own', () => {
    fc.assert(
      fc.property(lines, maxAge, callRows, fc.nat(40), ([x, y], max_age, size, skipped) => {
        const instants = instantsOf(x, y);
        const from = instants[Math.min(skipped, instants.length - 1)];
        const [laterX, laterY] = [x, y].map((each) => each.filter(([t]) => t >= from));
        fc.pre(laterX.length > 0 && laterY.length > 0);
        const certain = Math.max(laterX[0][0], laterY[0][0]);
        const whole = run(operator, { max_age }, x, y, size);
        const later = run(operator, { max_age }, laterX, laterY, size);
        const isCertain = (_: number, i: number, got: readonly number[]) =>
          instants[instants.length - got.length + i] >= certain;
        expectBits(later.filter(isCertain), whole.filter(isCertain));
      }),
      { numRuns: 500 },
    );
  });

  test('a changed past is forgotten from where each input has had a point of its own', () => {
    fc.assert(
      fc.property(lines, line, line, maxAge, fc.integer({ min: 0, max: 40 }), ([x, y], a, b, max_age, cut) => {
        const origin = instantsOf(x, y)[0] ?? 0;
        const at = origin + cut;
        const other = (kept: Line, past: Line): Line => [
          ...past.map(([t, v]) => [t + origin, v] as const).filter(([t]) => t < at),
          ...kept.filter(([t]) => t >= at),
        ];
        const [otherX, otherY] = [other(x, a), other(y, b)];
        const clean = Math.max(...[x, y].map((each) => each.find(([t]) => t >= at)?.[0] ?? Number.POSITIVE_INFINITY));
        const from = (one: Line, two: Line) => {
          const got = run(operator, { max_age }, one, two, 3);
          return instantsOf(one, two).flatMap((t, i) => (t >= clean ? [t, got[i]] : []));
        };
        expectBits(from(otherX, otherY), from(x, y));
      }),
      { numRuns: 500 },
    );
  });

  test('without a maximum age nothing is ever too old', () => {
    const ancient: Line = [[Number.MIN_SAFE_INTEGER, 3]];
    const now: Line = [
      [Number.MIN_SAFE_INTEGER, 1],
      [Number.MAX_SAFE_INTEGER, 1],
    ];
    expect(run(operator, {}, ancient, now, 9)[1]).toBe(name === 'spread' ? 2 : 3);
  });

  test('remembers no more than the join does, and holds a few numbers', () => {
    expect(operator.memory({ max_age: 10 })).toEqual({ kind: 'rows', rows: 0 });
    expect(operator.open({ max_age: 10 }).bytes()).toBeLessThan(100);
  });
});

test('a value exactly as old as allowed still counts, one a microsecond older does not', () => {
  const x: Line = [[0, 7]];
  const y: Line = [
    [60_000_000, 1],
    [60_000_001, 1],
  ];
  expect(run(asof, { max_age: 60_000_000 }, x, y, 9)).toEqual([Number.NaN, 7, Number.NaN]);
});
