import { expect, test } from 'vitest';
import { Fault } from '../../../src/engine/fault.ts';
import { parseFormula } from '../../../src/engine/formula/parse.ts';
import { operators } from './declarations.ts';

interface Told {
  readonly formula: {
    readonly line: number;
    readonly column: number;
    readonly length: number;
    readonly expected: readonly string[];
    readonly suggestions: readonly string[];
  };
}

function refusal(formula: string): Fault {
  try {
    parseFormula(formula, operators);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error(`${formula} is not refused`);
}

/** The formula, what stands at the place that is named, a part of the message, and what is suggested. */
type Bad = readonly [formula: string, at: string, problem: string, suggestions?: readonly string[]];

const writing: readonly Bad[] = [
  ['', '', 'the formula is empty'],
  [' \n ', ' \n ', 'the formula is empty'],
  ['(A', '(', 'never closed'],
  ['mean((A, 3p)', ',', 'a comma only stands between the arguments'],
  ['mean(A, 3p', '(', 'never closed'],
  ['A)', ')', 'closes none', ['']],
  ['()', ')', 'nothing between these parentheses'],
  ['A +', '+', 'a value must follow +'],
  ['* A', '*', 'the formula begins with the operator *'],
  ['A * / B', '/', '* is followed by the operator /'],
  ['+A', '+', 'plus sign', ['']],
  ['A B', 'B', 'an operator is missing between the two values in A B'],
  ['mean(A 3p)', '3p', 'an operator or a comma is missing'],
  ['mean(A,, 3p)', ',', 'a value is missing between , and ,'],
  ['mean(A,)', ')', 'a value is missing between , and )'],
  ['2(A)', '(', 'to multiply, write *'],
  ['A, B', ',', 'a comma only stands between the arguments'],
  ['A: B', ':', 'a colon only stands behind the name of an argument'],
  ["ema(A, 'span': 3)", ':', 'written without quotes'],
  ["'A/B", "'A/B", 'this quote is never closed'],
  ["''", "''", 'cannot be empty'],
  ["'A B'", "'A B'", 'cannot hold spaces'],
  ["'A\\B'", "'A\\B'", 'cannot hold quotes or backslashes'],
  ['"A/B" + 1', '"A/B"', 'plain single quotes', ["'A/B'"]],
  ['“A/B” + 1', '“A/B”', 'plain single quotes', ["'A/B'"]],
  ['‘A/B’ + 1', '‘A/B’', 'plain single quotes', ["'A/B'"]],
  ['A − B', '−', 'the minus sign is -', ['-']],
  ['A – B', '–', 'the minus sign is -', ['-']],
  ['A × B', '×', 'multiplication is written *', ['*']],
  ['A ≤ B', '≤', 'at most is written <=', ['<=']],
  ['A = B', '=', 'to compare, write ==', ['==']],
  ['ema(A, span = 3)', '=', 'written with a colon, span: ...', [':', '==']],
  ['A === B', '===', 'equality is written ==', ['==']],
  ['A <> B', '<>', 'inequality is written !=', ['!=']],
  ['A && B', '&&', 'the word and', ['and']],
  ['A || B', '||', 'the word or', ['or']],
  ['!A', '!', 'the word not', ['not']],
  ['A AND B', 'AND', 'small letters', ['and']],
  ['and(A, B)', 'and', 'stands between two conditions'],
  ['A ** 2', '**', 'a power is written ^', ['^']],
  ['A % 2', '%', 'a hundredth is written / 100', ['/ 100']],
  ['A[1]', '[', 'only round parentheses', ['(']],
  ['A ? 1 : 2', '?', 'if(condition, this, that)'],
  ['mean(A; 3p)', ';', 'separated by commas', [',']],
  ['A\u200b + 1', '\u200b', 'an invisible character (U+200B)', ['']],
  ['$A + 1', '$', 'single quotes', ["'$A'"]],
  ['A + \ud83d\ude80', '\ud83d\ude80', 'has no meaning here'],
  ['true', 'true', 'a word of the language', ['1', "'true'"]],
  ['if + 1', 'if', "'if' for the series of that key", ["'if'"]],
  ['a < b < c', 'a < b < c', 'write a < b and b < c', ['a < b and b < c']],
  ['1 + (a < (b) == c + 1)', 'a < (b) == c + 1', 'do not stand in a row', ['a < (b) and (b) == c + 1']],
  ['a + not b', 'not b', 'needs parentheses', ['(not b)']],
  ['- not b', 'not b', 'needs parentheses', ['(not b)']],
  ['A +\n  B C', 'C', 'an operator is missing'],
];

const numbers: readonly Bad[] = [
  ['1_000 * A', '1_000', '1000', ['1000']],
  ['5. * A', '5.', 'digits must follow', ['5']],
  ['A * 1.2.3', '1.2.3', 'is none of a number'],
  ['A * 0x10', '0x10', 'decimal digits, this one as 16', ['16']],
  ['A * 1e999', '1e999', 'larger than any number'],
  ['2x + A', '2x', 'to multiply write 2 * x', ['2 * x', "'2x'"]],
  ['1INCH-USD + 1', '1INCH-USD', 'begins with a digit', ["'1INCH-USD'"]],
  ['mean(A, 20 p)', '20 p', 'a unit clings to its number', ['20p']],
  ['mean(A, 5 minutes)', '5 minutes', 'a unit clings to its number', ['5m']],
  ['mean(A, 5min)', '5min', 'is written 5m', ['5m']],
  ['mean(A, 24H)', '24H', 'is written 24h', ['24h']],
  ['mean(A, 20bars)', '20bars', 'is written 20p', ['20p']],
  ['mean(A, .5h)', '.5h', 'is written 0.5h', ['0.5h']],
  ['mean(A, 1h30m)', '1h30m', 'is written 90m', ['90m']],
  ['mean(A, 1M)', '1M', 'months and years have no length'],
  ['mean(A, 1mo)', '1mo', 'months and years have no length'],
  ['mean(A, 2.5p)', '2.5p', 'whole numbers', ['3p']],
  ['mean(A, 0p)', '0p', 'window of mean must be at least 1 point', ['1p']],
  ['stddev(A, 0p)', '0p', 'window of stddev must be at least 2 points', ['2p']],
  ['lag(A, 0p)', '0p', 'must be a duration (20s), not 0p', []],
  ['mean(A, 1e9p)', '1e9p', 'written in plain digits: 1000000000p', ['1000000000p']],
  ['A * 1e9p', '1e9p', 'written in plain digits: 1000000000p', []],
  ['mean(A, 1.5E2s)', '1.5E2s', 'written in plain digits: 150s', ['150s']],
  ['lag(A, 1e2p)', '1e2p', 'written in plain digits: 100p', []],
  ['mean(A, 1_000)', '1_000', 'without _: 1000', []],
  ['lagPoints(A, 1_000)', '1_000', 'without _: 1000', ['1000']],
  ['mean(A, 2x)', '2x', 'neither a number nor a duration', []],
  ['vwap(2x, 20p)', '2x', 'neither a number nor a duration', ["'2x'"]],
  ['mean(A, 0s)', '0s', 'no time at all'],
  ['mean(A, 10ns)', '10ns', 'microseconds (us) are the finest unit'],
];

const meaning: readonly Bad[] = [
  ['3 * 2', '3 * 2', 'names no series'],
  ['20p', '20p', 'a formula must be a series or a number'],
  ['sma(A, 20p)', 'sma', 'there is no operator sma; did you mean mean or ema?', ['mean', 'ema']],
  ['avg(A, 20p)', 'avg', 'did you mean mean?', ['mean']],
  ['Mean(A, 20p)', 'Mean', 'did you mean mean?', ['mean']],
  ['std(A, 20p)', 'std', 'did you mean stddev?', ['stddev']],
  ['stdev(A, 20p)', 'stdev', 'did you mean stddev?', ['stddev']],
  ['ln(A)', 'ln', 'did you mean log?', ['log']],
  ['pow(A, 2)', 'pow', 'it is written x ^ y', ['^']],
  ['A-mean(A, 3p)', 'A-mean', 'did you mean A - mean?', ['A - mean']],
  ['constructor(A)', 'constructor', 'there is no operator constructor', []],
  ['mean(A)', 'mean(A)', 'mean needs window: mean(x, window), where window is points (20p) or a duration (20s)'],
  ['1 + mean()', 'mean()', 'mean needs x and window: mean(x, window)'],
  ['mean(A, 20p, 3)', '3', 'mean takes at most 2 arguments, not 3: mean(x, window)'],
  ['ema(A, half: 3)', 'half', 'ema has no argument half: ema(x, [span], [halflife], [alpha])', ['halflife']],
  ['ema(A, 3, span: 4)', 'span', 'span is given twice'],
  ['ema(A, span: 3, span: 4)', 'span', 'span is given twice'],
  ['mean(A, 3p, window: 4p)', 'window', 'window is given twice'],
  ['mean(A, 3p, by: 4p)', 'by', 'mean has no argument by'],
  ['mean(x: A, window: 4p, 3)', '3', 'cannot follow one with a name'],
  ['ema(A, halflife: 3, 4)', '4', 'cannot follow one with a name'],
  ['if(A, else: 3)', 'if(A, else: 3)', 'if needs then: if(condition, then, [else])'],
  ['greatest()', 'greatest()', 'greatest needs x: greatest(x, ...)'],
  ['ema(A)', 'ema(A)', 'exactly one of span, halflife and alpha'],
  ['ema(A, span: 2, alpha: 0.5)', '2', 'exactly one of span, halflife and alpha'],
  ['ema(A, alpha: 2)', '2', 'must be above 0 and at most 1, not 2', ['1']],
  ['ema(A, alpha: 0)', '0', 'must be above 0 and at most 1, not 0', []],
  ['ema(A, 20p)', '20p', 'a plain number, not 20p, a number of points: write 20', ['20']],
  ['ema(A, 20s)', '20s', 'a plain number, not 20s, a duration', []],
  ['ema(A, 3 * 2)', '3 * 2', 'a plain number, not the formula 3 * 2'],
  ['ema(A, B)', 'B', 'a plain number, not the series B'],
  ['mean(A, 20)', '20', 'write 20p for 20 points or 20s for 20 seconds', ['20p', '20s']],
  ['mean(A, 1.5)', '1.5', 'write 1.5s for 1.5 seconds', ['1.5s']],
  ['mean(A, -5)', '-5', 'needs a unit', ['20p', '20s']],
  ['mean(A, B)', 'B', 'must be points (20p) or a duration (20s), not the series B'],
  ['mean(A, PT24H)', 'PT24H', 'a duration is written 1d', ['1d']],
  ['max(A, 1)', '1', 'needs a unit: write 1p for 1 point', ['1p', '1s']],
  ['max(A, 1)', '1', 'the larger of two values is greatest(A, 1)', ['1p', '1s']],
  ['min(A + 1, B)', 'B', 'the smaller of two values is least(A + 1, B)'],
  ['stddev(A, 1p)', '1p', 'at least 2 points', ['2p']],
  ['mean(20s, 3p)', '20s', 'must be a series or a number, not 20s, a duration'],
  ['A + 20s', '20s', 'b of + must be a series or a number, not 20s, a duration'],
  ['lag(A, 20p)', '20p', 'must be a duration (20s), not 20p, a number of points'],
  ['lag(A, 20)', '20', 'needs a unit: write 20s for 20 seconds', ['20s']],
  ['lagPoints(A, 1.5)', '1.5', 'must be a whole number, not 1.5', ['2']],
  ['lagPoints(A, 0)', '0', 'at least 1 and at most 1000, not 0', ['1']],
  ['lagPoints(A, 1001)', '1001', 'at least 1 and at most 1000, not 1001', ['1000']],
  ['vwap(A + 1, 20p)', 'A + 1', 'x of vwap must be the key of a series', ['A']],
  ['vwap(3, 20p)', '3', 'x of vwap must be the key of a series', []],
  ['candle(A, 1h, opne)', 'opne', 'open, high, low or close, not opne; did you mean open?', ['open']],
  ["candle(A, 1h, 'open')", "'open'", 'written without quotes', ['open']],
  ['candle(A, 1h, 3)', '3', 'open, high, low or close, not 3', []],
];

for (const [formula, at, problem, suggestions] of [...writing, ...numbers, ...meaning]) {
  test(`${JSON.stringify(formula)} is refused at ${JSON.stringify(at)}: ${problem}`, () => {
    const fault = refusal(formula);
    const { line, column, length, expected, suggestions: suggested } = (fault.details as unknown as Told).formula;
    expect(fault.code).toBe('BAD_USER_INPUT');
    expect(fault.inputPath).toBeUndefined();
    expect(fault.message).toMatch(new RegExp(`^line ${line}, column ${column}: .`));
    expect(fault.message).toContain(problem);
    expect(fault.message).not.toMatch(/[\n\r]/);
    const offset =
      formula
        .split('\n')
        .slice(0, line - 1)
        .join(' ').length + (line > 1 ? 1 : 0);
    expect(formula.slice(offset + column - 1, offset + column - 1 + length)).toBe(at);
    expect(expected.length).toBeGreaterThan(0);
    for (const each of expected) expect(each).toMatch(/./);
    if (suggestions) expect(suggested).toEqual(suggestions);
  });
}

test.each([
  ['mean(A, 0s)', ['at least 1 point, such as 20p', 'a duration longer than 0, such as 60s']],
  ['mean(A, 1y)', ['at least 1 point, such as 20p', 'a duration longer than 0, such as 60s']],
  ['mean(A, 0p)', ['at least 1 point, such as 20p', 'a duration longer than 0, such as 60s']],
  ['stddev(A, 1e999)', ['at least 2 points, such as 20p', 'a duration longer than 0, such as 60s']],
  ['stddev(A)', ['at least 2 points, such as 20p', 'a duration longer than 0, such as 60s']],
  ['lag(A, 0s)', ['a duration longer than 0, such as 60s']],
  ['ema(A, 0s)', ['a number at least 1']],
  ['ema(A, alpha: 1e999)', ['a number above 0 and at most 1']],
  ['lagPoints(A, 1y)', ['a whole number at least 1 and at most 1000']],
  ['A * 0s', ['a series', 'a number']],
  ['vwap(0s, 20p)', ['the key of a series']],
  ['mean(A, 3p, window: 4p)', [')']],
  ['ema(A, 3, span: 4)', ['halflife:', 'alpha:']],
])('what is expected in %j could stand there', (formula, expected) => {
  expect((refusal(formula).details as unknown as Told).formula.expected).toEqual(expected);
});

test('what is refused first is what stands first', () => {
  expect(refusal('nope(A) + nor(B)').message).toContain('column 1: there is no operator nope');
  expect(refusal('A + mean(A, 3)\n+ * B').message).toContain('line 2, column 3');
});

test('after a refusal the next formula is read as if nothing had been', () => {
  for (const bad of ['mean(mean(mean(A', "ema('', 3", 'ema(A, 1.2.3)', 'a < b < c']) {
    refusal(bad);
    expect(parseFormula('A + 1', operators)).toMatchObject({ kind: 'call', place: { line: 1, column: 1, length: 5 } });
  }
});
