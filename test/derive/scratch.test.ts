import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Expression } from '../../src/engine/formula/expression.ts';
import type { Arguments, Operator } from '../../src/engine/operator.ts';
import { ema } from '../../src/engine/operators/ema.ts';
import { mean } from '../../src/engine/operators/mean.ts';
import { planFormula } from '../../src/engine/plan.ts';
import { type Held, MemoryLane } from './memory.ts';

const place = { line: 1, column: 1, length: 1 };
const ref = (key: string): Expression => ({ kind: 'series', key, place });
const call = (operator: Operator, inputs: Expression[], given: Arguments): Expression => ({
  kind: 'call',
  operator,
  inputs,
  given,
  place,
});
const plus: Operator = {
  ...ema,
  name: '+',
  memory: () => ({ kind: 'rows', rows: 0 }),
  open: () => ({
    run: ({ length, columns: [a, b] }, out) => {
      for (let i = 0; i < length; i++) out[i] = a[i] + b[i];
    },
    bytes: () => 0,
  }),
};
const last: Operator = {
  ...ema,
  kind: 'bucket',
  name: 'close',
  widthMicros: () => 7_000_000,
  open: () => {
    let v = NaN;
    return {
      clear: () => {
        v = NaN;
      },
      add: (c: Float64Array, _f: number, t: number) => {
        v = c[t - 1];
      },
      value: () => v,
    };
  },
} as unknown as Operator;
const everything = { from: -(2 ** 53) + 1, to: 2 ** 53 };
const s = 1_000_000;
const formulas: Record<string, Expression> = {
  ema: call(ema, [ref('A')], { span: 3 }),
  mean: call(mean, [ref('A')], { window: { micros: 5 * s } }),
  mean20p: call(mean, [ref('A')], { window: { points: 4 } }),
  sum: call(plus, [ref('A'), ref('B')], {}),
  emamean: call(ema, [call(mean, [ref('A')], { window: { points: 3 } })], { span: 2 }),
  meanema: call(mean, [call(ema, [ref('A')], { alpha: 0.5 })], { window: { micros: 9 * s } }),
  mixed: call(
    plus,
    [call(mean, [call(plus, [ref('A'), ref('B')], {})], { window: { points: 3 } }), call(ema, [ref('B')], { span: 2 })],
    {},
  ),
  close: call(last, [ref('A')], {}),
  emaclose: call(ema, [call(last, [ref('A')], {})], { span: 3 }),
  aclose: call(plus, [ref('A'), call(last, [ref('B')], {})], {}),
};

for (const [name, expression] of Object.entries(formulas)) {
  test(name, { timeout: 60000 }, async () => {
    const tick = fc.record({
      key: fc.constantFrom('A', 'B'),
      t: fc.integer({ min: 0, max: 120 }),
      value: fc.option(fc.integer({ min: 1, max: 50 })),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(tick, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 9 }),
        async (edits, chunk) => {
          const series = new Map<string, Held>([
            ['A', new Map()],
            ['B', new Map()],
          ]);
          const lane = new MemoryLane(planFormula(expression));
          await lane.bring(
            series,
            new Map([
              ['A', [everything]],
              ['B', [everything]],
            ]),
            chunk,
          );
          for (const edit of edits) {
            const touched = new Map<string, Set<number>>([
              ['A', new Set()],
              ['B', new Set()],
            ]);
            for (const { key, t, value } of edit) {
              if (value === null) series.get(key)?.delete(t * s);
              else series.get(key)?.set(t * s, { value, size: undefined });
              touched.get(key)?.add(t * s);
            }
            const changes = new Map(
              [...touched].map(([k, ts]) => [k, [...ts].sort((a, b) => a - b).map((t) => ({ from: t, to: t + 1 }))]),
            );
            await lane.bring(series, changes, chunk);
            const fresh = new MemoryLane(planFormula(expression));
            await fresh.bring(
              series,
              new Map([
                ['A', [everything]],
                ['B', [everything]],
              ]),
              1000,
            );
            const sorted = (m: Map<number, number>) => [...m].sort((a, b) => a[0] - b[0]);
            expect(sorted(lane.output)).toEqual(sorted(fresh.output));
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
}
