import { openAudience } from '../audience.ts';
import { startProgram } from '../child.ts';
import { type Figure, limitFigure } from '../figure.ts';
import { rssMegabytes } from '../machine.ts';
import { startMillis } from '../points.ts';
import { pointAt, writeColumns } from '../series.ts';
import { openStore, type World } from '../world.ts';

/** What subscribers cost that hear nothing, up to ten thousand: each a socket, of a hundred series. */
export async function sockets(world: World): Promise<Figure[]> {
  const url = await world.database();
  const program = await startProgram(world, url);
  const store = openStore(url);
  const keys = Array.from({ length: 100 }, (_, i) => `S${i}`);
  await writeColumns(
    store,
    keys.map((key) => ({ key, column: pointAt(startMillis * 1000, 1) })),
  );
  const keysOf = (length: number) => Array.from({ length }, (_, i) => keys[i % keys.length]);
  // A program that has just begun grows whatever it does.
  await (await openAudience(world, program, keysOf(1_000))).stop();
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const idle = rssMegabytes(program.pid);
  const audiences: { stop(): Promise<void> }[] = [];
  const figures: Figure[] = [];
  const step = world.quick ? 1_000 : 2_500;
  for (let open = step; open <= (world.quick ? 2_000 : 10_000); open += step) {
    const started = performance.now();
    audiences.push(await openAudience(world, program, keysOf(step)));
    const seconds = (performance.now() - started) / 1000;
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const megabytes = rssMegabytes(program.pid) - idle;
    world.say(
      `  ${open} subscribers: ${megabytes.toFixed(0)} MB more than before, the last ${step} opened in ${seconds.toFixed(1)} s`,
    );
    figures.push(
      limitFigure(
        `${open.toLocaleString('en')} idle subscribers: sockets for each GB`,
        '',
        Math.round((open / megabytes) * 1000),
      ),
    );
  }
  for (const audience of audiences) await audience.stop();
  await store.close();
  await program.stop();
  return figures;
}
