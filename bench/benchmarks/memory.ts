import { sealWhole } from '../../src/upkeep/upkeep.ts';
import { startProgram } from '../child.ts';
import { bytesAtRest } from '../disk.ts';
import { type Figure, limitFigure } from '../figure.ts';
import { startLoader } from '../loader.ts';
import { rssMegabytesMax } from '../machine.ts';
import { keyOf } from '../points.ts';
import { openStore, type World } from '../world.ts';

const pointsPerCall = 10_000;
const series = 100;
const connections = 4;

/** The most that the API ever held while millions of points came in, and what they take on the disk once sealed. */
export async function memory(world: World): Promise<Figure[]> {
  if (process.platform !== 'linux') {
    world.say('  left out: only Linux tells the most that a process ever held');
    return [];
  }
  const points = world.quick ? 5_000_000 : 50_000_000;
  const url = await world.database();
  const program = await startProgram(world, url);
  const loader = startLoader(world);
  const result = await loader.run({
    port: program.port,
    connections,
    bodies: { kind: 'streamed', calls: points / pointsPerCall, points: pointsPerCall, series },
    millis: undefined,
  });
  const megabytes = rssMegabytesMax(program.pid);
  await program.stop();
  world.say(`  ${points / 1e6} M points in ${(result.millis / 1000).toFixed(1)} s`);

  const store = openStore(url);
  const keys = Array.from({ length: series }, (_, i) => keyOf(i));
  const ids = (await store.catalogue.seriesByKeys(keys)).map(({ id }) => id);
  const started = performance.now();
  await Promise.all(
    [0, 1].map(async (part) => {
      for (const id of ids.filter((_, i) => i % 2 === part)) await sealWhole(store.database, id);
    }),
  );
  world.say(`  sealed in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  const bytes = await bytesAtRest(url);
  await store.close();
  return [
    limitFigure(`most memory of the API while ${points / 1e6} M points come in`, 'MB', megabytes, 300),
    limitFigure('disk, bulk data, a point a second', 'B/point', bytes.blocks / points, 20),
  ];
}
