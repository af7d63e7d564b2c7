import { join } from 'node:path';
import { startWorker } from '../child.ts';
import { points, type SetName, sets, sourceColumn } from '../derived.ts';
import { openDeriving } from '../deriving.ts';
import { openDuck } from '../duck.ts';
import { type Figure, speedFigure } from '../figure.ts';
import { writeSource } from '../series.ts';
import type { World } from '../world.ts';
import { compareWithDuck } from './correction.ts';

/** Ten series are defined over a million points, until all of them answer, stored durably. */
async function backfillOf(world: World, name: SetName, label: string, least: number | undefined): Promise<Figure> {
  const set = sets[name];
  const source = sourceColumn();
  const duck = await openDuck(join(world.folder, `backfill-${name}.duckdb`), source);
  const pairs = { ours: [] as number[], peer: [] as number[] };
  const rounds = world.quick ? 2 : 4;
  for (let round = 0; round < rounds; round++) {
    const storing = await duck.computeAndStore(set);
    const url = await world.database();
    const store = await openDeriving(url);
    await writeSource(store, source);
    await store.quiet();
    const worker = await startWorker(world, url);
    const started = performance.now();
    for (const { key, formula } of set) await store.define(key, formula);
    const defined = performance.now() - started;
    await store.built();
    await store.durable();
    const built = performance.now() - started;
    world.say(
      `  ${label}: ${points / 1e6} M points into ten series in ${built.toFixed(0)} ms (defined after ${defined.toFixed(0)}); DuckDB ${storing.toFixed(0)}`,
    );
    await compareWithDuck(store, duck, set, source.t[points - 1]);
    await worker.stop();
    await store.close();
    // The first one also warms up.
    if (round === 0) continue;
    pairs.ours.push(built);
    pairs.peer.push(storing);
  }
  duck.close();
  return speedFigure(`backfill of ten series, ${label} / DuckDB computes and stores`, 'ms', pairs, least);
}

export async function backfill(world: World): Promise<Figure[]> {
  return [
    await backfillOf(world, 'days', 'four windows of 24 h', 2),
    await backfillOf(world, 'hours', 'windows up to 1 h', undefined),
  ];
}
