import { expect, test } from 'vitest';
import { formatExpression } from '../../../src/engine/formula/format.ts';
import { parseFormula } from '../../../src/engine/formula/parse.ts';
import { infixes } from '../../../src/engine/formula/precedence.ts';
import { operators, operatorsByName } from '../../../src/engine/operators/registry.ts';

const examples = operators.flatMap((operator) =>
  operator.examples.map(({ formula }) => [operator.name, formula] as const),
);

test.each(examples)('%s: its example %j is read, and its canonical text as the same', (_, formula) => {
  const expression = parseFormula(formula, operatorsByName);
  const text = formatExpression(expression);
  expect(formatExpression(parseFormula(text, operatorsByName))).toBe(text);
});

test('every operator can be written: by a name that can be called, or by its sign', () => {
  for (const { name } of operators) {
    if (infixes.has(name) || name === 'not') continue;
    expect(name).toMatch(/^\p{L}[\p{L}0-9_]*$/u);
  }
  for (const name of infixes.keys()) expect(operatorsByName.has(name)).toBe(true);
});

test('what repeats is the last series, and what must be given comes before what can be left out', () => {
  for (const { parameters } of operators) {
    const series = parameters.filter(({ type }) => type === 'series');
    for (const parameter of parameters) if (parameter.repeats) expect(series.at(-1)).toBe(parameter);
    const firstOptional = parameters.findIndex(({ optional }) => optional);
    if (firstOptional >= 0) expect(parameters.slice(firstOptional).every(({ optional }) => optional)).toBe(true);
  }
});
