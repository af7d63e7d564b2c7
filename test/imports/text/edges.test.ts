import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ImportPlan } from '../../../src/imports/import-plan.ts';
import { CsvRowParser } from '../../../src/imports/text/csv-row-parser.ts';
import { ReadBuffer } from '../../../src/imports/text/read-buffer.ts';
import { RowReader } from '../../../src/imports/text/row-reader.ts';
import { startOfFile } from '../../../src/imports/text/tick-batch.ts';
import { columnOf, plainPlan, planned, readAll, readGuessed, sourceOf } from './support.ts';

const day = '2024-01-05T00:00:0';

async function outcome(content: string | Buffer, plan: Partial<ImportPlan> = {}): Promise<readonly string[]> {
  const { ticks, rejects } = await readAll(sourceOf(content), { ...plainPlan, ...plan });
  return [
    ...ticks.map(({ line, key, value }) => `line ${line}: ${key} ${value}`),
    ...rejects.map(({ line, column, reason }) => `line ${line}, ${column}: ${reason}`),
  ];
}

async function linesOf(text: string, pieceBytes: number, capacity: number): Promise<string[]> {
  const window = new ReadBuffer(sourceOf(text, 'x', pieceBytes).read(0), 0, capacity);
  const rows = new CsvRowParser(44, 34);
  const reader = new RowReader(window, rows, startOfFile, String);
  const found: string[] = [];
  while (await reader.fill())
    while (reader.next()) found.push(`${reader.line} ${window.bytes.toString('utf8', rows.starts[0], rows.ends[0])}`);
  return found;
}

describe('rows at the end of what is in memory', () => {
  it.each(['\r\n', '\n', '\r'])('keep their lines among empty ones that end with %j', async (newline) => {
    const cells = Array.from({ length: 40 }, (_, i) => ((i * 7) % 3 === 0 ? `"${i}",x` : i % 5 === 0 ? `${i},y` : ''));
    const wanted = cells.flatMap((cell, i) => (cell === '' ? [] : [`${i + 1} ${i}`]));
    for (let capacity = 10; capacity < 26; capacity++) {
      for (const pieceBytes of [1, 64]) {
        expect(await linesOf(cells.join(newline), pieceBytes, capacity)).toEqual(wanted);
        expect(await linesOf(cells.join(newline) + newline, pieceBytes, capacity)).toEqual(wanted);
      }
    }
  });
});

describe('a gzip file', () => {
  const text = `t,series,price,size\n${day}1Z,A,1,\n`;
  const second = `${day}2Z,A,2,\n`;
  const ticks = ['line 2: A 1', 'line 3: A 2'];
  const packed = (...parts: readonly (string | Buffer)[]) =>
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? gzipSync(part) : part)));

  it('may have several members, empty ones among them, cut anywhere', async () => {
    const all = text + second;
    for (let at = 0; at <= all.length; at += 3) {
      expect(await outcome(packed(all.slice(0, at), '', all.slice(at)), { gzip: true })).toEqual(ticks);
    }
  });

  it('may be filled up with zeros', async () => {
    expect(await outcome(packed(text, second, Buffer.alloc(700)), { gzip: true })).toEqual(ticks);
  });

  it.each([
    ['text', Buffer.from(second), /is damaged after \d+ unpacked bytes/],
    ['the beginning of another', Buffer.from([0x1f, 0x8b]), /is cut off after \d+ unpacked bytes/],
  ])('with %s behind it is not read as if that were nothing', async (_, behind, wanted) => {
    await expect(outcome(packed(text, behind), { gzip: true })).rejects.toThrow(wanted);
  });
});

