import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { faultFromOutput } from '../../src/embedded/faults.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { describeWithSmallDisk, mountSmallDisk } from '../support/small-disk.ts';
import { afterwards, cleanUp, temporary } from './embedded-harness.ts';

afterEach(cleanUp);

async function faultOf(home: string): Promise<{ code?: string; message: string }> {
  const outcome = await startEmbeddedPostgres({ home }).catch((error) => error);
  expect(outcome).toMatchObject({ name: 'Fault', code: 'UNAVAILABLE' });
  return outcome;
}

test('data of another major version are refused, with both versions and the way out', async () => {
  const home = join(temporary(), 'home');
  mkdirSync(join(home, 'postgres'), { recursive: true });
  writeFileSync(join(home, 'postgres', 'PG_VERSION'), '17\n');
  const { message } = await faultOf(home);
  for (const part of ['TIDEMARK_HOME', home, 'PostgreSQL 17', 'PostgreSQL 18', 'dump', 'another directory']) {
    expect(message).toContain(part);
  }
  expect(readdirSync(join(home, 'lock'))).toEqual([]);
});

test('a directory that holds something else is left as it is', async () => {
  const home = join(temporary(), 'home');
  mkdirSync(join(home, 'postgres'), { recursive: true });
  writeFileSync(join(home, 'postgres', 'thesis.txt'), 'years of work');
  expect((await faultOf(home)).message).toContain(join(home, 'postgres'));
  expect(readdirSync(join(home, 'postgres'))).toEqual(['thesis.txt']);
});

test('a home that is a file, or below one, is named', async () => {
  const file = join(temporary(), 'file');
  writeFileSync(file, '');
  expect((await faultOf(file)).message).toContain(`TIDEMARK_HOME (${file})`);
  expect((await faultOf(join(file, 'home'))).message).toContain(`TIDEMARK_HOME (${file}/home)`);
});

describeWithSmallDisk('a disk that is full', () => {
  test('is called that', async () => {
    const home = temporary();
    afterwards(mountSmallDisk(home, 12));
    const { message } = await faultOf(home);
    expect(message).toBe(
      `The disk of TIDEMARK_HOME (${home}) is full: make room, or set TIDEMARK_HOME to a directory on another disk.`,
    );
    expect(readdirSync(home).filter((name) => name.startsWith('postgres.new'))).toEqual([]);
  });
});

test('of what PostgreSQL wrote, the line that tells why is passed on', () => {
  const words = 'LOG:  starting\nFATAL:  invalid value for parameter "jit": "maybe"\nHINT:  try on or off';
  expect(faultFromOutput('did not start', words, '/h').message).toBe(
    'The embedded PostgreSQL in TIDEMARK_HOME (/h) did not start: FATAL:  invalid value for parameter "jit": "maybe"',
  );
  const nameless = 'initdb: error: could not look up effective user ID 12345: user does not exist';
  expect(faultFromOutput('could not be set up', nameless, '/h').message).toContain('user id 12345 has no line');
});
