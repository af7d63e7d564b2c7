import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Window } from '../../../src/engine/operator.ts';
import { skipUnknown, WindowRows } from '../../../src/engine/operators/window.ts';
import { cuts, instants } from '../exact/data.ts';

interface Seen {
  readonly window: readonly number[];
  readonly t: readonly number[];
  readonly left: readonly number[];
}

/** What a loop over the rows sees at each of them: the values in the window, their instants, and those that left. */
function seen(held: WindowRows, t: Float64Array, x: Float64Array, at: readonly number[]): Seen[] {
  const all: Seen[] = [];
  for (let c = 0; c + 1 < at.length; c++) {
    const [from, to] = [at[c], at[c + 1]];
    const rows = { length: to - from, t: t.slice(from, to), columns: [x.slice(from, to)], own: undefined };
    for (let done = 0; done < rows.length; ) {
      const count = held.take(rows, done);
      let leaving = held.head;
      for (let k = 0; k < count; k++) {
        const [start, end] = [held.starts[k], held.first + k + 1];
        all.push({
          window: Array.from(held.columns[0].subarray(start, end)),
          t: Array.from(held.t.subarray(start, end)),
          left: Array.from(held.columns[0].subarray(leaving, start)),
        });
        leaving = start;
        expect(held.origin + end).toBe(all.length);
      }
      done += count;
    }
  }
  return all;
}

const lengths = fc.oneof(fc.nat(40), fc.constantFrom(255, 256, 257, 400));
const rows = lengths.chain((length) => fc.record({ t: instants(length), at: cuts(length) }));

describe('the rows of a window', () => {
  test('of time are those of (t - W, t], however they come', () => {
    fc.assert(
      fc.property(rows, fc.constantFrom(1, 10, 100, 3000), ({ t, at }, micros) => {
        const x = t.map((_, i) => i);
        const all = seen(new WindowRows({ micros }, 1), t, x, at);
        let before: readonly number[] = [];
        for (const [i, { window, t: instantsHeld, left }] of all.entries()) {
          const expected = Array.from(x.subarray(0, i + 1)).filter((j) => t[i] - t[j] < micros);
          expect(window).toEqual(expected);
          expect(instantsHeld).toEqual(expected.map((j) => t[j]));
          expect([...left, ...window]).toEqual([...before, i]);
          before = window;
        }
      }),
      { numRuns: 30 },
    );
  });

  test('of n points are the last n', () => {
    fc.assert(
      fc.property(rows, fc.constantFrom(1, 2, 20, 300), ({ t, at }, points) => {
        const x = t.map((_, i) => i);
        for (const [i, { window, t: held }] of seen(new WindowRows({ points }, 1), t, x, at).entries()) {
          expect(window).toEqual(Array.from(x.subarray(Math.max(0, i + 1 - points), i + 1)));
          expect(held).toEqual([]);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('of points have their instants where these are asked for', () => {
    const t = Float64Array.of(1, 5, 6);
    const all = seen(new WindowRows({ points: 2 }, 1, { t: true }), t, t, [0, 1, 3]);
    expect(all.map((each) => each.t)).toEqual([[1], [1, 5], [5, 6]]);
  });

  test('take no more room than a window that slides needs, and give room back', () => {
    const held = new WindowRows({ points: 1000 }, 1);
    const one = { length: 1, t: new Float64Array(1), columns: [new Float64Array(1)], own: undefined };
    for (let i = 0; i < 20_000; i++) held.take(one, 0);
    expect(held.bytes()).toBeLessThan(1000 * 8 * 2.5);

    const length = 50_000;
    const dense = Float64Array.from({ length }, (_, i) => i);
    const sparse = Float64Array.from({ length }, (_, i) => length * (i + 2));
    const burst = new WindowRows({ micros: length } satisfies Window, 1);
    for (const t of [dense, sparse]) {
      const all = { length, t, columns: [t], own: undefined };
      for (let at = 0; at < length; ) at += burst.take(all, at);
    }
    expect(burst.bytes()).toBeLessThan(20_000);
  });

  test('begin where every column is known', () => {
    const { NaN: none } = Number;
    const columns = [Float64Array.of(none, 1, 1, 1), Float64Array.of(none, none, none, 1)];
    const out = new Float64Array(4);
    expect(skipUnknown({ length: 4, t: new Float64Array(4), columns, own: undefined }, out)).toBe(3);
    expect(Array.from(out)).toEqual([none, none, none, 0]);
  });
});
