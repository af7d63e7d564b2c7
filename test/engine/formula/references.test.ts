import { expect, test } from 'vitest';
import { formulaFault } from '../../../src/engine/formula/fault.ts';
import { nearest } from '../../../src/engine/formula/nearest-names.ts';
import { parseFormula } from '../../../src/engine/formula/parse.ts';
import { referencesOf, refuseUnknown } from '../../../src/engine/formula/references.ts';
import { keysWithin } from '../../../src/engine/formula/suggest-difference.ts';
import { operators } from './declarations.ts';

const references = (formula: string) => referencesOf(parseFormula(formula, operators));

test('references come in the order of the formula, sizes and repetitions too', () => {
  expect(references("B + mean('A/C', 3p) *\n vwap(B, 1h) + size(D)")).toEqual([
    { kind: 'series', key: 'B', place: { line: 1, column: 1, length: 1 } },
    { kind: 'series', key: 'A/C', place: { line: 1, column: 10, length: 5 } },
    { kind: 'series', key: 'B', place: { line: 2, column: 7, length: 1 } },
    { kind: 'size', key: 'B', place: { line: 2, column: 7, length: 1 } },
    { kind: 'size', key: 'D', place: { line: 2, column: 21, length: 1 } },
  ]);
});

test('a series that is not there is refused at its place, with keys that may have been meant', () => {
  const fault = refuseUnknown(references('1 + BTC-UDS'), ['ETH-USD', 'BTC-USD', 'BTC/USD', 'X']);
  expect(fault.code).toBe('BAD_USER_INPUT');
  expect(fault.message).toBe("line 1, column 5: there is no series BTC-UDS; did you mean BTC-USD or 'BTC/USD'?");
  expect(fault.details).toEqual({
    formula: {
      line: 1,
      column: 5,
      length: 7,
      expected: ['the key of a series'],
      suggestions: ['BTC-USD', "'BTC/USD'"],
    },
  });
});

test('several that are not there are named once each, the first gives the place', () => {
  expect(refuseUnknown(references('Q + R + Q + R'), []).message).toBe(
    'line 1, column 1: there is no series Q, nor is there R',
  );
  expect(refuseUnknown(references('greatest(A, B, C, D, E, F, G, H)'), []).message).toBe(
    'line 1, column 10: there is no series A, nor is there B, C, D, E, F and 2 more',
  );
});

test.each([
  ['A-B', 'A - B'],
  ['BTC-USD-ETH-USD', 'BTC-USD - ETH-USD'],
  ['A-B-A', 'A - B - A'],
  ['A-1.5', 'A - 1.5'],
  ["2 * 'A-A/C'", "A - 'A/C'"],
  ['A-C', undefined],
  ['A-A-A-A-A-A-A-A-A', undefined],
  ['vwap(A-B, 1h)', undefined],
])('%s may have been meant as a difference of series that there are: %s', (formula, suggestion) => {
  const known = ['A', 'B', 'A/C', 'BTC-USD', 'ETH-USD'];
  const missing = references(formula).filter(({ key }) => !known.includes(key));
  const within = keysWithin(missing[0].key).filter((key) => known.includes(key));
  const { message, details } = refuseUnknown(missing, within);
  expect(details.formula).toMatchObject({ suggestions: suggestion === undefined ? [] : [suggestion] });
  if (suggestion !== undefined) expect(message).toContain(`did you mean ${suggestion}?`);
});

test.each(['NaN', 'Infinity', 'inf', 'null'])('%s is said to be no number, unless a series has that key', (name) => {
  expect(references(`A + ${name}`)).toHaveLength(2);
  const [missing] = references(name);
  expect(refuseUnknown([missing], []).message).toBe(
    `line 1, column 1: there is no series ${name}, and no number of that name: where nothing can be said there is no point`,
  );
  expect(() => references(`ema(A, ${name})`)).toThrow(`not ${name}, which is no number here`);
});

test('others can make such faults, with another code', () => {
  const fault = formulaFault({ line: 2, column: 3, length: 4 }, 'this would make a cycle', ['x'], [], 'CONFLICT');
  expect(fault.code).toBe('CONFLICT');
  expect(fault.message).toBe('line 2, column 3: this would make a cycle');
});

test.each([
  ['maen', ['mean']],
  ['MEAN', ['mean']],
  ['means', ['mean']],
  ['std', ['stddev']],
  ['stdev', ['stddev']],
  ['corr', ['corr']],
  ['xyz', []],
  ['f', []],
  ['', []],
])('nearest to %j: %j', (name, found) => {
  expect(nearest(name, ['mean', 'stddev', 'corr', 'if', 'greatest'])).toEqual(found);
});

test.each([
  ['abcdefghi', 'abcdefghi', true],
  ['abcdefghi', 'abdcefghi', true],
  ['abcdefghi', 'Xbcdefghi', true],
  ['abcdefghi', 'defghi', true],
  ['defghiabc', 'defghi', true],
  ['abcdefghi', 'abcXYZghi', true],
  ['abcdefghi', 'WXYZefghi', false],
  ['abcdefghi', 'badcfeghi', true],
  ['abcdefghi', 'badcfehgi', false],
  ['abcdefghi', 'bcdefghia', true],
])('%s is near %s: %s', (name, candidate, near) => {
  expect(nearest(name, [candidate])).toEqual(near ? [candidate] : []);
});

test('the nearest of many come first', () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => `${'k'.repeat(150)}-${i}`);
  expect(nearest(`${'k'.repeat(150)}-1234x`, keys)[0]).toBe(`${'k'.repeat(150)}-1234`);
});
