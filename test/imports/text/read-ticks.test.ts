import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ImportPlan } from '../../../src/imports/import-plan.ts';
import { readTable } from '../../../src/imports/text/read-table.ts';
import { readTicks } from '../../../src/imports/text/read-ticks.ts';
import { times } from '../../support/long.ts';
import { columnOf, plainPlan, readAll, sourceOf, ticksOf } from './support.ts';

const day = '2024-01-05T00:00:0';
const jan5 = Date.UTC(2024, 0, 5) * 1000;

async function refusals(content: string | Buffer, plan: Partial<ImportPlan> = {}) {
  const { rejects, ticks, rows } = await readAll(sourceOf(content), { ...plainPlan, ...plan });
  return {
    rejects: rejects.map(({ line, column, reason }) => `line ${line}, ${column}: ${reason}`),
    ticks: ticks.length,
    rows,
  };
}

const fault = (content: string | Buffer, plan: Partial<ImportPlan> = {}) =>
  readAll(sourceOf(content), { ...plainPlan, ...plan }).then(
    () => 'no fault',
    (error: Error) => error.message,
  );

/** One whose rows are read in the quick way, in the long one, refused, or none. */
const line = fc.oneof(
  { weight: 6, arbitrary: fc.nat(9).map((n) => `${day}${n}Z,A${n % 3},${n}.5,${n}`) },
  { weight: 2, arbitrary: fc.nat(9).map((n) => `"${day}${n}Z","A""${n}",${n}e1,`) },
  fc.constantFrom(
    '',
    `${day}1Z,B,x,1`,
    `${day}1Z,"B\n\nC",1,1`,
    `${day}1Z,ß€💶,1,`,
    `"${day}2Z", B ,1,2`,
    'a,b',
    `${day}1Z,"B"x,1,1`,
    ' ',
  ),
);
const content = fc
  .tuple(fc.array(line, { maxLength: 12 }), fc.constantFrom('\n', '\r\n', '\r'), fc.boolean())
  .map(([lines, newline, ends]) => ['t,series,price,size', ...lines].join(newline) + (ends ? newline : ''));

