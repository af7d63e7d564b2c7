import { expect, test } from 'vitest';
import { parseFormula } from '../../src/engine/formula/parse.ts';
import { operatorsByName } from '../../src/engine/operators/registry.ts';
import { rejectValueless } from '../../src/engine/reject-valueless.ts';

const check = (formula: string) => rejectValueless(parseFormula(formula, operatorsByName));

test.each([
  ['X / 0', 1, 5, 'division by zero'],
  ['X / -0', 1, 6, 'division by zero'],
  ['2 + mean(X / (1 - 1), 3p)', 10, 11, 'division by zero'],
  ['X + 1e308*10', 5, 8, '* gives none where the product is too large for a double'],
  ['X * log(0)', 5, 6, 'log gives none where x is 0 or below'],
  ['fill(X, sqrt(1 - 2))', 9, 11, 'sqrt gives none where x is below 0'],
  ['X + if(0, 1)', 5, 8, 'if gives none without else, where the condition is 0'],
  ['X ^ (0 ^ -1)', 6, 6, '^ gives none where x is 0 and y below 0'],
])('%s is refused: it never has a value', (formula, column, length, reason) => {
  let thrown: unknown;
  try {
    check(formula);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({
    code: 'BAD_USER_INPUT',
    message: expect.stringContaining(`this part never has a value: ${reason}`),
    details: { formula: { line: 1, column, length, expected: expect.arrayContaining([expect.any(String)]) } },
  });
});

test.each([
  '0 / X',
  'X / (X - X)',
  'X * 1e308 * 10',
  'X / 1e-320',
  'X ^ 2 / 3',
  'if(X > 0, X)',
  'log(X * 0)',
  'X + exp(-1000)',
])('%s may have a value, as far as is known without data', (formula) => {
  expect(() => check(formula)).not.toThrow();
});
