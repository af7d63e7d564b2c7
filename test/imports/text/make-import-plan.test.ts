import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ImportInput } from '../../../src/imports/import-input.ts';
import { planned, readGuessed, sourceOf } from './support.ts';

const rolesOf = (plan: { columns: readonly { name: string; role: string; series: string | null }[] }) =>
  plan.columns.map(({ name, role, series }) => `${name}: ${role}${series === null ? '' : ` ${series}`}`);

const fault = (content: string | Buffer, input: Partial<ImportInput> = {}, filename = 'BTC.csv') =>
  planned(sourceOf(content, filename), input).then(
    () => 'no fault',
    (error: Error) => error.message,
  );

const problem = async (content: string, input: Partial<ImportInput> = {}, filename = 'BTC.csv') =>
  (await planned(sourceOf(content, filename), input)).problem;

describe('the plan of a file', () => {
  it.each([
    [
      'long',
      'time,symbol,price,volume\n2024-01-05T00:00:00Z,BTC,1.5,2\n',
      ['time: T', 'symbol: SERIES', 'price: VALUE', 'volume: SIZE'],
    ],
    ['of one series', 'ts,price\n1704412800000,1.5\n1704412801000,2\n', ['ts: T', 'price: VALUE']],
    ['wide', 'date,AAPL,MSFT\n2024-01-05,1.5,2\n2024-01-06,,2\n', ['date: T', 'AAPL: VALUE AAPL', 'MSFT: VALUE MSFT']],
    [
      'of candles',
      'Date,Open,High,Low,Close,Adj Close,Volume\n2024-01-05,1,2,0.5,1.5,1.4,100\n',
      ['Date: T', 'Open: IGNORE', 'High: IGNORE', 'Low: IGNORE', 'Close: VALUE', 'Adj Close: IGNORE', 'Volume: SIZE'],
    ],
    [
      'of trades',
      'id,side,px,qty,when\n1,buy,1.5,2,2024-01-05 00:00:00\n2,sell,1.6,2,2024-01-05 00:00:01\n',
      ['id: IGNORE', 'side: IGNORE', 'px: VALUE', 'qty: SIZE', 'when: T'],
    ],
    [
      'without a header',
      '1704412800,BTC,1.5\n1704412801,ETH,2\n1704412802,BTC,2\n1704412803,ETH,2\n',
      ['1: T', '2: SERIES', '3: VALUE'],
    ],
    [
      'of an unknown name',
      'wann;was;wert\n05.01.2024;Kaffee;1,5\n15.01.2024;Tee;1\n16.01.2024;Tee;1\n17.01.2024;Tee;1\n',
      ['wann: T', 'was: SERIES', 'wert: VALUE'],
    ],
    [
      'NDJSON',
      '{"t":1704412800000000123,"k":{"a":1},"symbol":"A","last":"1.5"}\n',
      ['t: T', 'k: IGNORE', 'symbol: SERIES', 'last: VALUE'],
    ],
  ])('%s', async (_, content, roles) => {
    const plan = await planned(sourceOf(content));
    expect(rolesOf(plan)).toEqual(roles);
    expect(plan.problem).toBeNull();
  });

  it.each([
    ['a,b\n2024-01-05,1\n', { delimiter: ',', decimalComma: false }],
    ['t;v\n2024-01-05;1,5\n2024-01-06;2,25\n', { delimiter: ';', decimalComma: true }],
    ['2024-01-05;1,5\n2024-01-06;2,25\n', { delimiter: ';', decimalComma: true, header: false }],
    ['t\tv\n2024-01-05\t29.000,5\n', { delimiter: '\t', decimalComma: true }],
    ['t|v\n2024-01-05|29,000.5\n', { delimiter: '|', decimalComma: false }],
    ['t,v\n2024-01-05,"1,5"\n', { delimiter: ',', decimalComma: true }],
    ["t,v\n'2024-01-05','1'\n", { quote: "'" }],
    ['\ufefft,v\n2024-01-05,1\n', { encoding: 'utf-8' }],
    ['t,v\r2024-01-05,1\r', { delimiter: ',', header: true }],
  ])('of %j', async (content, wanted) => {
    expect(await planned(sourceOf(content))).toMatchObject({ ...wanted, problem: null });
  });

  it.each([
    ['1704412800', { kind: 'epoch', unit: 'SECONDS' }],
    ['1704412800.25', { kind: 'epoch', unit: 'SECONDS' }],
    ['1704412800000', { kind: 'epoch', unit: 'MILLIS' }],
    ['1704412800000000', { kind: 'epoch', unit: 'MICROS' }],
    ['1704412800000000000', { kind: 'epoch', unit: 'NANOS' }],
    ['20240105', { kind: 'pattern', pattern: 'yyyyMMdd' }],
    ['2024-01-05 10:00', { kind: 'rfc3339' }],
    ['05.01.2024 10:00', { kind: 'pattern', pattern: 'd.M.yyyy H:mm' }],
    ['25/01/2024', { kind: 'pattern', pattern: 'd/M/yyyy' }],
    ['1/25/2024 3:04 PM', { kind: 'pattern', pattern: 'M/d/yyyy h:mm a' }],
    ['"Jan 5, 2024"', { kind: 'pattern', pattern: 'MMM d, yyyy' }],
    ['5-Jan-2024', { kind: 'pattern', pattern: 'd-MMM-yyyy' }],
  ])('with instants such as %s', async (text, time) => {
    const { plan, ticks } = await readGuessed(`time,price\n${text},1.5\n`);
    expect(plan.time).toEqual(time);
    expect(ticks).toHaveLength(1);
    expect(plan.series).toBe('BTC');
  });

  it('asks where it cannot know', async () => {
    expect(await problem('date,price\n01/05/2024,1\n02/05/2024,1\n')).toBe(
      "The dates of column 'date' may begin with the day or the month ('01/05/2024'): give timeFormat, d/M/yyyy or M/d/yyyy.",
    );
    expect(await problem('date,price\n01/05/2024,1\n', { timeFormat: 'dd/MM/yyyy' })).toBeNull();
    expect(await problem('date;price\n2024-01-05;29,000\n')).toContain('give decimalComma');
    expect(await problem('date;price\n2024-01-05;29,000\n', { decimalComma: true })).toBeNull();
    expect(await problem('date,time,price\n2024-01-05,10:00:00,1\n')).toContain('write both into one column');
    expect(await problem('car,owner\nVW,Ann\nBMW,Bob\n')).toContain('No column holds instants (there are: car, owner)');
    expect(await problem('t,who\n2024-01-05,Ann\n')).toContain('No column holds numbers');
    expect(await problem('t,key,a,b\n2024-01-05,X,1,2\n')).toContain('Which column holds the values? a, b');
    expect(await problem('t,price\n2024-01-05,1\n', {}, 'my prices.csv')).toContain('give series');
    expect(await problem('t,price\n2024-01-05,1\n', { series: 'X' }, 'my prices.csv')).toBeNull();
    expect(await problem('t,one thing,two\n2024-01-05,1,2\n')).toContain(
      "Column 'one thing' cannot be a series of that name",
    );
    expect(await problem('time,price\nyesterday,1\n')).toContain("('yesterday') is in no form that can be guessed");
  });

  it('is what its user says', async () => {
    const source = sourceOf('a,b,c\n2024-01-05,1,2\n');
    const columns = [
      { column: 'b', role: 'VALUE', series: 'B' },
      { column: 'c', role: 'SIZE', series: 'B' },
    ] as const;
    const plan = await planned(source, { columns });
    expect(rolesOf(plan)).toEqual(['a: T', 'b: VALUE B', 'c: SIZE B']);
    expect(plan.columns[1].examples).toEqual(['1']);
  });

  it.each<[string, Partial<ImportInput>, string]>([
    ['', {}, 'This file is empty.'],
    ['\n\n', {}, 'This file is empty: it has no row.'],
    ['t,price\n', {}, 'This file holds a header and no row: say header: false if it is a row.'],
    ['t,price\n1,2', { columns: [{ column: 'x', role: 'T' }] }, "There is no column 'x'; there are: t, price."],
    ['t,price,price\n1,2,3', {}, "The header names column 'price' twice: rename one."],
    [
      't,u,price\n1,2,3',
      {
        columns: [
          { column: 't', role: 'T' },
          { column: 'u', role: 'T' },
        ],
      },
      "Columns 't' and 'u' are both T: only one can be.",
    ],
    [
      't,price\n1,2',
      {
        columns: [
          { column: 't', role: 'T' },
          { column: 't', role: 'VALUE' },
        ],
      },
      "columns names 't' twice.",
    ],
    [
      't,key,price\n1,2,3',
      { series: 'A', columns: [{ column: 'key', role: 'SERIES' }] },
      "series is given, and column 'key' says it too: leave one out.",
    ],
    ['t,price\n1,2', { series: 'A B' }, "'A B' cannot be a series: a key cannot hold spaces; use - or _ instead."],
    [
      't,price\n1,2',
      { timeZone: 'Mars/Base' },
      "There is no time zone 'Mars/Base': use an IANA name such as Europe/Berlin, or UTC.",
    ],
    [
      't,price\n1,2',
      { encoding: 'utf-99' },
      'There is no encoding utf-99: name one of the Encoding Standard, such as utf-8, utf-16le or windows-1252.',
    ],
    ['t,price\n1,2', { delimiter: '::' }, 'The delimiter must be one ASCII character that is no line break.'],
    ['[{"t":1}]', {}, 'This is a JSON array: send NDJSON, which is one object a line, or CSV.'],
    [
      'PK\u0003\u0004xx',
      {},
      'This is an Excel workbook or another ZIP archive: send CSV or NDJSON, as it is or packed with gzip.',
    ],
    ['<!DOCTYPE html>\n<html>', {}, 'This is a web page: send CSV or NDJSON, as it is or packed with gzip.'],
    ['GIF89a', {}, 'This is an image: send CSV or NDJSON, as it is or packed with gzip.'],
    [
      `t,price\n1,"${'x\n'.repeat(600_000)}`,
      {},
      'This file cannot be read: line 2, column 2: the quote that opens here is not closed within 1 MiB.',
    ],
    [
      `t,price\n1,${'2'.repeat(400_000)}\n`,
      {},
      'The first row of this file is longer than 256 KiB: this is no table of ticks.',
    ],
    [
      `t,"${'x\n'.repeat(600_000)}`,
      {},
      'This file cannot be read: line 1, column 2: the quote that opens here is not closed within 1 MiB.',
    ],
    ['x'.repeat(1_100_000), {}, 'This file cannot be read: line 1, column 1: the line is longer than 1 MiB.'],
  ])('of a file is refused (%#)', async (content, input, message) => {
    expect(await fault(content, input)).toBe(message);
  });

  it('of what is packed twice says so', async () => {
    expect(await fault(gzipSync(gzipSync('t,price\n1,2\n')))).toBe(
      'This is packed with gzip more than once: send CSV or NDJSON, as it is or packed with gzip.',
    );
  });

  it('finds the encoding', async () => {
    const text = 't;Preis;Währung\n2024-01-05;1,5;€\n2024-01-06;1,6;€\n';
    const latin = Buffer.from(text.replaceAll('€', '\x80'), 'latin1');
    const big = Buffer.from(`\ufeff${text}`, 'utf16le').swap16();
    for (const [bytes, encoding] of [
      [Buffer.from(text), 'utf-8'],
      [latin, 'windows-1252'],
      [Buffer.from(`\ufeff${text}`, 'utf16le'), 'utf-16le'],
      [Buffer.from(text, 'utf16le'), 'utf-16le'],
      [big, 'utf-16be'],
      [gzipSync(latin), 'windows-1252'],
    ] as const) {
      const { plan, ticks } = await readGuessed(bytes);
      expect(plan).toMatchObject({ encoding, gzip: bytes[0] === 0x1f, problem: null });
      expect(plan.columns[2]).toMatchObject({ name: 'Währung', examples: ['€', '€'] });
      expect(ticks.map(({ value }) => value)).toEqual([1.5, 1.6]);
    }
  });

  it('of UTF-16 that is none says so', async () => {
    const bytes = Buffer.concat([
      Buffer.from('\ufefft,price\n2024-01-05,1\n', 'utf16le'),
      Buffer.from([0x00, 0xd8, 0x41, 0x00]),
    ]);
    expect(await fault(bytes)).toBe(
      'This file cannot be read: line 3 holds bytes that are not utf-16le: name its encoding.',
    );
  });
});
