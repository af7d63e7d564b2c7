import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLong, times } from '../../support/long.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-memory-'));
const child = join(folder, 'child.mjs');
const mebibytesMax = 64;
/** The sizes that the issue names take a minute. */
const long = times > 1 ? 8 : 1;

beforeAll(async () => {
  const entry = fileURLToPath(new URL('memory-child.ts', import.meta.url));
  await build({
    entryPoints: [entry],
    outfile: child,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Outcome {
  readonly ticks?: number;
  readonly rejected?: number;
  readonly problem?: string;
  readonly grownMebibytes: number;
}

async function readIn(name: string, mebibytes: number): Promise<Outcome> {
  const { stdout } = await promisify(execFile)(process.execPath, [child, name, String(mebibytes)]);
  return JSON.parse(stdout);
}

describe('a process that reads', () => {
  it.each<readonly [name: string, mebibytes: number, wanted: object]>([
    ['rows', 128 * long, { rejected: 0 }],
    ['rows in quotes', 32 * long, { rejected: 0 }],
    ['refused rows', 16 * long, { ticks: 0 }],
    ['objects', 16 * long, { rejected: 0 }],
    ['keys without end', 16, {}],
    [
      'a quote never closed',
      1_024,
      {
        problem:
          'This file cannot be read: line 20002, column series: the quote that opens here is not closed within 1 MiB.',
      },
    ],
    [
      'a long line',
      1_024,
      { problem: 'This file cannot be read: line 20002, column t: the line is longer than 1 MiB.' },
    ],
    [
      'a gzip bomb',
      isLong ? 10_240 : 1_072,
      { problem: expect.stringMatching(/^This gzip file unpacks to more than (1 GB|200 times its size): send it/) },
    ],
  ])(
    '%s grows by no more than 64 MiB',
    async (name, mebibytes, wanted) => {
      const outcome = await readIn(name, mebibytes);
      expect(outcome.grownMebibytes).toBeLessThan(mebibytesMax);
      expect(outcome).toMatchObject(wanted);
      if (outcome.problem === undefined)
        expect((outcome.ticks ?? 0) + (outcome.rejected ?? 0)).toBeGreaterThan(100_000);
    },
    120_000,
  );
});
