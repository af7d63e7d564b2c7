import { startProgram } from '../child.ts';
import { alternate, type Figure, rateFigure } from '../figure.ts';
import type { Bodies } from '../load.ts';
import { startLoader } from '../loader.ts';
import { callsOf } from '../points.ts';
import { openRows } from '../rows.ts';
import { once, type World } from '../world.ts';

interface Kind {
  readonly name: string;
  readonly kind: 'columns' | 'ticks';
  readonly points: number;
  readonly series: number;
  readonly wanted: number;
}

const rowsPerCopy = 10_000;
const connections = 8;

/** Mutations over HTTP with precomputed bodies, against COPY of as many points, 10,000 rows a statement. */
async function httpIngest(world: World, kind: Kind): Promise<Figure> {
  const points = (world.quick ? 30 : 200) * kind.points * (kind.kind === 'ticks' ? 10 : 1);
  const calls = points / kind.points;
  const url = await world.database();
  const rows = await openRows(url, callsOf(points / rowsPerCopy, rowsPerCopy, kind.series), world.say);
  const program = await startProgram(world, url);
  const loader = startLoader(world);
  const bodies: Bodies = { ...kind, calls };
  const ours = async () => {
    await once(url, 'TRUNCATE fresh_blocks, batches');
    await once(url, 'CHECKPOINT');
    const result = await loader.run({ port: program.port, connections, bodies, millis: undefined });
    return (points / result.millis) * 1000;
  };
  const pairs = await alternate(world.quick ? 2 : 5, rows.fill, ours);
  await rows.close();
  await program.stop();
  return rateFigure(kind.name, 'points/s', pairs, kind.wanted);
}

export async function httpColumns(world: World): Promise<Figure[]> {
  const base = { kind: 'columns', points: 10_000, wanted: 3 } as const;
  return [
    await httpIngest(world, { ...base, name: 'ingestColumns over HTTP, 1 series a call / COPY', series: 1 }),
    await httpIngest(world, { ...base, name: 'ingestColumns over HTTP, 100 series a call / COPY', series: 100 }),
  ];
}

export async function httpTicks(world: World): Promise<Figure[]> {
  const base = { kind: 'ticks', points: 1_000, wanted: 0.7 } as const;
  return [
    await httpIngest(world, { ...base, name: 'ingestTicks over HTTP, 1,000 objects, 1 series / COPY', series: 1 }),
    await httpIngest(world, { ...base, name: 'ingestTicks over HTTP, 1,000 objects, 100 series / COPY', series: 100 }),
  ];
}
