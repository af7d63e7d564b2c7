import { alternate, type Figure, rateFigure } from '../figure.ts';
import { callsOf, keyOf } from '../points.ts';
import { openRows } from '../rows.ts';
import { openStore, type World } from '../world.ts';

const pointsPerCall = 10_000;
const inFlight = 8;

/** 10,000 points a call at the store, against COPY of the same points. */
export async function storeIngest(world: World): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const seriesCount of [1, 100]) {
    const calls = callsOf(world.quick ? 40 : 100, pointsPerCall, seriesCount);
    const url = await world.database();
    const rows = await openRows(url, calls, world.say);
    const store = openStore(url);
    const requests = calls.map(({ columns }) => ({
      columns: columns.map(({ series, column }) => ({
        series: keyOf(series),
        column,
        index: (at: number) => at,
        bad: new Map<number, string>(),
      })),
      createMissing: true,
      partial: false,
      note: null,
      idempotencyKey: null,
    }));
    const ours = async () => {
      await store.database.query('TRUNCATE fresh_blocks, batches');
      await store.database.query('CHECKPOINT');
      let next = 0;
      const started = performance.now();
      await Promise.all(
        Array.from({ length: inFlight }, async () => {
          while (next < requests.length) await store.ingest.ingest(requests[next++]);
        }),
      );
      return ((calls.length * pointsPerCall) / (performance.now() - started)) * 1000;
    };
    const name = `ingest at the store, ${seriesCount} series a call / COPY`;
    const rounds = world.quick ? 2 : 5;
    figures.push(rateFigure(name, 'points/s', await alternate(rounds, rows.fill, ours), 6));
    const parallel = await alternate(world.quick ? 1 : 3, rows.fillInParallel, ours);
    figures.push(rateFigure(`${name} over 4 connections`, 'points/s', parallel));
    await rows.close();
    await store.close();
  }
  return figures;
}
