import type { Column } from '../src/store/block-columns.ts';
import { sourceKey } from './derived.ts';
import { prices, seconds } from './points.ts';
import type { OpenStore } from './world.ts';

const pointsPerCall = 500_000;

/** Writes a column of each series in one call; returns its revision. */
export async function writeColumns(
  store: OpenStore,
  columns: readonly { readonly key: string; readonly column: Column }[],
): Promise<number> {
  const { revision } = await store.ingest.ingest({
    columns: columns.map(({ key, column }) => ({ series: key, column, index: (at) => at, bad: new Map() })),
    createMissing: true,
    partial: false,
    note: null,
    idempotencyKey: null,
  });
  return revision;
}

/** A column of one point. */
export function pointAt(t: number, value: number): Column {
  return { t: Float64Array.of(t), value: Float64Array.of(value), size: undefined };
}

/** A series of so many points, one a second, written in large calls. Returns its id. */
export async function loadSeries(store: OpenStore, key: string, points: number, seed: number): Promise<number> {
  return writeSeries(store, key, { t: seconds(points, 0), value: prices(points, seed), size: undefined });
}

/** What derived series are made from. */
export function writeSource(store: OpenStore, source: Column): Promise<number> {
  return writeSeries(store, sourceKey, source);
}

async function writeSeries(store: OpenStore, key: string, { t, value }: Column): Promise<number> {
  for (let first = 0; first < t.length; first += pointsPerCall) {
    const end = first + pointsPerCall;
    const column = { t: t.subarray(first, end), value: value.subarray(first, end), size: undefined };
    await writeColumns(store, [{ key, column }]);
  }
  const [series] = await store.catalogue.seriesByKeys([key]);
  return series.id;
}
