import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { type Tick, write as writeTo } from './expected-points.ts';
import { computed, heldAt, openRecomputeHarness, type RecomputeHarness } from './recompute-harness.ts';

const second = 1_000_000;
let world: RecomputeHarness;
let drop: () => Promise<void>;

beforeAll(async () => {
  const created = await createDatabase();
  drop = created.drop;
  world = await openRecomputeHarness(created.url);
  await world.startWorker();
});

afterAll(async () => {
  await world?.stop();
  await drop?.();
});

const write = (key: string, ticks: readonly Tick[]) => writeTo(world, key, ticks);

const formulas: Record<string, string> = {
  M: 'mean(A, 10s)',
  E: 'ema(A, 12)',
  S: 'A - B',
  N: 'ema(M, 5) + stddev(S, 20p)',
  D: 'N - M',
};

async function check(): Promise<void> {
  const asOf = await world.settled();
  const series = new Map();
  for (const key of ['A', 'B']) series.set(key, await heldAt(world, key, asOf));
  for (const [key, formula] of Object.entries(formulas)) {
    const wanted = await computed(formula, series);
    const held = await heldAt(world, key, asOf);
    expect(
      [...held].map(([t, { value }]) => [t, value]),
      key,
    ).toEqual([...wanted]);
    series.set(key, held);
  }
}

test('derived series are what their formulas say, whatever is written, corrected and deleted', {
  timeout: 60_000,
}, async () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  await write(
    'A',
    Array.from({ length: 5000 }, (_, i) => [i * second, 100 + random(1000) / 100]),
  );
  await write(
    'B',
    Array.from({ length: 2000 }, (_, i) => [i * 3 * second, 50 + random(1000) / 100]),
  );
  for (const [key, formula] of Object.entries(formulas)) await world.definer.define({ key, formula });
  await check();
  for (let round = 0; round < 30; round++) {
    const key = random(2) === 0 ? 'A' : 'B';
    const kind = random(4);
    const t = kind === 0 ? 5000 + round : random(5000);
    if (kind === 3) {
      const range = { from: t * second, to: (t + 20) * second };
      await world.ingest.deleteTicks({ series: key, range, at: undefined, note: null, idempotencyKey: null });
    } else
      await write(
        key,
        Array.from({ length: 1 + random(5) }, (_, i) => [(t + i) * second, 100 + random(1000) / 100]),
      );
    await check();
  }
});
