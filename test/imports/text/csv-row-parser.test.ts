import { parse as csvParse } from 'csv-parse/sync';
import fc from 'fast-check';
import Papa from 'papaparse';
import { initParser } from 'udsv';
import { describe, expect, it } from 'vitest';
import { CsvRowParser } from '../../../src/imports/text/csv-row-parser.ts';
import { ReadBuffer } from '../../../src/imports/text/read-buffer.ts';
import { RowReader } from '../../../src/imports/text/row-reader.ts';
import { startOfFile } from '../../../src/imports/text/tick-batch.ts';
import { times } from '../../support/long.ts';
import { type CsvCase, csvCases } from './csv-cases.ts';
import { sourceOf } from './support.ts';

interface Row {
  readonly line: number;
  readonly cells: readonly string[];
  /** The cell for which it is refused; -1: none. */
  readonly bad: number;
}

async function rowsOf(
  text: string,
  delimiter: string,
  quote: string,
  pieceBytes: number,
  capacity?: number,
): Promise<Row[]> {
  const window = new ReadBuffer(sourceOf(text, 'x.csv', pieceBytes).read(0), 0, capacity);
  const rows = new CsvRowParser(delimiter.charCodeAt(0), quote === '' ? -1 : quote.charCodeAt(0));
  const reader = new RowReader(window, rows, startOfFile, (cell) => `${cell + 1}`);
  const found: Row[] = [];
  while (await reader.fill()) {
    while (reader.next()) {
      const cells = Array.from({ length: rows.cells }, (_, i) =>
        window.bytes.toString('utf8', rows.starts[i], rows.ends[i]),
      );
      found.push({ line: reader.line, cells, bad: rows.badCell });
    }
  }
  return found;
}

function ofCsvParse(text: string, delimiter: string, quote: string): string[][] {
  return csvParse(text, {
    delimiter,
    quote,
    escape: quote,
    relax_column_count: true,
    skip_empty_lines: true,
    record_delimiter: ['\r\n', '\n', '\r'],
  });
}

function ofPapaparse(text: string, delimiter: string, quote: string, newline: '\n' | '\r\n' | '\r'): string[][] {
  return Papa.parse<string[]>(text, { delimiter, quoteChar: quote, newline, skipEmptyLines: true }).data;
}

function ofUdsv(text: string, delimiter: string, quote: string, newline: string, columns: number): string[][] {
  const cols = Array.from({ length: columns }, (_, i) => ({
    name: `${i}`,
    type: 's' as const,
    repl: { empty: '', null: undefined, NaN: undefined },
  }));
  const schema = { col: delimiter, row: newline, encl: quote, esc: quote, trim: false, skip: 0, cols };
  return initParser(schema).stringArrs(text);
}

const table = fc
  .record({
    delimiter: fc.constantFrom(',', ';', '\t', '|'),
    quote: fc.constantFrom('"', "'"),
    newline: fc.constantFrom('\n' as const, '\r\n' as const, '\r' as const),
    columns: fc.integer({ min: 2, max: 5 }),
    ends: fc.boolean(),
    pieceBytes: fc.integer({ min: 1, max: 9 }),
  })
  .chain((form) => {
    const piece = fc.constantFrom(
      'a',
      'ß',
      '€',
      '💶',
      '1',
      '.5',
      ' ',
      '"',
      "'",
      ',',
      ';',
      '\t',
      '|',
      '\n',
      '\r\n',
      '\r',
    );
    const cell = fc.record({
      text: fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join('')),
      quoted: fc.boolean(),
    });
    const row = fc.array(cell, { minLength: form.columns, maxLength: form.columns });
    return fc.record({ form: fc.constant(form), rows: fc.array(row, { maxLength: 12 }) });
  });

