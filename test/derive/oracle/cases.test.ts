import { expect, test } from 'vitest';
import { parseFormula } from '../../../src/engine/formula/parse.ts';
import type { Arguments } from '../../../src/engine/operator.ts';
import { operators, operatorsByName } from '../../../src/engine/operators/registry.ts';
import { cases } from './cases.ts';

/** What is done last in a formula: that alone is seen in its values for certain. */
function outermost(formula: string): { readonly name: string; readonly given: Arguments } | undefined {
  const expression = parseFormula(formula, operatorsByName);
  return expression.kind === 'call' ? { name: expression.operator.name, given: expression.given } : undefined;
}

const told = cases.map(({ formula }) => outermost(formula));

test.each(operators)('$name is compared with PostgreSQL, in each of its ways', ({ name, parameters }) => {
  const own = told.filter((each) => each?.name === name);
  expect(own, `test/derive/oracle/cases.ts has no formula that ends with ${name}`).not.toEqual([]);
  for (const parameter of parameters)
    for (const word of parameter.words ?? [])
      expect(
        own.map((each) => each?.given[parameter.name]),
        `the cases of ${name}`,
      ).toContain(word);
});
