import { join } from 'node:path';
import { readPoints } from '../../src/store/block-reads.ts';
import { startWorker } from '../child.ts';
import { corrected, type Derived, highest, type SetName, sets, sourceColumn, sourceKey } from '../derived.ts';
import { type Deriving, openDeriving } from '../deriving.ts';
import { type Duck, openDuck } from '../duck.ts';
import { type Figure, speedFigure } from '../figure.ts';
import { pointAt, writeColumns, writeSource } from '../series.ts';
import type { World } from '../world.ts';

/** The peer computes the same, as far as its rounding goes; more is not compared here. */
const tolerance = 1e-6;

export async function compareWithDuck(store: Deriving, duck: Duck, set: readonly Derived[], t: number): Promise<void> {
  const storages = await store.storages();
  const asOf = await store.catalogue.newestRevision();
  const theirs = await duck.at(set, t);
  for (const { key } of set) {
    const storage = storages.get(key);
    if (storage === undefined) throw new Error(`there is no ${key}`);
    const ours = await readPoints(store.database, storage, { from: t, to: t + 1 }, asOf, 1, 'first');
    const wanted = theirs.get(key) ?? Number.NaN;
    const scale = Math.max(1, Math.abs(wanted), key === 'GAP' || key === 'SIGNAL' ? highest : 0);
    if (!(Math.abs(ours.value[0] - wanted) <= tolerance * scale))
      throw new Error(`${key} at ${t}: ${ours.value[0]} here, ${wanted} in DuckDB`);
  }
}

/** How many values of other series were written at a revision. */
async function written({ database }: Deriving, source: number, revision: number): Promise<number> {
  const [row] = await database.query<{ count: string }>(
    'SELECT coalesce(sum(versions), 0) AS count FROM fresh_blocks WHERE revision = $1 AND series <> $2',
    [revision, source],
  );
  return Number(row.count);
}

const warmUps = 16;

/** One point of a million is corrected, from the lowest of its day to the highest; until all ten series reflect it. */
async function correctionOf(world: World, name: SetName, label: string, least: number): Promise<Figure[]> {
  const set = sets[name];
  const url = await world.database();
  const source = sourceColumn();
  const store = await openDeriving(url);
  const id = await writeSource(store, source);
  const worker = await startWorker(world, url);
  for (const { key, formula } of set) await store.define(key, formula);
  await store.built();
  await store.quiet();
  const duck = await openDuck(join(world.folder, `correction-${name}.duckdb`), source);
  const pairs = { ours: [] as number[], peer: [] as number[] };
  const computed: number[] = [];
  const correct = async (t: number, value: number) => {
    const started = performance.now();
    const revision = await writeColumns(store, [{ key: sourceKey, column: pointAt(t, value) }]);
    const stored = performance.now() - started;
    await store.reflected(id, revision);
    return { revision, stored, settled: performance.now() - started };
  };
  // A program that has just begun is slower; the same value is put back.
  for (let i = 0; i < warmUps; i++) {
    const at = Math.round((source.t.length * (i + 0.5)) / warmUps);
    await correct(source.t[at], highest);
    await correct(source.t[at], source.value[at]);
  }
  await store.quiet();
  const rounds = corrected.slice(0, world.quick ? 3 : corrected.length);
  for (const t of rounds.map((at) => source.t[at])) {
    await duck.correct(t, highest);
    const computing = await duck.compute(set);
    const storing = await duck.computeAndStore(set);
    const { revision, stored, settled } = await correct(t, highest);
    world.say(
      `  ${label}: settled in ${settled.toFixed(0)} ms, stored after ${stored.toFixed(1)}, ${(await written(store, id, revision)).toLocaleString('en')} values written; DuckDB ${computing.toFixed(0)} ms, ${storing.toFixed(0)} with storing`,
    );
    await compareWithDuck(store, duck, set, t);
    await compareWithDuck(store, duck, set, t + 3_000_000_000);
    pairs.ours.push(settled);
    pairs.peer.push(storing);
    computed.push(computing);
  }
  duck.close();
  await worker.stop();
  await store.close();
  return [
    speedFigure(`a correction under ten series, ${label} / DuckDB computes and stores`, 'ms', pairs, least),
    speedFigure(`a correction under ten series, ${label} / DuckDB only computes`, 'ms', { ...pairs, peer: computed }),
  ];
}

export async function correction(world: World): Promise<Figure[]> {
  return [
    ...(await correctionOf(world, 'hours', 'windows up to 1 h', 100)),
    ...(await correctionOf(world, 'days', 'four windows of 24 h', 30)),
  ];
}
