import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Settled } from '../../src/derive/standing.ts';
import { column } from '../store/world.ts';
import { createDatabase } from '../support/database.ts';
import { times } from '../support/long.ts';
import { type Program, tidemark } from '../support/program.ts';
import { describeWithRedis, startRedis } from '../support/redis.ts';
import { computed, heldAt, openWorld, type World } from './world.ts';

const second = 1_000_000;

/** Numbers that look random and are the same for the same seed. */
function dice(seed: number): (below: number) => number {
  let state = (seed % 2_147_483_646) + 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

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

async function write(
  world: World,
  key: string,
  ticks: readonly (readonly [t: number, value: number])[],
): Promise<number> {
  const { revision } = await world.ingest.ingest({
    columns: [{ series: key, column: column(ticks), index: (at) => at, bad: new Map() }],
    createMissing: true,
    partial: false,
    note: null,
    idempotencyKey: null,
  });
  return revision;
}

/** One random write: ticks at the end, in the past, again, or a deletion. */
async function anyWrite(world: World, random: (below: number) => number, at: number): Promise<void> {
  const key = sources[random(sources.length)];
  const value = () => 100 + random(2_000) / 100;
  const kind = random(6);
  if (kind === 0) {
    const from = random(600) * second;
    const range = { from, to: from + (1 + random(20)) * second };
    await world.ingest.deleteTicks({ series: key, range, at: undefined, note: null, idempotencyKey: null });
    return;
  }
  const start = kind < 4 ? 600 + at : random(600);
  await write(
    world,
    key,
    Array.from({ length: 1 + random(6) }, (_, i) => [(start + i) * second + random(3) * 1000, value()]),
  );
}

async function begin(world: World, random: (below: number) => number): Promise<void> {
  for (const key of sources)
    await write(
      world,
      key,
      Array.from({ length: 300 }, (_, i) => [(2 * i + (key === 'B' ? 1 : 0)) * second, 100 + random(2_000) / 100]),
    );
  for (const [key, formula] of Object.entries(formulas)) await world.definer.define({ key, formula });
}

/** Every derived series at a revision, beside what its formula says of the sources at that revision. */
async function check(world: World, asOf: number, note: string): Promise<void> {
  const series = new Map();
  for (const key of sources) series.set(key, await heldAt(world, key, asOf));
  for (const [key, formula] of Object.entries(formulas)) {
    const wanted = await computed(formula, series);
    const held = await heldAt(world, key, asOf);
    expect(
      [...held].map(([t, { value }]) => [t, value]),
      `${key} at ${asOf}, ${note}`,
    ).toEqual([...wanted]);
    series.set(key, held);
  }
}

/** Nothing was written twice: an instant has at most one version of a revision. */
async function expectNothingTwice(world: World): Promise<void> {
  const rows = await world.database.query(
    `SELECT series, revision, instant, count(*) FROM fresh_blocks AS block, unnest(block.t) AS instant WHERE revision IS NOT NULL
     GROUP BY series, revision, instant HAVING count(*) > 1`,
  );
  expect(rows).toEqual([]);
}

function storms(
  openBell: () => Promise<{ url: string | undefined; empty: () => Promise<void>; stop: () => Promise<void> }>,
) {
  let bell: Awaited<ReturnType<typeof openBell>>;
  beforeAll(async () => {
    bell = await openBell();
  });
  afterAll(() => bell.stop());

  test('with workers killed -9 in mid-pass, again and again, all is right in the end, and nothing is written twice', {
    timeout: 120_000 * times,
  }, async () => {
    const seed = Date.now() % 1_000_000;
    console.log(`seed ${seed}`);
    const random = dice(seed);
    const created = await createDatabase();
    const world = await openWorld(created.url, bell.url);
    const env = { DATABASE_URL: created.url, ...(bell.url && { REDIS_URL: bell.url }) };
    const workers: Program[] = [];
    const start = async () => {
      const worker = tidemark(['serve', '--role', 'worker'], env);
      workers.push(worker);
      await worker.says('worker is ready');
    };
    try {
      await Promise.all([start(), start()]);
      await begin(world, random);
      for (let round = 0; round < 4 * times; round++) {
        for (let i = 0; i < 12; i++) await anyWrite(world, random, round * 20 + i);
        workers.splice(random(workers.length), 1)[0].process.kill('SIGKILL');
        if (random(2) === 0) await bell.empty();
        const restarted = start();
        for (let i = 0; i < 6; i++) await anyWrite(world, random, round * 20 + 12 + i);
        await restarted;
      }
      await check(world, await world.settled(), `seed ${seed}`);
      await expectNothingTwice(world);
    } finally {
      for (const worker of workers) worker.process.kill('SIGTERM');
      await Promise.all(workers.map(({ ended }) => ended));
      await world.stop();
      await created.drop();
    }
  });

  test('at any settled revision, read while others write and four workers work, every derived series is exactly what its formula says', {
    timeout: 120_000 * times,
  }, async () => {
    const seed = Date.now() % 1_000_000;
    console.log(`seed ${seed}`);
    const random = dice(seed);
    const created = await createDatabase();
    const world = await openWorld(created.url, bell.url);
    try {
      for (let i = 0; i < 4; i++) await world.startWorker();
      await begin(world, random);
      await world.settled();
      const settled = new Settled(world.database);
      let written = 0;
      let seen = 0;
      let over = false;
      const writer = (async () => {
        while (!over) await anyWrite(world, random, written++);
      })();
      const revisions = new Set<number>();
      for (const deadline = Date.now() + 6_000 * times; Date.now() < deadline; ) {
        const revision = await settled.revision();
        expect(revision).toBeGreaterThanOrEqual(seen);
        seen = revision;
        if (revisions.has(revision)) continue;
        revisions.add(revision);
        await check(world, revision, `seed ${seed}`);
      }
      over = true;
      await writer;
      expect(revisions.size, 'while it went on, revisions settled').toBeGreaterThan(5);
      await check(world, await world.settled(), `seed ${seed}`);
      await expectNothingTwice(world);
    } finally {
      await world.stop();
      await created.drop();
    }
  });
}

describe('over PostgreSQL', () => {
  storms(async () => ({ url: undefined, empty: async () => undefined, stop: async () => undefined }));
});

describeWithRedis('over Redis', () => {
  storms(async () => {
    const redis = await startRedis();
    return {
      url: redis.url,
      empty: async () => {
        const client = new Redis(redis.url);
        await client.flushall();
        client.disconnect();
      },
      stop: () => redis.stop(),
    };
  });
});