describe('cells', () => {
  it('of files that were put together begin with a mark, and a second header, which are refused', async () => {
    const file = `\ufefft,series,price,size\r\n${day}1Z,A,1,\r\n`;
    expect(await outcome(file + file)).toEqual([
      'line 2: A 1',
      'line 4: A 1',
      expect.stringContaining("line 3, t: '?t' is not an RFC 3339 instant"),
    ]);
    expect(await outcome(`t,series,price,size\n${day}1Z,\ufeffA,1,\n`)).toEqual([
      'line 2, series: a key cannot hold spaces; use - or _ instead',
    ]);
  });

  it('of a header may be quoted and spaced', async () => {
    const { plan, ticks } = await readGuessed('"Time (UTC)" , "the ""last"" price",Symbol\n2024-01-05,1,A\n');
    expect(plan.columns.map(({ name }) => name)).toEqual(['Time (UTC)', '"the ""last"" price"', 'Symbol']);
    expect(ticks).toHaveLength(1);
    const { columns } = await planned(sourceOf('" t ","the ""last"" price"\n2024-01-05,1\n'));
    expect(columns.map(({ name, role }) => `${name} ${role}`)).toEqual(['t T', 'the "last" price VALUE']);
  });

  it('may be as many as 10,000 in a row', async () => {
    const names = Array.from({ length: 9_999 }, (_, i) => `K${i}`);
    const row = names.map((_, i) => `${i}.5`).join(',');
    const { plan, ticks, rejects } = await readGuessed(
      `t,${names.join(',')}\n2024-01-05,${row}\n2024-01-06,${row},1\n`,
    );
    expect(plan.problem).toBeNull();
    expect(ticks).toHaveLength(9_999);
    expect(ticks.at(-1)).toMatchObject({ key: 'K9998', value: 9_998.5 });
    expect(rejects).toEqual([{ line: 3, column: null, reason: 'the row has 10001 cells, the header has 10000' }]);
    await expect(planned(sourceOf(`t,${names.join(',')},x\n2024-01-05,${row},1\n`))).rejects.toThrow(
      'This file has 10,001 columns: 10,000 are allowed.',
    );
  });

  it('in quotes may be as long as a row', async () => {
    const columns = [columnOf('t', 'T'), columnOf('note', 'IGNORE'), columnOf('price', 'VALUE')];
    const row = (note: string) => `${day}1Z,"${note}",1\n`;
    const plan = { columns, series: 'A' };
    const long = 'x""\n'.repeat(262_100);
    expect(await outcome(`t,note,price\n${row(long)}${row('y')}`, plan)).toEqual(['line 2: A 1', 'line 262103: A 1']);
    await expect(outcome(`t,note,price\n${row(`${long}${'x'.repeat(200)}`)}`, plan)).rejects.toThrow(
      'line 2, column note: the quote that opens here is not closed within 1 MiB',
    );
  });

  it.each([
    ['1e400', "'1e400' is too large a number"],
    ['-1e400', "'-1e400' is too large a number"],
    ['1e-400', 0],
    ['-0', -0],
    ['.5', 0.5],
    ['5.', 5],
    ['+1', 1],
    [' 1 ', 1],
    ['1_000', "'1_000' is not a number"],
    ['0x10', "'0x10' is not a number"],
    ['٣', "'٣' is not a number"],
    ['１', "'１' is not a number"],
    ['NaN', "'NaN' is not a number"],
    ['.', "'.' is not a number"],
    ['1e', "'1e' is not a number"],
    ['--1', "'--1' is not a number"],
    ['9007199254740993', 9007199254740992],
    ['0.1000000000000000055511151231257827', 0.1],
  ])('that say %j are taken or refused', async (text, wanted) => {
    for (const cell of [text, `"${text}"`]) {
      const { ticks, rejects } = await readAll(sourceOf(`t,series,price,size\n${day}1Z,A,${cell},\n`), plainPlan);
      if (typeof wanted === 'number') expect(ticks.map(({ value }) => value)).toEqual([wanted]);
      else expect(rejects.map(({ column, reason }) => [column, reason])).toEqual([['price', wanted]]);
    }
  });
});
