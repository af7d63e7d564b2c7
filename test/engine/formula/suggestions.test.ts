import { describe, expect, test } from 'vitest';
import { Fault } from '../../../src/engine/fault.ts';
import { parseFormula } from '../../../src/engine/formula/parse.ts';
import { infixes } from '../../../src/engine/formula/precedence.ts';
import { recipes } from '../../../src/engine/operators/recipes.ts';
import { operators, operatorsByName } from '../../../src/engine/operators/registry.ts';

interface Told {
  readonly message: string;
  readonly column: number;
  readonly length: number;
  readonly suggestions: readonly string[];
}

function refusal(formula: string): Told {
  try {
    parseFormula(formula, operatorsByName);
  } catch (error) {
    if (error instanceof Fault) return { message: error.message, ...(error.details.formula as Omit<Told, 'message'>) };
    throw error;
  }
  throw new Error(`${formula} is not refused`);
}

/** A formula with the suggestion in place of what was refused. */
function mended(formula: string, { column, length }: Told, suggestion: string): string {
  return formula.slice(0, column - 1) + suggestion + formula.slice(column - 1 + length);
}

test.each([
  ['mean(BTC-USD)', 'mean(BTC-USD, 2s)'],
  ['1 + mean(A - B)', 'mean(A - B, 2s)'],
  ['mean(x: A)', 'mean(x: A, window: 2s)'],
  ['ema(A)', 'ema(A, 3)'],
  ['ema(x: A)', 'ema(x: A, span: 3)'],
  ['quantile(A)', 'quantile(A, 5p, 0.75)'],
  ['quantile(A, q: 0.5)', 'quantile(A, q: 0.5, window: 5p)'],
  ['corr(A, B)', 'corr(A, B, 1m)'],
])('%s lacks what the example of the operator has: %s', (formula, suggestion) => {
  const told = refusal(formula);
  expect(told.suggestions).toEqual([suggestion]);
  expect(told.message).toContain(`did you mean ${suggestion}?`);
  parseFormula(mended(formula, told, suggestion), operatorsByName);
});

test.each(['mean()', 'mean(20p)', 'corr(A, 1m)', 'ema(20)', 'ema(A, span: 2, alpha: 0.5)', 'clamp(A, 2, 1)'])(
  '%s lacks something else than an example could give',
  (formula) => {
    expect(refusal(formula).suggestions).toEqual([]);
  },
);

const callable = operators.filter(({ name }) => !infixes.has(name) && name !== 'not');
const lacking = callable.filter(({ parameters }) =>
  parameters.some(({ type, optional }) => type !== 'series' && type !== 'ticks' && !optional),
);

test.each(lacking)('$name: what it is suggested to be given is accepted', ({ name, parameters }) => {
  const inputs = parameters.filter(({ type }) => type === 'series' || type === 'ticks');
  const formula = `${name}(${inputs.map((_, i) => 'AB'[i]).join(', ')})`;
  const told = refusal(formula);
  expect(told.suggestions).toHaveLength(1);
  parseFormula(told.suggestions[0], operatorsByName);
});

describe('what is made of several operators is a recipe', () => {
  test.each([
    ['macd(A)', 'MACD', 'ema(A, 12) - ema(A, 26)'],
    ['2 * MACD(A, 12, 26, 9)', 'MACD', '(ema(A, 12) - ema(A, 26))'],
    ['bollinger(A - B)', 'Bollinger bands', 'mean(A - B, 20p) + 2 * stddev(A - B, 20p)'],
  ])('%s is %s: %s', (formula, title, suggestion) => {
    const told = refusal(formula);
    expect(told.message).toContain(`by the recipe ${title} in docs/formulas.md`);
    expect(told.suggestions[0]).toBe(suggestion);
  });

  test.each(['atr(A, B, C, 14)', 'stochastic()', `stochastic(log(${'A'.repeat(300)}))`])(
    '%s: there is no one series of a reasonable length to put in',
    (formula) => {
      expect(refusal(formula)).toMatchObject({ message: expect.stringContaining('recipe'), suggestions: [] });
    },
  );

  const called = recipes.flatMap(({ title, formulas }) =>
    formulas.flatMap((each) => (each.called ?? []).map((name) => ({ title, name }))),
  );

  test.each(called)('$name is $title, and its formulas are accepted', ({ title, name }) => {
    expect(operatorsByName.has(name)).toBe(false);
    const formula = `2 * ${name}(A + 1, 14)`;
    const told = refusal(formula);
    expect(told.message).toContain(`there is no operator ${name}: `);
    expect(told.message).toContain(`the recipe ${title} in docs/formulas.md`);
    expect(told.suggestions.length).toBeGreaterThan(0);
    for (const each of told.suggestions) parseFormula(mended(formula, told, each), operatorsByName);
  });
});

test('columns and lengths count UTF-16 units', () => {
  expect(refusal("'\u{1F680}' + nope('\u{1F680}')")).toMatchObject({ column: 8, length: 4 });
  expect(refusal('A + \u{1F680}')).toMatchObject({ column: 5, length: 2 });
});
