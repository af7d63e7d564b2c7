import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../../support/client.ts';
import { times } from '../../support/long.ts';
import { Place, watchMemory } from './e2e-harness.ts';
import { writeBomb, writeRepeated, writeTicks } from './generate.ts';

const isLong = times > 1;
const mebibyte = 1 << 20;
const growthMaxMebibytes = 64;

const head = 'series,t,value\nBAD,2026-01-05T09:30:00Z,1\n';
const sizedHead = 'series,t,value,size\n';
/** So many rows that one of them cannot make columns look like something else. */
const good = `series,t,value\n${'BAD,2026-01-05T09:30:00Z,1\n'.repeat(20)}`;
const asTold = ['--map', 't=T', '--map', 'value=VALUE', '--time-format', 'RFC3339'];
const zipped = gzipSync(good);

interface Bad {
  readonly name: string;
  readonly bytes: string | Uint8Array | ((path: string) => string);
  readonly words?: readonly string[];
  /** All of these stand in what is said of it. */
  readonly says: readonly RegExp[];
}

const bad: readonly Bad[] = [
  { name: 'empty.csv', bytes: '', says: [/empty/i] },
  { name: 'header-only.csv', bytes: 'series,t,value\n', says: [/row/i] },
  {
    name: 'wrong-encoding.csv',
    bytes: Buffer.concat([
      Buffer.from(`${head}B`),
      Buffer.from([0xff, 0xfe]),
      Buffer.from(',2026-01-05T09:30:01Z,1\n'),
    ]),
    words: ['--encoding', 'utf-8'],
    says: [/line 3/, /series/, /utf-8/i],
  },
  {
    name: 'quote-never-closed.csv',
    bytes: (path) => writeRepeated(path, `${head}BAD,"`, '2026-01-05T09:30:01Z,1\n', (isLong ? 1_024 : 16) * mebibyte),
    says: [/line 3/, /column t\b/, /quote/],
  },
  {
    name: 'long-line.csv',
    bytes: (path) => writeRepeated(path, `${head}BAD,2026-01-05T09:30:01Z,1`, '0', (isLong ? 100 : 8) * mebibyte),
    says: [/line 3/],
  },
  // A smaller one, of the gigabyte that is always unpacked, is read in test/imports/text/memory.test.ts.
  ...(isLong
    ? [
        {
          name: 'bomb.csv.gz',
          bytes: (path: string) => writeBomb(path, 10 * 1_024 * mebibyte),
          says: [/unpack/],
        },
      ]
    : []),
  {
    name: 'one-instant-without-end.csv',
    bytes: (path) => writeRepeated(path, sizedHead, 'BAD,2026-01-05T09:30:00Z,1,1\n', 64 * mebibyte + 12),
    says: [/line \d+/],
  },
  {
    name: 'not-a-number.csv',
    bytes: `${good}BAD,2026-01-05T09:30:01Z,1.2.3\n`,
    says: [/line 22/, /column value/, /not a number/],
  },
  {
    name: 'no-number-at-all.csv',
    bytes: 'series,t,value\nBAD,2026-01-05T09:30:01Z,x\n',
    words: asTold,
    says: [/line 2/, /column value/, /not a number/],
  },
  {
    name: 'no-such-instant.csv',
    bytes: `${good}BAD,2026-02-30T09:30:01Z,1\n`,
    says: [/line 22/, /column t\b/, /2026-02-30|February/],
  },
  {
    name: 'no-instant-at-all.csv',
    bytes: 'series,t,value\nBAD,2026-02-30T09:30:01Z,1\n',
    words: asTold,
    says: [/line 2/, /column t\b/, /2026-02-30|February/],
  },
  {
    name: 'duplicate-column.csv',
    bytes: 'series,t,value,value\nBAD,2026-01-05T09:30:00Z,1,2\n',
    says: [/value/, /twice|two|duplicate/i],
  },
  {
    name: 'no-such-column.csv',
    bytes: head,
    words: ['--map', 'price=VALUE'],
    says: [/no column '?price/, /series, t, value/],
  },
  { name: 'stops-in-mid-row.csv', bytes: `${head}BAD,2026-01-05T09:3`, says: [/line 3/] },
  { name: 'stops-in-mid-row.csv.gz', bytes: zipped.subarray(0, zipped.length - 20), says: [/cut off/] },
  {
    name: 'damaged.csv.gz',
    bytes: Buffer.concat([Buffer.from([0x1f, 0x8b, 8]), Buffer.alloc(10_000, 7)]),
    says: [/./],
  },
];

describe.skipIf(!existsSync('/proc/self/clear_refs'))('through the command, the API and a worker', () => {
  let place: Place;

  beforeAll(async () => {
    place = await Place.start();
    // What every import needs is not what a bad one costs.
    const { path } = writeTicks(join(place.folder, 'usual.csv'), 30 * mebibyte, 'USUAL', 10);
    expect(await place.import([path, '--create-missing'])).toMatchObject({ code: 0 });
  });
  afterAll(() => place?.stop());

  it.for(bad)(
    '$name is refused in words, nothing of it is written, and nobody grows by it',
    {
      timeout: isLong ? 600_000 : 60_000,
    },
    async ({ name, bytes, words = [], says }, { annotate }) => {
      const path = typeof bytes === 'function' ? bytes(join(place.folder, name)) : place.file(name, bytes);
      const { revision } = await ask<{ revision: number }>(place.url, '{ revision }');
      const growth = [place.api.pid, place.worker.pid].map(watchMemory);
      const { code, output, imports } = await place.import([path, '--create-missing', ...words]);
      const rows = imports[0]?.rejected ?? [];
      const said = [
        imports[0]?.problem ?? output,
        ...rows.map(({ line, column, reason }) => `line ${line}, column ${column}: ${reason}`),
      ].join('\n');
      for (const part of says) expect(said).toMatch(part);
      expect(code).not.toBe(0);
      expect(await ask(place.url, '{ revision }')).toEqual({ revision });
      const [api, worker] = growth.map((grown) => Math.round(grown()));
      await annotate(`API +${api} MiB, worker +${worker} MiB`);
      expect({ api, worker, over: Math.max(api, worker) > growthMaxMebibytes }).toMatchObject({ over: false });
    },
  );
});
