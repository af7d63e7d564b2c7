import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Fault } from '../../../src/engine/fault.ts';
import { ColumnSummary, type SummaryFn, summaryFns } from '../../../src/imports/column-summary.ts';
import type { ImportPlan } from '../../../src/imports/import-plan.ts';
import { times } from '../../support/long.ts';

const plan = (more: Partial<ImportPlan> = {}): ImportPlan => ({
  format: 'CSV',
  gzip: false,
  encoding: 'utf-8',
  delimiter: ',',
  quote: '"',
  header: true,
  decimalComma: false,
  time: { kind: 'rfc3339' },
  timeZone: 'UTC',
  series: null,
  columns: ['id', 'group', 'number'].map((name) => ({ name, role: 'IGNORE', series: null, examples: [] })),
  problem: 'no column holds instants.',
  ...more,
});

type Row = readonly [group: string, number: number | undefined];

function summarize(rows: readonly Row[], fn: SummaryFn, of: string | undefined, chunk = 3) {
  const summary = new ColumnSummary(plan(), { groupBy: 'group', of, fn });
  const cells = rows.map(([group, number], i) => [String(i), group, number === undefined ? ' ' : String(number)]);
  for (let i = 0; i < cells.length; i += chunk) summary.add(cells.slice(i, i + chunk));
  return summary.groups();
}

/** Exact sums of halves, as whole numbers of them. */
const half = 0.5;

const plain: Record<SummaryFn, (rows: readonly Row[], numbers: readonly number[], all: number) => number | null> = {
  COUNT: (_, numbers) => numbers.length,
  SHARE: (rows, _, all) => rows.length / all,
  MEAN: (_, numbers) => (numbers.length > 0 ? Number(sumOf(numbers)) / 2 / numbers.length : null),
  SUM: (_, numbers) => (numbers.length > 0 ? Number(sumOf(numbers)) / 2 : null),
  MIN: (_, numbers) => numbers.toSorted((a, b) => a - b).at(0) ?? null,
  MAX: (_, numbers) => numbers.toSorted((a, b) => a - b).at(-1) ?? null,
  MEDIAN: (_, numbers) => {
    const sorted = numbers.toSorted((a, b) => a - b);
    if (sorted.length === 0) return null;
    const low = sorted[Math.ceil(sorted.length / 2) - 1];
    return (low + sorted[Math.floor(sorted.length / 2)]) / 2;
  },
};

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + BigInt(number * 2), 0n);

it('groups hold what a plain computation says, however rows are handed over', () => {
  const row = fc.tuple(
    fc.constantFrom('a', 'b', '', 'ä', '__proto__'),
    fc.option(
      fc.integer({ min: -1_000_000, max: 1_000_000 }).map((whole) => whole * half),
      { nil: undefined },
    ),
  );
  fc.assert(
    fc.property(
      fc.array(row, { maxLength: 60 }),
      fc.constantFrom(...summaryFns),
      fc.integer({ min: 1, max: 20 }),
      (rows, fn, chunk) => {
        const groups = [...new Set(rows.map(([group]) => group))].map((group) => {
          const own = rows.filter((each) => each[0] === group);
          const numbers = own.flatMap(([, number]) => (number === undefined ? [] : [number]));
          const count = fn === 'SHARE' ? own.length : numbers.length;
          return [group, plain[fn](own, numbers, rows.length), count] as const;
        });
        groups.sort((a, b) => b[2] - a[2] || (a[0] < b[0] ? -1 : 1));
        expect(summarize(rows, fn, fn === 'SHARE' ? undefined : 'number', chunk)).toEqual(groups);
      },
    ),
    { numRuns: 200 * times },
  );
});

it('sums are exact: what a running total loses is there', () => {
  const rows: Row[] = [1e16, 1, -1e16, 1, 1e-3].map((number) => ['a', number]);
  expect(summarize(rows, 'SUM', 'number')).toEqual([['a', 2.001, 5]]);
  expect(
    summarize(
      [
        ['a', Number.MAX_VALUE],
        ['a', Number.MAX_VALUE],
      ],
      'SUM',
      'number',
    ),
  ).toEqual([['a', null, 2]]);
  expect(
    summarize(
      [
        ['a', Number.MAX_VALUE],
        ['a', Number.MAX_VALUE],
      ],
      'MEAN',
      'number',
    ),
  ).toEqual([['a', Number.MAX_VALUE, 2]]);
  expect(
    summarize(
      [
        ['a', Number.MAX_VALUE],
        ['a', Number.MAX_VALUE],
      ],
      'MEDIAN',
      'number',
    ),
  ).toEqual([['a', Number.MAX_VALUE, 2]]);
});

