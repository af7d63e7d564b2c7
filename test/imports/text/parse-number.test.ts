import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberOf, numberProblem } from '../../../src/imports/text/parse-number.ts';
import { times } from '../../support/long.ts';
import { columnOf, plainPlan, readAll, sourceOf } from './support.ts';

function read(text: string, decimalComma = false): number {
  const bytes = Buffer.from(`,${text},`);
  return numberOf(bytes, 1, bytes.length - 1, decimalComma);
}

const written = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 20n }), fc.nat(20)).map(([digits, point]) => {
    const text = digits.toString().padStart(point + 1, '0');
    return point === 0 ? text : `${text.slice(0, -point)}.${text.slice(-point)}`;
  }),
  fc
    .tuple(
      fc.constantFrom('', '-', '+'),
      fc.stringMatching(/^\d{0,18}\.?\d{0,18}$/),
      fc.constantFrom('', 'e5', 'E-7', 'e+22', 'e-30'),
    )
    .map((parts) => parts.join('')),
);

const grammar = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

describe('numbers', () => {
  it('are read exactly as Number() reads them', () => {
    fc.assert(
      fc.property(written, (text) => {
        const wanted = grammar.test(text) && Number.isFinite(Number(text)) ? Number(text) : Number.NaN;
        expect(read(text)).toBe(wanted);
        expect(read(text.replace('.', ','), true)).toBe(wanted);
      }),
      { numRuns: 8_000 * times },
    );
  });

  it('are the same in a row that is read in the quick way', async () => {
    const plan = { ...plainPlan, header: false, time: { kind: 'epoch', unit: 'MILLIS' } as const };
    const columns = [columnOf('1', 'T'), columnOf('2', 'VALUE', 'A'), columnOf('3', 'IGNORE')];
    await fc.assert(
      fc.asyncProperty(fc.array(written, { minLength: 1, maxLength: 20 }), fc.boolean(), async (texts, quoted) => {
        const quote = quoted ? '"' : '';
        const content = texts.map((text) => `1700000000000,${quote}${text}${quote},x\n`).join('');
        const { ticks } = await readAll(sourceOf(content), {
          ...plan,
          series: 'A',
          columns: columns.map((c) => ({ ...c, series: null })),
        });
        const wanted = texts.map((text) => read(text)).filter((value) => !Number.isNaN(value));
        expect(ticks.map(({ value }) => value)).toEqual(wanted);
      }),
      { numRuns: 500 * times },
    );
  });

  it.each([
    ['', 'is empty, which is not a number'],
    ['NaN', "'NaN' is not a number"],
    ['Infinity', "'Infinity' is not a number"],
    ['1e999', "'1e999' is too large a number"],
    ['0x1f', "'0x1f' is not a number"],
    ['1_000', "'1_000' is not a number"],
    ['1 2', "'1 2' is not a number"],
    ['n/a', "'n/a' is not a number"],
    ['29,000.5', "'29,000.5' is not a number: write it without thousands separators (decimalComma is false)"],
    ["29'000.5", '"29\'000.5" is not a number'],
    ['1,5', "'1,5' is not a number: say decimalComma: true if the comma begins its fraction"],
  ])('%j is refused', (text, problem) => {
    expect(read(text)).toBeNaN();
    if (!text.includes("'")) expect(numberProblem(text, false)).toBe(problem);
  });

  it('with decimal commas have no dots', () => {
    expect(read('29.000,5', true)).toBeNaN();
    expect(numberProblem('29.000,5', true)).toContain('without thousands separators');
    expect(numberProblem('1.5', true)).toContain('decimalComma: false');
    expect(read('-1,5e3', true)).toBe(-1500);
  });
});