describe('rows of CSV', () => {
  it('are what was written, and what csv-parse, papaparse and udsv find, whatever the pieces they come in', async () => {
    await fc.assert(
      fc.asyncProperty(table, async ({ form, rows }) => {
        const { delimiter, quote, newline, ends, pieceBytes } = form;
        const written = (text: string, asked: boolean) =>
          asked || [delimiter, quote, '\n', '\r'].some((special) => text.includes(special))
            ? quote + text.replaceAll(quote, quote + quote) + quote
            : text;
        const lines = rows.map((row) => row.map(({ text, quoted }) => written(text, quoted)).join(delimiter));
        const text = lines.join(newline) + (ends && lines.length > 0 ? newline : '');
        const wanted = rows.map((row) => row.map((cell) => cell.text));
        const found = await rowsOf(text, delimiter, quote, pieceBytes, 256);
        const apart = await rowsOf(lines.join(newline + newline), delimiter, quote, pieceBytes, 256);
        expect(apart.map(({ cells }) => cells)).toEqual(wanted);
        expect(found.map(({ cells }) => cells)).toEqual(wanted);
        expect(found.every(({ bad }) => bad === -1)).toBe(true);
        expect(ofCsvParse(text, delimiter, quote)).toEqual(wanted);
        expect(ofPapaparse(text, delimiter, quote, newline)).toEqual(wanted);
        if (rows.length > 0) expect(ofUdsv(text, delimiter, quote, newline, form.columns)).toEqual(wanted);
      }),
      { numRuns: 400 * times },
    );
  });

  it('are the same whatever the pieces they come in, even of text that is no CSV', async () => {
    const text = fc.array(fc.constantFrom('a', '"', ',', '\n', '\r', '\r\n', '""', ' '), { maxLength: 24 });
    const told = async (content: string, pieceBytes: number) => {
      try {
        return await rowsOf(content, ',', '"', pieceBytes);
      } catch (error) {
        return error instanceof Error ? error.message : error;
      }
    };
    await fc.assert(
      fc.asyncProperty(text, async (pieces) => {
        const content = pieces.join('');
        const whole = await told(content, 1_000);
        for (const pieceBytes of [1, 2, 3]) expect(await told(content, pieceBytes)).toEqual(whole);
      }),
      { numRuns: 400 * times },
    );
  });

  it('that csv-parse takes are taken, and those that it refuses are refused', async () => {
    const text = fc
      .array(fc.constantFrom('a', '"', ',', '\n', '""', ' '), { maxLength: 16 })
      .map((pieces) => pieces.join(''));
    await fc.assert(
      fc.asyncProperty(text, async (content) => {
        let strict: string[][] | undefined;
        try {
          strict = ofCsvParse(content, ',', '"');
        } catch {
          strict = undefined;
        }
        let ours: string[][] | undefined;
        try {
          const rows = await rowsOf(content, ',', '"', 7);
          ours = rows.some(({ bad }) => bad >= 0) ? undefined : rows.map(({ cells }) => [...cells]);
        } catch {
          ours = undefined;
        }
        expect(ours).toEqual(strict);
      }),
      { numRuns: 800 * times },
    );
  });

  it('name the lines they begin at', async () => {
    const rows = await rowsOf('a,b\n\n"1\r\n2\r3\n4",x\r\ny,"z"\r\r"p\n",q\nlast,one', ',', '"', 5);
    expect(rows.map(({ line, cells }) => [line, cells[0]])).toEqual([
      [1, 'a'],
      [3, '1\r\n2\r3\n4'],
      [7, 'y'],
      [9, 'p\n'],
      [11, 'last'],
    ]);
  });

  it.each(csvCases)('$source: $name', async ({ text, delimiter = ',', quote = '"', rows, refused }: CsvCase) => {
    for (const pieceBytes of [1, 2, 3, 1_000]) {
      const found = await rowsOf(text, delimiter, quote, pieceBytes).catch((error: unknown) => error);
      if (!Array.isArray(found)) expect(found).toMatchObject({ code: 'BAD_USER_INPUT' });
      else if (!refused) expect(found.map(({ cells }) => cells)).toEqual(rows);
      expect(!Array.isArray(found) || found.some(({ bad }) => bad >= 0)).toBe(refused === true);
    }
  });
});
