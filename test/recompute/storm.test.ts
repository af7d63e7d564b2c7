import { expect, test } from 'vitest';
import { Settled } from '../../src/derive/settled.ts';
import { partitions } from '../../src/store/partitions.ts';
import { createDatabase } from '../support/database.ts';
import { isLong, times } from '../support/long.ts';
import { type Program, tidemark, until } from '../support/program.ts';
import { overBothBells, type TestBell } from './both-bells.ts';
import { deviationsAt, redundantVersions, remove, write } from './expected-points.ts';
import { openRecomputeHarness, type RecomputeHarness } from './recompute-harness.ts';
import { type Random, seededRandom } from './seeded-random.ts';

const second = 1_000_000;
const aheadMax = 20;
const readingMillis = isLong ? 80_000 : 2_000;

/** Formulas over four sources that hash to different partitions: diamonds, and one over all that others give. */
const formulas: Record<string, string> = {
  MA: 'mean(A, 30s)',
  EA: 'ema(A, 12)',
  MB: 'mean(B, 10p)',
  SAB: 'A - B',
  DAB: 'MA - MB',
  RC: 'rsi(C, 14)',
  HC: 'ema(close(C, 1m), 3) + lag(high(C, 1m), 1p)',
  CD: 'corr(C, D, 60s)',
  ALL: 'DAB + stddev(SAB, 20p) - ema(D, 5) + greatest(RC, CD)',
  TOP: 'max(ALL, 2m) - median(EA, 15p) + cumsum(delta(HC, 1p))',
};
const sources = ['A', 'B', 'C', 'D'];

/** One random write: ticks at the end, in the past, again, or a deletion. */
async function anyWrite(world: RecomputeHarness, random: Random, at: number): Promise<void> {
  const key = sources[random(sources.length)];
  const kind = random(6);
  if (kind === 0) {
    const from = random(600) * second;
    await remove(world, key, { from, to: from + (1 + random(20)) * second });
    return;
  }
  const start = kind < 4 ? 600 + at : random(600);
  await write(
    world,
    key,
    Array.from({ length: 1 + random(6) }, (_, i) => [
      (start + i) * second + random(3) * 1000,
      100 + random(2_000) / 100,
    ]),
  );
}

async function begin(world: RecomputeHarness, random: Random): Promise<void> {
  for (const [place, key] of sources.entries()) {
    // Sources so far from each other that no worker holds the partitions of all.
    const beside = Array.from({ length: place === 0 ? 0 : partitions / sources.length - 1 }, (_, i) => `${key}-${i}`);
    await Promise.all(beside.map((other) => world.ingest.createSeries({ key: other })));
    await write(
      world,
      key,
      Array.from({ length: 300 }, (_, i) => [(2 * i + (key === 'B' ? 1 : 0)) * second, 100 + random(2_000) / 100]),
    );
  }
  for (const [key, formula] of Object.entries(formulas)) await world.definer.define({ key, formula });
}

/** Rings for everything there is to do, again and again, as a queue does that gives a job twice. */
async function ringTwice(world: RecomputeHarness): Promise<void> {
  const rows = await world.database.query<{ id: number }>(
    `SELECT id FROM definitions WHERE state IN ('BUILDING', 'LIVE')`,
  );
  for (let i = 0; i < 3; i++) {
    await world.bell.wake('advance', `again-${i}`, {});
    for (const { id } of rows) await world.bell.wake('build', `again-${i}-${id}`, { definition: id });
  }
}

