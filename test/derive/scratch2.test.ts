import { test } from 'vitest';
import { walkStage } from '../../src/derive/walk.ts';
import type { Expression } from '../../src/engine/formula/expression.ts';
import { ema } from '../../src/engine/operators/ema.ts';
import { planFormula } from '../../src/engine/plan.ts';
import { MemoryCheckpoints, MemorySource, pointsOf } from './memory.ts';

const place = { line: 1, column: 1, length: 1 };
const last: any = {
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
};
test('x', async () => {
  const e: Expression = {
    kind: 'call',
    operator: last,
    inputs: [{ kind: 'series', key: 'A', place }],
    given: {},
    place,
  };
  const plan = planFormula(e);
  const src = new MemorySource(pointsOf(new Map([[98e6, { value: 1, size: undefined }]])), 1);
  for await (const w of walkStage({
    stage: plan.stages[0],
    leaves: [{ source: src, column: 'value', changes: [{ from: 112e6, to: 112e6 + 1 }] }],
    checkpoints: new MemoryCheckpoints(),
  }))
    console.log(JSON.stringify(w.piece), w.tail?.at);
});
