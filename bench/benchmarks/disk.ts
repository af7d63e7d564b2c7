import { commit } from '../../src/store/commit.ts';
import { sealSeries } from '../../src/store/seal.ts';
import { sealBlocksMin } from '../../src/upkeep/upkeep.ts';
import { bytesAtRest } from '../disk.ts';
import { type Figure, limitFigure } from '../figure.ts';
import { randomOf, startMillis } from '../points.ts';
import { once, openStore, type World } from '../world.ts';

const seriesCount = 10;
const revisionsPerCommit = 1_000;
/** Sealed and vacuumed as often as workers and autovacuum would. */
const commitsPerSeal = 2;
const commitsPerVacuum = 10;

/** Live prices: instants to the microsecond, one to five points of a series in a revision of its own. */
export async function liveDisk(world: World): Promise<Figure[]> {
  const wanted = world.quick ? 300_000 : 1_500_000;
  const url = await world.database();
  const store = openStore(url);
  const rows = await Promise.all(
    Array.from({ length: seriesCount }, (_, i) => store.ingest.createSeries({ key: `LIVE-${i}` })),
  );
  const random = randomOf(42);
  const lines = rows.map(({ id }) => ({ id, t: startMillis * 1000, cents: 6_500_000 }));
  let points = 0;
  let count = 0;
  while (points < wanted) {
    const blocks = Array.from({ length: revisionsPerCommit }, (_, at) => {
      const line = lines[Math.floor(random() * seriesCount)];
      const length = 1 + Math.floor(random() * 5);
      const column = { t: new Float64Array(length), value: new Float64Array(length), size: undefined };
      for (let i = 0; i < length; i++) {
        line.t += 1 + Math.floor(random() * 1_000_000);
        line.cents += Math.round((random() - 0.5) * 400);
        column.t[i] = line.t;
        column.value[i] = line.cents / 100;
      }
      points += length;
      return { at, series: line.id, column };
    });
    const revisions = blocks.map(() => ({ note: null }));
    const request = { revisions, checks: [], creates: [], stages: [], answers: [], blocks };
    await commit(store.database, request, { announce: false });
    count++;
    if (count % commitsPerSeal === 0) for (const { id } of rows) await sealSeries(store.database, id);
    if (count % commitsPerVacuum === 0) await once(url, 'VACUUM sealed_blocks, fresh_blocks');
  }
  world.say(
    `  sealed each ${Math.round((commitsPerSeal * revisionsPerCommit) / seriesCount)} blocks of a series (workers: ${sealBlocksMin})`,
  );
  const bytes = await bytesAtRest(url);
  await store.close();
  return [
    limitFigure('disk, live data, microseconds, own revision every 3 points', 'B/point', bytes.blocks / points, 20),
    limitFigure('disk, the journal of those revisions', 'B/point', bytes.commits / points),
  ];
}
