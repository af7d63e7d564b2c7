import { afterEach, beforeEach } from 'vitest';
import type { Operator } from '../../src/engine/operator.ts';
import { operatorsByName } from '../../src/engine/operators/registry.ts';

/** Whether `fragile(x)` throws, and how often it has. */
export const failing = { throws: false, thrown: 0 };

/** Gives x as it is, until it is told to throw. */
const fragile: Operator = {
  kind: 'row',
  name: 'fragile',
  group: 'arithmetic',
  meaning: 'x, or a failure.',
  parameters: [{ name: 'x', type: 'series', meaning: 'What is given.' }],
  warmUp: 'None.',
  missing: 'Nowhere.',
  examples: [],
  memory: () => ({ kind: 'rows', rows: 0 }),
  open: () => ({
    run: ({ length, columns: [x] }, out) => {
      if (failing.throws) {
        failing.thrown++;
        throw new Error('it broke');
      }
      for (let i = 0; i < length; i++) out[i] = x[i];
    },
    bytes: () => 0,
  }),
};

/** Formulas of this file's tests may say `fragile(x)`, which throws nothing at first. */
export function withFailingOperator(): void {
  const catalogue = operatorsByName as Map<string, Operator>;
  beforeEach(() => {
    Object.assign(failing, { throws: false, thrown: 0 });
    catalogue.set('fragile', fragile);
  });
  afterEach(() => {
    catalogue.delete('fragile');
  });
}