it('rows are counted, and those alone that hold something in of where it is named', () => {
  const rows: Row[] = [
    ['a', 1],
    ['a', undefined],
    ['b', undefined],
  ];
  expect(summarize(rows, 'COUNT', undefined)).toEqual([
    ['a', 2, 2],
    ['b', 1, 1],
  ]);
  expect(summarize(rows, 'COUNT', 'number')).toEqual([
    ['a', 1, 1],
    ['b', 0, 0],
  ]);
});

function faultOf(run: () => unknown): [string, string, unknown] {
  try {
    run();
  } catch (error) {
    if (error instanceof Fault) return [error.code, error.message, error.inputPath];
    throw error;
  }
  throw new Error('it was not refused');
}

it('what is no number is named with its row; with a decimal comma a point is none', () => {
  const add = (cells: readonly string[], decimalComma = false) => {
    const summary = new ColumnSummary(plan({ decimalComma }), { groupBy: 'group', of: 'number', fn: 'SUM' });
    summary.add(cells.map((cell, i) => [String(i), 'g', cell]));
    return summary.groups();
  };
  for (const cell of ['abc', '0x10', 'NaN', 'Infinity', '1e999', '1,5', '1 000', '--1', '.'])
    expect(faultOf(() => add(['1', cell]))).toEqual([
      'BAD_USER_INPUT',
      `The column 'number' holds '${cell}' in row 2, which is not a number: SUM needs a column of numbers.`,
      ['of'],
    ]);
  expect(add(['1,5', '2', '-,5'], true)).toEqual([['g', 3, 3]]);
  expect(faultOf(() => add(['1.5'], true))[0]).toBe('BAD_USER_INPUT');
  expect(add([' 1.5 ', '+2', '3.', '1E2'])).toEqual([['g', 106.5, 4]]);
});

it('there is a limit to groups, to their texts and to the numbers of a median', () => {
  const many = new ColumnSummary(plan(), { groupBy: 'id', of: undefined, fn: 'COUNT' });
  many.add(Array.from({ length: 10_000 }, (_, i) => [String(i), 'g', '1']));
  expect(faultOf(() => many.add([['10000', 'g', '1']]))).toMatchObject(
    ['TOO_EXPENSIVE', /10,000/, ['groupBy']].map((x) => (x instanceof RegExp ? expect.stringMatching(x) : x)),
  );
  const long = new ColumnSummary(plan(), { groupBy: 'id', of: undefined, fn: 'COUNT' });
  const text = 'x'.repeat(1_000_000);
  long.add(['a', 'b', 'c'].map((end) => [text + end, 'g', '1']));
  expect(faultOf(() => long.add([[`${text}d`, 'g', '1']]))[0]).toBe('TOO_EXPENSIVE');
  const median = new ColumnSummary(plan(), { groupBy: 'group', of: 'number', fn: 'MEDIAN' });
  const rows = Array.from({ length: 100_000 }, (_, i) => ['', i % 2 === 0 ? 'a' : 'b', String(i)]);
  for (let i = 0; i < 20; i++) median.add(rows);
  expect(faultOf(() => median.add([['', 'a', '1']]))).toMatchObject([
    'TOO_EXPENSIVE',
    expect.stringContaining('2,000,000'),
    ['fn'],
  ]);
  expect(median.groups()).toEqual([
    ['a', 49_999, 1_000_000],
    ['b', 50_000, 1_000_000],
  ]);
});

it('a column that is not there is named beside those that are', () => {
  const asked = (groupBy: string, of: string) => () => new ColumnSummary(plan(), { groupBy, of, fn: 'SUM' });
  expect(faultOf(asked('grup', 'number'))).toEqual([
    'BAD_USER_INPUT',
    "There is no column 'grup'; there are: 'id', 'group', 'number'.",
    ['groupBy'],
  ]);
  expect(faultOf(asked('group', 'x'))[2]).toEqual(['of']);
});
