import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig } from '../../../src/config.ts';
import { everything } from '../../../src/engine/ranges.ts';
import { wakeImport } from '../../../src/imports/notify.ts';
import { wakeSummary } from '../../../src/imports/summary-requests.ts';
import { startWorker } from '../../../src/run/worker.ts';
import { readPoints } from '../../../src/store/block-reads.ts';
import { type Question, recordQuestion } from '../../../src/store/imports/import-summaries.ts';
import { dropStale } from '../../../src/store/staged-blocks.ts';
import { overBothBells } from '../../recompute/both-bells.ts';
import { heldAt, openRecomputeHarness } from '../../recompute/recompute-harness.ts';
import { idOf, put } from '../../store/world.ts';
import { until } from '../../support/program.ts';
import { csv, openScene, type Scene } from './import-harness.ts';
import { smallReader } from './small-reader.ts';

const rows = (key: string, count: number) => Array.from({ length: count }, (_, i) => [key, i, i * 2] as const);
const small = { ticks: 4, blocks: 2 };

overBothBells((bell) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene(bell().url);
  });
  afterAll(() => scene.stop());

  const counted = async (key: string) => {
    const { database } = scene.process;
    const id = await idOf(scene.process, key);
    return (await readPoints(database, id, everything, Number.MAX_SAFE_INTEGER, 1e6, 'first')).t.length;
  };

  test('of two workers who are woken for one import, one does it', async () => {
    const id = await scene.queue(csv(rows('TWO', 50)));
    const workers = [scene.worker(), scene.worker()];
    await Promise.all(workers.map((worker) => worker.jobs.take(id)));
    expect(await scene.read(id)).toMatchObject({ status: 'DONE', epoch: 1, rows: 50 });
    expect(await counted('TWO')).toBe(50);
  });

  test('one that was taken for dead writes nothing any more', async () => {
    const id = await scene.queue(csv(rows('DEAD', 50)));
    const { database } = scene.process;
    let goOn = () => {};
    const isOver = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let rest: Promise<void> | undefined;
    let rowsThen = 0;
    const first = smallReader(5, async (row) => {
      if (row < 20 || rest) return;
      await database.query(`UPDATE imports SET heartbeat_at = now() - interval '1 minute' WHERE id = $1`, [id]);
      rowsThen = (await scene.read(id)).rows;
      await new Promise<void>((taken) => {
        // Whoever has taken it up waits until the other one has tried to write.
        const reader = smallReader(5, async () => {
          taken();
          await isOver;
        });
        rest = scene.worker({ reader, sizes: small }).jobs.take(id);
      });
    });
    await scene.worker({ reader: first, sizes: small }).jobs.take(id);
    expect(await scene.read(id)).toMatchObject({ status: 'RUNNING', epoch: 2, rows: rowsThen });
    goOn();
    await rest;
    expect(await scene.read(id)).toMatchObject({ status: 'DONE', epoch: 2, rows: 50, accepted: 50 });
    expect(await counted('DEAD')).toBe(50);
  });

  test('one that was taken for dead throws nothing away that is not its own', async () => {
    const id = await scene.queue(csv(rows('FAILS', 50)));
    const { database } = scene.process;
    let goOn = () => {};
    const isOver = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let rest: Promise<void> | undefined;
    const first = smallReader(5, async (row) => {
      if (row < 20) return;
      await database.query(`UPDATE imports SET heartbeat_at = now() - interval '1 minute' WHERE id = $1`, [id]);
      await new Promise<void>((wrote) => {
        const reader = smallReader(5, async (at) => {
          if (at < 40) return;
          wrote();
          await isOver;
        });
        rest = scene.worker({ reader, sizes: small }).jobs.take(id);
      });
      throw new Error('the disk cannot be read');
    });
    await scene.worker({ reader: first, sizes: small }).jobs.take(id);
    goOn();
    await rest;
    expect(await scene.read(id)).toMatchObject({ status: 'DONE', epoch: 2, rows: 50 });
    expect(await counted('FAILS')).toBe(50);
  });

  test('one that stops lets go, and another one goes on from there', async () => {
    const id = await scene.queue(csv(rows('STOP', 50)));
    const read: number[] = [];
    const worker = scene.worker({
      sizes: small,
      reader: smallReader(5, (row) => {
        if (row >= 20) worker.stopping = true;
      }),
    });
    await worker.jobs.take(id);
    const stopped = await scene.read(id);
    expect(stopped.status).toBe('QUEUED');
    expect(stopped.rows).toBeGreaterThan(0);
    // What waits for a worker is nobody's waste.
    await dropStale(scene.process.database, 0);
    await scene.worker().jobs.sweep();
    await scene.worker({ sizes: small, reader: smallReader(5, (row) => void read.push(row)) }).jobs.take(id);
    expect(read[0]).toBe(stopped.rows);
    expect(await scene.read(id)).toMatchObject({ status: 'DONE', rows: 50 });
    expect(await counted('STOP')).toBe(50);
  });

  test('one that is cancelled in the middle leaves nothing behind', async () => {
    const before = await scene.process.catalogue.newestRevision();
    const { database } = scene.process;
    const id = await scene.queue(csv(rows('CANCEL', 5_000)));
    let asked = 0;
    const reader = smallReader(1, async (row) => {
      if (row === 20) await database.query('UPDATE imports SET cancel_asked = true WHERE id = $1', [id]);
      if (row > 20) asked++;
      if (row > 20) await new Promise((resolve) => setImmediate(resolve));
    });
    await scene.worker({ reader, sizes: small }).jobs.take(id);
    expect(await scene.read(id)).toMatchObject({ status: 'CANCELLED', fromRevision: null });
    expect(asked).toBeLessThan(5_000);
    expect(await scene.process.catalogue.newestRevision()).toBe(before);
    const [{ count }] = await database.query<{ count: string }>(
      'SELECT count(*) FROM fresh_blocks WHERE stage IS NOT NULL',
    );
    expect(count).toBe('0');
  });

  test('summaries that take long keep no import waiting', async () => {
    const { database } = scene.process;
    const pipes: string[] = [];
    const questions: Question[] = [];
    for (const name of ['a', 'b', 'c']) {
      const id = await scene.queue(csv(rows('SLOW', 1)));
      const [{ upload }] = await database.query<{ upload: string }>(
        `UPDATE imports SET status = 'PREVIEWED' WHERE id = $1 RETURNING upload`,
        [id],
      );
      const path = join(scene.home, 'uploads', upload);
      rmSync(path);
      execFileSync('mkfifo', [path]);
      pipes.push(path);
      questions.push({ import: id, groupBy: `${name}`, of: '', fn: 'COUNT' });
    }
    for (const question of questions) await recordQuestion(database, question);
    const config = { ...readConfig(new Map(), {}), home: scene.home, databaseConnections: 4, redisUrl: bell().url };
    const worker = await startWorker({ ...config, databaseUrl: scene.url, workerConcurrency: 2 }, scene.url);
    try {
      for (const question of questions) await wakeSummary(scene.bell, question);
      const id = await scene.queue(csv(rows('QUICK', 10)));
      await wakeImport(scene.bell, { id, epoch: 0 });
      await until(async () => (await scene.read(id)).status === 'DONE');
    } finally {
      // Whoever waits for the other end of a pipe gets it, also the next one that begins before it hears that it is to stop.
      const ends = pipes.map((path) => openSync(path, 'r+'));
      await worker.stop();
      for (const end of ends) closeSync(end);
      await database.query('DELETE FROM import_summaries');
    }
  });

  test('a worker of the program takes what waits, and what it is woken for; derived series follow', async () => {
    const world = await openRecomputeHarness(scene.url, bell().url);
    await put(scene.process, 'SRC', [[1_000, 1]]);
    await world.definer.define({ key: 'TWICE', formula: 'SRC * 2' });
    const waiting = await scene.queue(csv(rows('SRC', 100)));
    const config = { ...readConfig(new Map(), {}), home: scene.home, databaseConnections: 4, redisUrl: bell().url };
    const worker = await startWorker({ ...config, databaseUrl: scene.url }, scene.url);
    try {
      await until(async () => (await scene.read(waiting)).status === 'DONE');
      await world.settled();
      expect((await heldAt(world, 'TWICE', Number.MAX_SAFE_INTEGER)).size).toBe(100);
      const preview = await scene.queue(csv([['SRC', 7, 70]]), {}, { task: 'PREVIEW' });
      const next = await scene.queue(csv([['SRC', 7, 71]]));
      await wakeImport(scene.bell, { id: preview, epoch: 0 });
      await wakeImport(scene.bell, { id: next, epoch: 0 });
      await until(
        async () => (await scene.read(next)).status === 'DONE' && (await scene.read(preview)).status === 'PREVIEWED',
      );
      expect(await scene.read(preview)).toMatchObject({ changed: 1, movedCount: 1, moved: ['TWICE'] });
      expect(await scene.read(next)).toMatchObject({ changed: 1, movedCount: 1, moved: ['TWICE'] });
      await world.settled();
      expect((await heldAt(world, 'TWICE', Number.MAX_SAFE_INTEGER)).get(7_000)?.value).toBe(142);
    } finally {
      await worker.stop();
      await world.stop();
    }
  });
});
