import { type RunningServer, startPeer, startProgram } from '../child.ts';
import { alternate, type Figure, rateFigure } from '../figure.ts';
import type { Bodies } from '../load.ts';
import { startLoader } from '../loader.ts';
import { noOpBody } from '../peers.ts';
import type { World } from '../world.ts';

const connections = 100;

/** Mutations that write one tick, durably, against servers whose mutation does nothing. */
export async function singleTicks(world: World): Promise<Figure[]> {
  const program = await startProgram(world, await world.database());
  const loaders = { program: startLoader(world), peer: startLoader(world) };
  const millis = world.quick ? 1_000 : 3_000;
  const rounds = world.quick ? 2 : 5;
  const ticks: Bodies = { kind: 'single', calls: 20_000 };
  const rate = async (loader: keyof typeof loaders, { port }: RunningServer, bodies: Bodies) => {
    const result = await loaders[loader].run({ port, connections, bodies, millis });
    return (result.requests / result.millis) * 1000;
  };
  const against = async (name: 'yoga' | 'mercurius') => {
    const peer = await startPeer(world, name);
    const pairs = await alternate(
      rounds,
      () => rate('peer', peer, { kind: 'same', body: noOpBody }),
      () => rate('program', program, ticks),
    );
    await peer.stop();
    return pairs;
  };
  const figures = [
    rateFigure('single ticks, 100 connections / yoga no-op', '/s', await against('yoga'), 1),
    rateFigure('single ticks, 100 connections / mercurius no-op (aim 0.5)', '/s', await against('mercurius')),
  ];
  await program.stop();
  return figures;
}
