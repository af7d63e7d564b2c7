import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Expression } from '../../../src/engine/formula/expression.ts';
import { formatExpression } from '../../../src/engine/formula/format.ts';
import { parseFormula } from '../../../src/engine/formula/parse.ts';
import { referencesOf } from '../../../src/engine/formula/references.ts';
import { maxMicros } from '../../../src/engine/instant.ts';
import type { Argument, Operator, Parameter } from '../../../src/engine/operator.ts';
import { operators } from './declarations.ts';

test.each([
  ["  'A'+1", 'A + 1'],
  ["'A/B'", "'A/B'"],
  ["'not' - 'if'", "'not' - 'if'"],
  ['(A+B)+C', 'A + B + C'],
  ['A+(B+C)', 'A + (B + C)'],
  ['(A*B)/(C)', 'A * B / C'],
  ['0 - A', '-A'],
  ['A + (0 - 5)', 'A + (0 - 5)'],
  ['A - (-5)', 'A - -5'],
  ['(-5) ^ A', '(-5) ^ A'],
  ['-(A ^ 2)', '-A ^ 2'],
  ['-(A * 2)', '-(A * 2)'],
  ['-(-A)', '--A'],
  ['-(0 - 5) * A', '-(0 - 5) * A'],
  ['(A ^ B) ^ C', '(A ^ B) ^ C'],
  ['A ^ (B ^ C)', 'A ^ B ^ C'],
  ['A ^ (-B)', 'A ^ -B'],
  ['not (A < B)', 'not A < B'],
  ['not (A and B)', 'not (A and B)'],
  ['(not A) == B', '(not A) == B'],
  ['(A < B) < C', '(A < B) < C'],
  ['A or (B or C)', 'A or (B or C)'],
  ['mean( A,90m )', 'mean(A, 90m)'],
  ['mean(window:1.5h,x:A)', 'mean(A, 90m)'],
  ['ema(A, span: 12)', 'ema(A, 12)'],
  ['ema(A, halflife: 12)', 'ema(A, halflife: 12)'],
  ['candle(A, 1m, close)', 'candle(A)'],
  ['candle(A, 1m, high)', 'candle(A, what: high)'],
  ['candle(A, 1h, close, 1p)', 'candle(A, 1h)'],
  ['weighted(A, B, C, by: 2)', 'weighted(A, B, C, by: 2)'],
  ['vwap(A, 20p) / size(A)', 'vwap(A, 20p) / size(A)'],
  ['A * 1e21 + 1e-7', 'A * 1e+21 + 1e-7'],
])('%j is written %j', (formula, text) => {
  expect(formatExpression(parseFormula(formula, operators))).toBe(text);
});

const place = { line: 0, column: 0, length: 0 };
const all = [...operators.values()];

const key = fc.oneof(
  fc.constantFrom('A', 'BTC-USD', 'BTC/USDT', 'and', 'true', 'mean', '7d', 'a-', '-a', '金-円', 'x.y', '(', 'e\u0301'),
  fc.stringMatching(/^[A-Za-z0-9_.:/@#-]{1,12}$/),
);
const number = fc
  .oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer({ min: -99, max: 99 }))
  .map((value) => (value === 0 ? 0 : value));

function argument({ type, min = -1e9, max = 1e9, aboveMin, words = [] }: Parameter): fc.Arbitrary<Argument> {
  switch (type) {
    case 'window':
      return fc.oneof(
        fc.integer({ min: 1, max: maxMicros }).map((micros) => ({ micros })),
        fc.integer({ min: Math.max(1, min), max: maxMicros }).map((points) => ({ points })),
      );
    case 'duration':
      return fc.integer({ min: 1, max: maxMicros });
    case 'count':
      return fc.integer({ min, max });
    case 'word':
      return fc.constantFrom(...words);
    default:
      return fc
        .double({ min, max, minExcluded: aboveMin ?? false, noNaN: true })
        .map((value) => (value === 0 ? 0 : value));
  }
}

function call(operator: Operator, inner: fc.Arbitrary<Expression>): fc.Arbitrary<Expression> {
  const inputs: fc.Arbitrary<readonly Expression[]>[] = [];
  const given: Record<string, fc.Arbitrary<Argument | undefined>> = {};
  for (const parameter of operator.parameters) {
    if (parameter.type === 'series') {
      const max = parameter.repeats ? 4 : 1;
      inputs.push(fc.array(inner, { minLength: parameter.optional ? 0 : 1, maxLength: max }));
    } else if (parameter.type === 'ticks') {
      const size = (of: string): Expression => ({ kind: 'size', key: of, place });
      const both = (of: string): Expression[] => [{ kind: 'series', key: of, place }, size(of)];
      inputs.push(key.map((of) => (operator.takes === 'size' ? [size(of)] : both(of))));
    } else {
      const value = argument(parameter);
      given[parameter.name] = parameter.optional ? fc.option(value, { nil: parameter.fallback as Argument }) : value;
    }
  }
  return fc
    .record({ inputs: fc.tuple(...inputs), given: fc.record(given) })
    .filter((made) => operator.refuse?.(made.given) === undefined)
    .map(
      (made): Expression => ({ kind: 'call', operator, inputs: made.inputs.flat(), given: { ...made.given }, place }),
    );
}

const { tree } = fc.letrec<{ tree: Expression }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, depthIdentifier: 'tree' },
    key.map((each): Expression => ({ kind: 'series', key: each, place })),
    number.map((value): Expression => ({ kind: 'number', value, place })),
    ...all.map((operator) => call(operator, tie('tree'))),
  ),
}));

function bare(expression: Expression): Expression {
  return expression.kind === 'call'
    ? { ...expression, inputs: expression.inputs.map(bare), place }
    : { ...expression, place };
}

function nodes(expression: Expression): number {
  return expression.kind === 'call'
    ? expression.inputs.reduce((sum, each) => sum + nodes(each), 1 + Object.keys(expression.given).length)
    : 1;
}

test('what is written is read as the same tree, and written again as the same text', () => {
  fc.assert(
    fc.property(tree, (expression) => {
      fc.pre(referencesOf(expression).length > 0 && nodes(expression) < 240);
      const text = formatExpression(expression);
      const read = parseFormula(text, operators);
      expect(bare(read)).toStrictEqual(expression);
      expect(formatExpression(read)).toBe(text);
    }),
    { numRuns: 5_000 },
  );
});
