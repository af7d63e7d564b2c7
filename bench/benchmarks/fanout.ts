import { openAudience } from '../audience.ts';
import { type RunningServer, startPeer, startProgram } from '../child.ts';
import { type Figure, rateFigure } from '../figure.ts';
import { startMillis } from '../points.ts';
import { pointAt, writeColumns } from '../series.ts';
import { open } from '../subscribers.ts';
import { openStore, type World } from '../world.ts';

const subscribers = 1_000;

/** A subscriber that says how far it was told. */
async function openPacer({ port }: RunningServer, key: string): Promise<Pacer> {
  let cursor = 0;
  let wake = () => {};
  const socket = await open(port, key, (message) => {
    cursor = Number(/"cursor":(\d+)/.exec(String(message))?.[1]);
    wake();
  });
  return {
    reached: async (revision) => {
      while (cursor < revision)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    },
    stop: () => socket.terminate(),
  };
}

interface Pacer {
  reached(revision: number): Promise<void>;
  stop(): void;
}

/**
 * Events as fast as they go: one tick in each series, again and again, a few ahead of what the subscribers were told. The
 * peer sends messages as long as ours were.
 */
async function compare(world: World, label: string, keys: readonly string[], ahead: number, least: number) {
  const url = await world.database();
  const program = await startProgram(world, url);
  const store = openStore(url);
  const series = [...new Set(keys)];
  let at = 0;
  const write = () => {
    at++;
    const column = pointAt((startMillis + at * 1000) * 1000, at);
    return writeColumns(
      store,
      series.map((key) => ({ key, column })),
    );
  };
  await write();
  const pairs = { ours: [] as number[], peer: [] as number[] };
  const millis = world.quick ? 2_000 : 5_000;
  for (let round = 0; round < (world.quick ? 2 : 5); round++) {
    const ours = await openAudience(world, program, keys);
    const pacer = await openPacer(program, keys[0]);
    let writing = true;
    const writer = (async () => {
      const written: number[] = [];
      while (writing) {
        written.push(await write());
        const before = written.at(-1 - ahead);
        if (before !== undefined) await pacer.reached(before);
      }
    })();
    // A program that has just begun is slower.
    if (round === 0) await ours.listen(2_000);
    const heard = await ours.listen(millis);
    writing = false;
    await writer;
    pacer.stop();
    await ours.stop();
    const peer = await startPeer(world, 'broadcast', String(heard.bytesEach));
    const theirs = await openAudience(
      world,
      peer,
      keys.map(() => undefined),
    );
    const { rate } = await theirs.listen(millis);
    await theirs.stop();
    await peer.stop();
    pairs.ours.push(heard.rate);
    pairs.peer.push(rate);
    world.say(
      `  ${label}: ${heard.rate.toFixed(0)} deliveries/s of ${heard.bytesEach} bytes, broadcast ${rate.toFixed(0)}`,
    );
  }
  await store.close();
  await program.stop();
  return rateFigure(`${label} / broadcast of ready-made bytes by ws`, '/s', pairs, least);
}

/** Deliveries of subscriptions, beside one who sends ready-made bytes to as many sockets. */
export async function fanout(world: World): Promise<Figure[]> {
  const same = Array.from({ length: subscribers }, () => 'S0');
  const different = Array.from({ length: subscribers }, (_, i) => `S${i}`);
  return [
    await compare(world, '1,000 subscribers of one series', same, 2, 0.8),
    await compare(world, '1,000 subscribers of 1,000 series', different, 2, 0.4),
  ];
}
