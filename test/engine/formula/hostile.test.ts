import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fault } from '../../../src/engine/fault.ts';
import { formatExpression } from '../../../src/engine/formula/format.ts';
import { parseFormula } from '../../../src/engine/formula/parse.ts';
import { planFormula } from '../../../src/engine/plan.ts';
import { times } from '../../support/long.ts';
import { operators } from './declarations.ts';

interface Told {
  readonly line: number;
  readonly column: number;
  readonly length: number;
  readonly expected: readonly string[];
}

const hostile: readonly (readonly [what: string, formula: string, reason: string])[] = [
  ['10,000 opening parentheses', '('.repeat(10_000), 'nested at most 100 deep'],
  ['10,000 closing parentheses', ')'.repeat(10_000), 'a value is missing at the beginning'],
  ['10,000 calls within calls', 'f('.repeat(5_000), 'nested at most 100 deep'],
  ['10,000 minus signs', '-'.repeat(10_000), 'nested at most 100 deep'],
  ['2,500 times not', 'not '.repeat(2_500), 'nested at most 100 deep'],
  ['signs and parentheses in turns', '-('.repeat(5_000), 'nested at most 100 deep'],
  ['many signs in parentheses', `${'-'.repeat(60)}(`.repeat(20), 'at most 500 numbers'],
  ['a power of powers', `${'a^'.repeat(4_999)}a`, 'at most 500 numbers'],
  ['a power of negative powers', `${'a^-'.repeat(3_333)}a`, 'at most 500 numbers'],
  ['a long sum', `${'a+'.repeat(4_999)}a`, 'at most 500 numbers'],
  ['a long row of comparisons', `${'a<'.repeat(4_999)}a`, 'at most 500 numbers'],
  ['many arguments', `greatest(${'a,'.repeat(4_990)}a)`, 'at most 500 numbers'],
  ['many named arguments', `ema(A${', span: 3'.repeat(300)})`, 'span is given twice'],
  ['a million characters', 'a'.repeat(1_000_000), 'at most 10000 characters'],
  ['a number without end', `A * ${'1'.repeat(9_000)}`, 'larger than any number'],
  ['a unit without end', `A * 1${'s'.repeat(9_000)}`, 'neither a number nor a duration'],
  ['points without end', `A * 1${'.1'.repeat(4_000)}`, 'is none of a number'],
  ['parts without end', `mean(A, ${'1h'.repeat(4_000)})`, 'a duration has one part'],
  ['a quote without end', `'${'a'.repeat(9_999)}`, 'never closed'],
  ['a key without end', `'${'a'.repeat(9_998)}'`, 'at most 200 characters'],
  ['an operator without end', `${'a'.repeat(9_997)}(A)`, 'there is no operator'],
  ['an argument without end', `ema(A, ${'a'.repeat(9_000)}: 3)`, 'ema has no argument'],
  ['a key of hyphens', `a${'-a'.repeat(4_999)}(`, 'a value must follow ('],
];

test.each(hostile)('%s: refused, in a short sentence', (_, formula, reason) => {
  const error = thrown(formula);
  expect(error).toBeInstanceOf(Fault);
  expect((error as Fault).message).toContain(reason);
  expect((error as Fault).message.length).toBeLessThan(400);
  expect((error as Fault).details.formula).toMatchObject({ expected: expect.arrayContaining([expect.any(String)]) });
});

test('as deep and as large as it may be, it is read, written and planned', () => {
  const deep = `${'('.repeat(100)}A${')'.repeat(100)}`;
  expect(formatExpression(parseFormula(deep, operators))).toBe('A');
  const calls = `${'log('.repeat(100)}A${')'.repeat(100)}`;
  const signs = `${'-'.repeat(101)}A`;
  const differences = `${'0 - ('.repeat(100)}0 - A${')'.repeat(100)}`;
  const sum = `${'a + '.repeat(249)}a`;
  const power = `${'a ^ '.repeat(249)}a`;
  for (const formula of [calls, signs, differences, sum, power]) {
    const expression = parseFormula(formula, operators);
    expect(parseFormula(formatExpression(expression), operators)).toBeDefined();
    planFormula(expression);
  }
  expect(thrown(`(${deep})`)).toBeInstanceOf(Fault);
  expect(thrown(`-${signs}`)).toBeInstanceOf(Fault);
  expect(thrown(`${sum} + a + a`)).toBeInstanceOf(Fault);
});

const pieces = [
  ...['A', 'BTC-USD', "'X/Y'", "'", 'mean', 'ema', 'max', 'if', 'and', 'or', 'not', 'true', 'vwap', 'candle', 'open'],
  ...['(', ')', ',', ':', '+', '-', '*', '/', '^', '<', '<=', '==', '!=', '=', '&', '|', '!', '%', '"', '’', '−', '\\'],
  ...['1', '.5', '2.', '1e3', '20p', '60s', '1h30m', '0p', '5x', ' ', '\n', '\r', '\t', '\u2028', '\u00a0', '\ufeff'],
  ...[
    'span',
    'window',
    'x',
    '\ud83d\ude80',
    '\ud83d',
    '\u0301',
    '\u0000',
    '\u200b',
    'é',
    '金',
    '…',
    '#',
    '$',
    '`',
    '²',
  ],
];

test('random texts are read or refused, and nothing else', () => {
  const text = fc.oneof(
    fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((each) => each.join('')),
    fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((each) => each.join(' ')),
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ unit: 'grapheme', maxLength: 60 }),
  );
  fc.assert(
    fc.property(text, (formula) => {
      const error = thrown(formula);
      if (error === undefined) return;
      expect(error).toBeInstanceOf(Fault);
      const { message, code, details } = error as Fault;
      const { line, column, length, expected } = details.formula as Told;
      expect(code).toBe('BAD_USER_INPUT');
      expect(message).not.toMatch(/[\r\n]|undefined|NaN|\[object/);
      expect(message.length).toBeLessThan(500);
      const lines = formula.split(/\n|\r\n?/);
      expect(line).toBeLessThanOrEqual(lines.length);
      expect(column).toBeLessThanOrEqual(lines[line - 1].length + 1);
      expect(length).toBeLessThanOrEqual(formula.length);
      expect(expected.length).toBeGreaterThan(0);
    }),
    { numRuns: 8_000 * times },
  );
});

function thrown(formula: string): unknown {
  try {
    parseFormula(formula, operators);
    return undefined;
  } catch (error) {
    return error;
  }
}
