import { gzipSync } from 'node:zlib';
import { makeImportPlan } from '../../../src/imports/text/make-import-plan.ts';
import { readTicks } from '../../../src/imports/text/read-ticks.ts';
import type { ByteSource } from '../../../src/imports/text/tick-batch.ts';
import { said } from './support.ts';

const mebibyte = 1_048_576;

/** The beginning, and then the same piece so many times; nothing of it is kept. */
function repeated(start: string | Buffer, piece: Buffer, times: number, filename = 'BTC.csv'): ByteSource {
  const first = Buffer.from(start);
  return {
    filename,
    size: first.length + piece.length * times,
    async *read(from) {
      if (from < first.length) yield first.subarray(from);
      const skipped = Math.max(0, from - first.length);
      for (let at = skipped; at < piece.length * times; ) {
        const begin = at % piece.length;
        const part = piece.subarray(begin, begin + 65_536);
        yield Buffer.from(part);
        at += part.length;
      }
    },
  };
}

function rows(bytes: number): Buffer {
  const lines: string[] = [];
  for (let length = 0, i = 0; length < bytes; i++) {
    const line = `${new Date(1_700_000_000_000 + i * 250).toISOString()},KEY-${i % 1_000},${(i % 9_999) / 100},${i % 7}\n`;
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join(''));
}

const header = 't,series,price,size\n';
const row = '2024-01-05T00:00:00Z,A,1,1\n';
const noted = `2024-01-05T00:00:00Z,A,1,1,${'x'.repeat(2_020)}\n`;

const sources: Readonly<Record<string, (mebibytes: number) => ByteSource>> = {
  rows: (mebibytes) => repeated(header, rows(mebibyte), mebibytes),
  'rows in quotes': (mebibytes) =>
    repeated(
      header,
      Buffer.from(
        rows(mebibyte)
          .toString()
          .replaceAll(/KEY-\d+/g, '"$& "'),
      ),
      mebibytes,
    ),
  'refused rows': (mebibytes) =>
    repeated(header, Buffer.from('2024-01-05T00:00:00Z,A B,1,1\n'.repeat(4_096)), mebibytes * 8),
  'keys without end': (mebibytes) => ({
    ...repeated(header, Buffer.alloc(0), 0),
    async *read(from) {
      yield Buffer.from(header).subarray(from);
      const line = Buffer.from('2024-01-05T00:00:00Z,KEY-00000000,1,1\n');
      const lines = 1_024;
      for (let first = 0; first * line.length < mebibytes * mebibyte; first += lines) {
        const piece = Buffer.alloc(line.length * lines, line);
        for (let i = 0; i < lines; i++) {
          for (let at = i * line.length + 32, rest = first + i; rest > 0; at--, rest = Math.floor(rest / 10)) {
            piece[at] = 48 + (rest % 10);
          }
        }
        yield piece;
      }
    },
  }),
  objects: (mebibytes) =>
    repeated(
      '',
      Buffer.from('{"t":"2024-01-05T00:00:00Z","series":"A","price":1.5}\n'.repeat(2_000)),
      mebibytes * 10,
      'x.ndjson',
    ),
  'a quote never closed': (mebibytes) =>
    repeated(`${header}${row.repeat(20_000)}2024-01-05T00:00:00Z,"A`, Buffer.from(row.repeat(2_000)), mebibytes * 20),
  'a long line': (mebibytes) => repeated(header + row.repeat(20_000), Buffer.alloc(mebibyte, 'x'), mebibytes),
  // Long cells, as the time goes where rows are many.
  'a gzip bomb': (mebibytes) =>
    repeated(
      '',
      gzipSync(`t,series,price,size,note\n${noted.repeat(8_192)}`, { level: 9 }),
      mebibytes / 16,
      'x.csv.gz',
    ),
};

const [, , name, mebibytes] = process.argv;
let most = 0;
const look = () => {
  most = Math.max(most, process.memoryUsage.rss());
};
async function readAll(source: ByteSource): Promise<{ ticks: number; rejected: number }> {
  let ticks = 0;
  let rejected = 0;
  const plan = await makeImportPlan(source, said);
  for await (const batch of readTicks(source, plan)) {
    look();
    ticks += batch.count;
    rejected += batch.rejects.length;
  }
  return { ticks, rejected };
}
// Code that was never run before takes memory too.
await readAll(repeated(header, rows(mebibyte), 4));
const before = process.memoryUsage.rss();
const source = sources[name](Number(mebibytes));
let outcome: object;
try {
  outcome = await readAll(source);
} catch (error) {
  outcome = { problem: error instanceof Error ? error.message : String(error) };
}
look();
process.stdout.write(JSON.stringify({ ...outcome, grownMebibytes: (most - before) / mebibyte }));