describe('ticks of a file', () => {
  it('are the same in whatever pieces it comes, packed or in another encoding', async () => {
    await fc.assert(
      fc.asyncProperty(content, fc.integer({ min: 1, max: 7 }), async (text, pieceBytes) => {
        const whole = await readAll(sourceOf(text), plainPlan);
        expect(await readAll(sourceOf(text, 'x', pieceBytes), plainPlan)).toEqual(whole);
        const packed = Buffer.concat([gzipSync(text.slice(0, 40)), gzipSync(text.slice(40))]);
        expect(await readAll(sourceOf(packed, 'x', pieceBytes), { ...plainPlan, gzip: true })).toEqual(whole);
        const wide = Buffer.from(`\ufeff${text}`, 'utf16le');
        expect(await readAll(sourceOf(wide, 'x', pieceBytes), { ...plainPlan, encoding: 'utf-16le' })).toEqual(whole);
      }),
      { numRuns: 60 * times },
    );
  });

  it('that are read in the quick way are those of the long way', async () => {
    await fc.assert(
      fc.asyncProperty(content, async (text) => {
        const quick = await readAll(sourceOf(text), plainPlan);
        // A space before an instant or a number is not plain.
        const spaced = text.replaceAll(/(?<=[\n\r,])(?=\d)/g, ' ');
        const long = await readAll(sourceOf(spaced), plainPlan);
        expect(long.ticks).toEqual(quick.ticks);
        expect(long.rows).toBe(quick.rows);
      }),
      { numRuns: 200 * times },
    );
  });

  it('go on from the end of any batch as if they had been read on', async () => {
    const rows = Array.from({ length: 150_000 }, (_, i) =>
      i % 997 === 0
        ? `x${i},A,1,1`
        : i % 501 === 0
          ? `"${day}1Z","B\n${i}",1,`
          : `${day}1.${String(i).padStart(6, '0')}Z,K${i % 10},${i},1`,
    );
    const text = `t,series,price,size\r\n${rows.join('\r\n')}`;
    for (const [source, plan] of [
      [sourceOf(text), plainPlan],
      [sourceOf(gzipSync(text)), { ...plainPlan, gzip: true }],
      [sourceOf(Buffer.from(text, 'utf16le')), { ...plainPlan, encoding: 'utf-16le' }],
    ] as const) {
      const whole = await readAll(source, plan);
      expect(whole.rows).toBe(150_000);
      expect(whole.ends.length).toBeGreaterThan(1);
      let before = 0;
      for await (const batch of readTicks(source, plan)) {
        expect(batch.rows).toBeLessThanOrEqual(65_536);
        before += batch.count;
        const rest = await readAll(source, plan, batch.end, [...batch.keys]);
        expect(rest.ticks).toEqual(whole.ticks.slice(before));
        expect(rest.rejects).toEqual(whole.rejects.filter((reject) => reject.line >= batch.end.line));
        const again = await readTicks(source, plan, batch.end, [...batch.keys]).next();
        if (again.value) expect(again.value.keys.slice(0, batch.keys.length)).toEqual([...batch.keys]);
      }
    }
  }, 120_000);

  it('have their own line, and refused rows name line, column and reason', async () => {
    const text = [
      't,series,price,size',
      `${day}1Z,A,1.5,`,
      `${day}2Z,A,abc,1`,
      '',
      `2024-02-30T00:00:00Z,A,1,1`,
      `${day}3Z,,1,1`,
      `${day}3Z,A B,1,1`,
      `${day}4Z,A,1`,
      `${day}4Z,A,1,2,3`,
      `${day}4Z,A,1"2,3`,
      `${day}4Z,"A"x,1,3`,
      `${day}4Z,A,,3`,
      `${day}4Z,A,1,-`,
      `${day}5Z,"A",2,3`,
      `${day}6Z,A`,
    ].join('\n');
    const { ticks, rejects, rows } = await readAll(sourceOf(text), plainPlan);
    expect(ticks).toEqual([
      { key: 'A', t: jan5 + 1e6, value: 1.5, size: Number.NaN, line: 2 },
      { key: 'A', t: jan5 + 5e6, value: 2, size: 3, line: 14 },
    ]);
    expect(rows).toBe(13);
    expect(rejects.map((reject) => [reject.line, reject.column, reject.reason])).toEqual([
      [3, 'price', "'abc' is not a number"],
      [5, 't', "'2024-02-30T00:00:00Z' names a day that does not exist"],
      [6, 'series', 'a key cannot be empty'],
      [7, 'series', 'a key cannot hold spaces; use - or _ instead'],
      [8, 'size', 'the row has 3 cells, the header has 4'],
      [9, null, 'the row has 5 cells, the header has 4'],
      [
        10,
        'price',
        'a quote stands inside a cell that does not begin with one: put the whole cell in quotes and double it',
      ],
      [11, 'series', 'text stands behind the closing quote'],
      [12, 'price', 'is empty, which is not a number'],
      [13, 'size', "'-' is not a number"],
      [15, 'price', 'the row has 2 cells, the header has 4: the file stops in the middle of it'],
    ]);
  });

  it('with a negative size are refused, read in either way; zero is a size', async () => {
    const text = [
      't,series,price,size',
      `${day}1Z,A,1,-0.5`,
      `${day}2Z,A,1, -3 `,
      `${day}3Z,A,1,-1e-9`,
      `${day}4Z,B,-1,0`,
      `${day}5Z,C,1,-x`,
      `${day}6Z,A,1,-0`,
    ].join('\n');
    const { ticks, rejects } = await readAll(sourceOf(text), plainPlan);
    expect(ticks.map(({ key, line }) => [key, line])).toEqual([
      ['B', 5],
      ['A', 7],
    ]);
    expect(rejects.map((reject) => [reject.line, reject.column, reject.reason])).toEqual([
      [2, 'size', "'-0.5' is negative, and a size is not"],
      [3, 'size', "'-3' is negative, and a size is not"],
      [4, 'size', "'-1e-9' is negative, and a size is not"],
      [6, 'size', "'-x' is not a number"],
    ]);
  });

  it('of the wide form are one a cell, none where it is empty', async () => {
    const columns = [
      columnOf('t', 'T'),
      columnOf('a', 'VALUE', 'A'),
      columnOf('a size', 'SIZE', 'A'),
      columnOf('x', 'IGNORE'),
      columnOf('b', 'VALUE', 'B'),
    ];
    const text = `t,a,a size,x,b\n${day}1Z,1,2,,3\n${day}2Z,,,"z ""q""",4\n${day}3Z, ,,,\n${day}4Z,1,,,oops\n${day}5Z,,7,,1\n`;
    const { ticks, rejects, rows } = await readAll(sourceOf(text), { ...plainPlan, columns });
    expect(ticks.map(({ key, value, size, line: of }) => [key, value, size, of])).toEqual([
      ['A', 1, 2, 2],
      ['B', 3, Number.NaN, 2],
      ['B', 4, Number.NaN, 3],
    ]);
    expect(rejects.map((reject) => [reject.line, reject.column, reject.reason])).toEqual([
      [5, 'b', "'oops' is not a number"],
      [6, 'a', 'is empty, though there is a size'],
    ]);
    expect(rows).toBe(5);
  });

  it('of NDJSON are those of its members', async () => {
    const text = [
      `{"t":"${day}1Z","series":"A","price":1.5,"size":null}`,
      `{ "size" : "2", "price" : "1e1", "other": [{"t": "}"}, "\\""], "series": "\\u0041\\u00df", "t": "${day}2Z" }`,
      '',
      '[1]',
      `{"t":"${day}3Z","series":"A"}`,
      `{"t":"${day}3Z","series":"A","price":1,"price":2}`,
      `{"t":"${day}3Z","series":"A","price":01}`,
      `{"t":"${day}3Z","series":"A","pri`,
    ].join('\n');
    const { ticks, rejects, rows } = await readAll(sourceOf(text, 'x', 3), {
      ...plainPlan,
      format: 'NDJSON',
      header: false,
    });
    expect(ticks).toEqual([
      { key: 'A', t: jan5 + 1e6, value: 1.5, size: Number.NaN, line: 1 },
      { key: 'Aß', t: jan5 + 2e6, value: 10, size: 2, line: 2 },
    ]);
    expect(rejects.map((reject) => [reject.line, reject.column, reject.reason])).toEqual([
      [4, null, 'the line is not one JSON object'],
      [5, 'price', 'is empty, which is not a number'],
      [6, 'price', 'the object has this member twice'],
      [7, null, 'the line is not one JSON object'],
      [8, null, 'the line is not one JSON object: it stops in its middle'],
    ]);
    expect(rows).toBe(7);
  });

  it('of NDJSON are refused exactly where JSON.parse finds no object', async () => {
    const plan: ImportPlan = {
      ...plainPlan,
      format: 'NDJSON',
      header: false,
      series: 'S',
      columns: [columnOf('a', 'IGNORE'), columnOf('t', 'T'), columnOf('v', 'VALUE')],
    };
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"a"',
      '"',
      '\\',
      '\\n',
      '1',
      '-0.5e3',
      '01',
      'true',
      'null',
      ' ',
      'x',
      '"\\u00e9"',
    );
    const broken = fc.array(piece, { maxLength: 8 }).map((pieces) => `{"a":${pieces.join('')}}`);
    const sound = fc.jsonValue().map((value) => JSON.stringify({ a: value }));
    await fc.assert(
      fc.asyncProperty(fc.oneof(broken, sound), async (text) => {
        let object = true;
        try {
          JSON.parse(text);
        } catch {
          object = false;
        }
        const { rejects } = await readAll(sourceOf(text), plan);
        const twice = rejects[0]?.reason.includes('twice');
        if (!twice) expect(rejects[0]?.column === 't').toBe(object);
      }),
      { numRuns: 1_000 * times },
    );
  });

  it.each([
    [
      'a quote that is never closed',
      `t,series,price,size\n${day}1Z,A,1,1\n${day}1Z,"A,1,1\n${day}1Z,A,1,1\n`,
      'line 3, column series: the quote that opens here is not closed before the file ends',
    ],
    [
      'one that spans the limit',
      `t,series,price,size\n\n\n1,"\n\n","${'x\n'.repeat(600_000)}"`,
      'line 6, column price: the quote that opens here is not closed within 1 MiB',
    ],
    [
      'a long line',
      `t,series,price,size\n${day}1Z,A,1,1\n${day}1Z,${'A'.repeat(1_100_000)},1,1\n`,
      'line 3, column series: the line is longer than 1 MiB',
    ],
    [
      'bytes that are no UTF-8, in a row that is not wholly in memory',
      Buffer.from(`t,series,price,size\n${`${day}1Z,Aß,1,1\n`.repeat(150_000)}`).fill(0xff, 2_097_150, 2_097_151),
      'line 72316, column series: the byte 0xff is not UTF-8: name the encoding of the file, such as windows-1252',
    ],
    [
      'bytes that are no UTF-8',
      Buffer.concat([
        Buffer.from(`t,series,price,size\n${day}1Z,A,1,1\n${day}1Z,"x\n`),
        Buffer.from([0xe9]),
        Buffer.from('",1,1\n'),
      ]),
      'line 4, column series: the byte 0xe9 is not UTF-8: name the encoding of the file, such as windows-1252',
    ],
  ])('cannot be read with %s', async (_, text, problem) => {
    expect(await fault(text)).toBe(`This file cannot be read: ${problem}.`);
  });

  it('cannot be read of a gzip file that is cut off or damaged', async () => {
    const packed = gzipSync(`t,series,price,size\n${`${day}1Z,A,1,1\n`.repeat(1_000)}`);
    expect(await fault(packed.subarray(0, -20), { gzip: true })).toMatch(
      /^This gzip file is cut off after [\d,]+ unpacked bytes/,
    );
    const damaged = Buffer.from(packed);
    damaged[damaged.length - 6] ^= 0xff;
    expect(await fault(damaged, { gzip: true })).toMatch(/^This gzip file is damaged after/);
  });

  it('are as many as there are rows, at the limit of a row too', async () => {
    const row = (bytes: number) => `${day}1Z,A,1,${'0'.repeat(bytes - 27)}1\n`;
    expect((await refusals(`t,series,price,size\n${row(1_048_576)}`)).rows).toBe(1);
    expect(await fault(`t,series,price,size\n${row(1_048_577)}`)).toContain('longer than 1 MiB');
  });

  it('come with the series of the file where no column says it', async () => {
    const columns = [columnOf('t', 'T'), columnOf('price', 'VALUE')];
    const batches = [];
    for await (const batch of readTicks(sourceOf(`t;price\n${day}1Z;1,5\n`), {
      ...plainPlan,
      delimiter: ';',
      decimalComma: true,
      series: 'BTC',
      columns,
    })) {
      batches.push(...ticksOf(batch));
    }
    expect(batches).toEqual([{ key: 'BTC', t: jan5 + 1e6, value: 1.5, size: Number.NaN, line: 2 }]);
  });
});

describe('a table', () => {
  it('is read as texts, without rows that are none', async () => {
    const columns = [columnOf('a', 'IGNORE'), columnOf('b', 'IGNORE')];
    const rows = [];
    for await (const some of readTable(sourceOf('a,b\n1,"x ""y"""\n2\n\n3,\n', 'x', 2), {
      ...plainPlan,
      columns,
      problem: 'no ticks',
    })) {
      rows.push(...some);
    }
    expect(rows).toEqual([
      ['1', 'x "y"'],
      ['3', ''],
    ]);
  });
});
