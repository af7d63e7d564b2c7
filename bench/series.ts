import { prices, seconds } from './points.ts';
import type { OpenStore } from './world.ts';

const pointsPerCall = 500_000;

/** A series of so many points, one a second, written in large calls. Returns its id. */
export async function loadSeries(store: OpenStore, key: string, points: number, seed: number): Promise<number> {
  const value = prices(points, seed);
  for (let first = 0; first < points; first += pointsPerCall) {
    const count = Math.min(pointsPerCall, points - first);
    const column = { t: seconds(count, first), value: value.subarray(first, first + count), size: undefined };
    await store.ingest.ingest({
      columns: [{ series: key, column, index: (at) => at, bad: new Map() }],
      createMissing: true,
      partial: false,
      note: null,
      idempotencyKey: null,
    });
  }
  const [series] = await store.catalogue.seriesByKeys([key]);
  return series.id;
}
