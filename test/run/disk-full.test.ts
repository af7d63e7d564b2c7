import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { migrate } from '../../src/store/migrate.ts';
import { idOf, put, type Scene, startScene } from '../imports/api/api-harness.ts';
import { ask, gql } from '../support/client.ts';
import { until } from '../support/program.ts';
import { schemaFolders } from '../support/schema-folders.ts';
import { describeWithSmallDisk, mountSmallDisk } from '../support/small-disk.ts';

describeWithSmallDisk('a disk that is full', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-full-'));
  let unmount: (() => void) | undefined;
  let postgres: EmbeddedPostgres | undefined;
  let server: Scene;
  const ballast = join(folder, 'ballast');

  beforeAll(async () => {
    unmount = mountSmallDisk(folder, 230);
    // The log of changes stays small, so that it is the tables that find no room.
    const settings = { fsync: 'off', max_wal_size: '64MB', min_wal_size: '64MB', wal_recycle: 'on', autovacuum: 'off' };
    const home = join(folder, 'home');
    mkdirSync(home);
    postgres = await startEmbeddedPostgres({ home, settings });
    await migrate({ url: postgres.url, ...schemaFolders });
    // What is sent lies on another disk.
    server = await startScene({ databaseUrl: postgres.url });
  });
  afterAll(async () => {
    await server?.stop();
    await postgres?.stop();
    unmount?.();
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

  const fill = () => {
    const { bavail, bsize } = statfsSync(folder);
    writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - 1_500_000), 1));
  };

  it('a write that finds no room is UNAVAILABLE and not half there; reads go on; with room again all goes on by itself', async () => {
    expect((await write(0)).errors).toBeUndefined();
    expect((await write(1)).errors).toBeUndefined();
    fill();
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

  it('an import that finds no room says so, nothing of it is written, and with room again it can be sent again', async () => {
    const rows = 400_000;
    const text = `series,t,value\n${Array.from({ length: rows }, (_, i) => `IMPORTED,${t + i},${Math.random()}\n`).join('')}`;
    const queue = () => put(server, { status: 'QUEUED', input: { createMissing: true }, text });
    const seen = async (id: number) =>
      (
        await ask<{ import: { status: string; problem: string | null; accepted: number } }>(
          server.url,
          'query ($id: ID!) { import(id: $id) { status problem accepted } }',
          { id: idOf(id) },
        )
      ).import;
    const ended = async (id: number) => {
      await until(async () => !['QUEUED', 'RUNNING'].includes((await seen(id)).status));
      return seen(id);
    };
    const revision = await server.revision();
    fill();
    const refused = await queue();
    // One that begins takes up what waits.
    const worker = await server.startWorker();
    expect(await ended(refused)).toMatchObject({
      status: 'FAILED',
      problem: expect.stringContaining('no disk space'),
    });
    expect(await server.revision()).toBe(revision);
    rmSync(ballast);
    await worker.stop();
    const next = await queue();
    await server.startWorker();
    expect(await ended(next)).toMatchObject({ status: 'DONE', problem: null, accepted: rows });
  });
});
