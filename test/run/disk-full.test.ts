import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { migrate } from '../../src/store/migrate.ts';
import { ask, gql } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-full-'));

/** A disk of so many MB; undefined when none can be had. */
function mountDisk(megabytes: number): string | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'tidemark-test', folder], {
      stdio: 'pipe',
    });
    return folder;
  } catch {
    return undefined;
  }
}

const disk = process.platform === 'linux' && process.getuid?.() === 0 ? mountDisk(230) : undefined;
if (disk === undefined) {
  rmSync(folder, { recursive: true, force: true });
  process.stdout.write('no small disk can be mounted here (that takes root), so this was left out: a full disk\n');
}

describe.skipIf(disk === undefined)('a disk that is full', () => {
  let postgres: EmbeddedPostgres | undefined;
  let server: TestServer;
  const ballast = join(folder, 'ballast');

  beforeAll(async () => {
    // The log of changes stays small, so that it is the tables that find no room.
    const settings = { fsync: 'off', max_wal_size: '64MB', min_wal_size: '64MB', wal_recycle: 'on', autovacuum: 'off' };
    const home = join(folder, 'home');
    mkdirSync(home);
    postgres = await startEmbeddedPostgres({ home, settings });
    await migrate({ url: postgres.url, folder: 'drizzle' });
    server = await startServer({ databaseUrl: postgres.url });
  });
  afterAll(async () => {
    await server?.stop();
    await postgres?.stop();
    execFileSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true, force: true });
  });

  const mutation = 'mutation ($input: IngestColumnsInput!) { ingestColumns(input: $input) { revision accepted } }';
  const t = Date.parse('2026-01-05T09:30:00Z');
  const count = 10_000;
  const write = (i: number) =>
    gql<{ ingestColumns: { revision: number } }>(server.url, mutation, {
      input: {
        createMissing: true,
        columns: [
          {
            series: 'FULL',
            t: Array.from({ length: count }, (_, j) => t + i * count + j),
            value: Array.from({ length: count }, () => Math.random()),
          },
        ],
      },
    });
  const counted = async () =>
    (
      await ask<{ series: { samples: { t: number[] } } }>(
        server.url,
        '{ series(key: "FULL") { samples(maxPoints: null) { t } } }',
      )
    ).series.samples.t.length;

  it('a write that finds no room is UNAVAILABLE and not half there; reads go on; with room again all goes on by itself', async () => {
    expect((await write(0)).errors).toBeUndefined();
    expect((await write(1)).errors).toBeUndefined();
    const { bavail, bsize } = await import('node:fs').then(({ statfsSync }) => statfsSync(folder));
    writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - 1_500_000), 1));
    // A write that was refused may leave room that it had taken already, so that one more fits in.
    let written = 2;
    for (let refused = 0; refused < 3; ) {
      const answer = await write(written);
      expect(answer.status).toBe(200);
      if (answer.errors) {
        refused++;
        expect(answer.errors[0]).toMatchObject({
          message: expect.stringContaining('no disk space'),
          extensions: { code: 'UNAVAILABLE' },
        });
      } else written++;
      expect(written).toBeLessThan(24);
      expect(await server.revision()).toBe(written);
      expect(await counted()).toBe(written * count);
    }
    const revision = written;
    rmSync(ballast);
    expect((await write(written)).data.ingestColumns).toEqual({ revision: revision + 1, accepted: count });
    expect(await counted()).toBe((written + 1) * count);
  });
});