async function killing(world: RecomputeHarness, bell: TestBell, databaseUrl: string, random: Random): Promise<void> {
  const env = { DATABASE_URL: databaseUrl, ...(bell.url && { REDIS_URL: bell.url }) };
  const workers: Program[] = [];
  const start = async () => {
    const worker = tidemark(['serve', '--role', 'worker'], env);
    workers.push(worker);
    await worker.says('worker is ready');
  };
  try {
    await Promise.all([start(), start()]);
    await begin(world, random);
    // Long enough to be computed for the first time in steps, or to be killed at it.
    const long = Array.from({ length: 60_000 }, (_, i) => [i * second, 100 + random(2_000) / 100] as const);
    for (let at = 0; at < long.length; at += 20_000) await write(world, 'LONG', long.slice(at, at + 20_000));
    for (let round = 0; round < 3 * times; round++) {
      // On its way when the worker dies.
      await world.definer.define({ key: 'SLOW', formula: `quantile(LONG, ${500 + round}p, 0.3) + ema(MA, 3)` });
      for (let i = 0; i < 12; i++) await anyWrite(world, random, round * 20 + i);
      workers.splice(random(workers.length), 1)[0].process.kill('SIGKILL');
      if (random(2) === 0) await bell.empty();
      const restarted = start();
      for (let i = 0; i < 6; i++) await anyWrite(world, random, round * 20 + 12 + i);
      if (random(2) === 0) await ringTwice(world);
      await restarted;
    }
    expect(await deviationsAt(world, await world.settled())).toEqual([]);
    expect(await redundantVersions(world)).toEqual([]);
    await expectNoProblem(world);
  } catch (error) {
    throw new Error(workers.map((worker) => worker.output()).join('\n'), { cause: error });
  } finally {
    for (const worker of workers) worker.process.kill('SIGTERM');
    await Promise.all(workers.map(({ ended }) => ended));
  }
}

/** What failed stands aside, and would be missing rather than wrong. */
async function expectNoProblem(world: RecomputeHarness): Promise<void> {
  expect(await world.database.query('SELECT formula, problem FROM definitions WHERE problem IS NOT NULL')).toEqual([]);
}

async function reading(world: RecomputeHarness, bell: TestBell, random: Random): Promise<number> {
  const workers = [await world.startWorker(), await world.startWorker(), await world.startWorker()];
  await begin(world, random);
  await world.settled();
  let written = 0;
  let newest = 0;
  let over = false;
  // Without end, but not so fast that on a small machine nothing ever settles.
  const isAhead = async () => !over && (await world.catalogue.newestRevision()) - newest > aheadMax;
  const writers = Array.from({ length: 2 }, async () => {
    while (!over) {
      await until(async () => !(await isAhead()));
      await anyWrite(world, random, written++);
      if (random(60) === 0) await ringTwice(world);
      if (random(60) === 0) await bell.empty();
      if (random(400) === 0) {
        // Its partitions go to the others, and some come back to the new one.
        await workers.splice(0, 1)[0]?.stop();
        workers.push(await world.startWorker());
      }
    }
  });
  try {
    const settled = new Settled(world.database);
    const revisions = new Set<number>();
    // However slow the machine is, some are seen.
    for (const deadline = Date.now() + readingMillis; Date.now() < deadline || revisions.size < 4; ) {
      const revision = await settled.revision();
      expect(revision).toBeGreaterThanOrEqual(newest);
      newest = revision;
      if (revisions.has(revision)) continue;
      revisions.add(revision);
      await expectNoProblem(world);
      expect(await deviationsAt(world, revision)).toEqual([]);
      const earlier = [...revisions][random(revisions.size)];
      expect(await deviationsAt(world, earlier), 'what was settled stays as it was').toEqual([]);
    }
    return revisions.size;
  } finally {
    over = true;
    await Promise.all(writers);
  }
}

overBothBells((bell) => {
  const inWorld = async (run: (world: RecomputeHarness, databaseUrl: string) => Promise<void>) => {
    const created = await createDatabase();
    const world = await openRecomputeHarness(created.url, bell().url);
    try {
      await run(world, created.url);
    } finally {
      await world.stop();
      await created.drop();
    }
  };

  test('with workers killed -9 at their work, again and again, all is right in the end, and nothing is written twice', {
    timeout: 60_000 * times,
  }, async ({ annotate }) => {
    const seed = Date.now() % 1_000_000;
    await annotate(`seed ${seed}`);
    await inWorld((world, databaseUrl) => killing(world, bell(), databaseUrl, seededRandom(seed)));
  });

  test('at any settled revision, read while others write and workers come and go, every derived series is what its formula says', {
    timeout: 60_000 * times,
  }, async ({ annotate }) => {
    const seed = Date.now() % 1_000_000;
    await annotate(`seed ${seed}`);
    await inWorld(async (world) => {
      const seen = await reading(world, bell(), seededRandom(seed));
      expect(seen, 'while it went on, revisions settled').toBeGreaterThan(2);
      expect(await deviationsAt(world, await world.settled())).toEqual([]);
      expect(await redundantVersions(world)).toEqual([]);
    });
  });
});
