import { once } from 'node:events';
import { type RunningServer, startPeer, startProgram, startSelf } from '../child.ts';
import { type Figure, rateFigure } from '../figure.ts';
import { startMillis } from '../points.ts';
import { pointAt, writeColumns } from '../series.ts';
import type { SubscribersAnswer } from '../subscribers.ts';
import { openStore, type World } from '../world.ts';

const subscribers = 1_000;

interface Audience {
  /** Messages a second from now on, for so long. */
  rate(millis: number): Promise<number>;
  stop(): Promise<void>;
}

async function openAudience(
  world: World,
  { port }: RunningServer,
  keys: readonly (string | undefined)[],
): Promise<Audience> {
  const child = startSelf(world, 'subscribers');
  const ask = async (question: unknown): Promise<SubscribersAnswer> => {
    const answered = once(child, 'message');
    child.send(question as object);
    const [answer] = (await answered) as [SubscribersAnswer | { failure: string }];
    if ('failure' in answer) throw new Error(answer.failure);
    return answer;
  };
  await ask({ port, keys });
  return {
    rate: async (millis) => {
      await ask('count');
      await new Promise((resolve) => setTimeout(resolve, millis));
      const answer = await ask('count');
      return answer.kind === 'count' ? (answer.messages / answer.millis) * 1000 : 0;
    },
    stop: async () => {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}

/** Events as fast as they go: one tick in each series, again and again. */
async function compare(world: World, label: string, keys: readonly string[], least: number): Promise<Figure> {
  const url = await world.database();
  const program = await startProgram(world, url);
  const peer = await startPeer(world, 'broadcast');
  const store = openStore(url);
  const series = [...new Set(keys)];
  let at = 0;
  const write = async () => {
    at++;
    const column = pointAt((startMillis + at * 1000) * 1000, at);
    await writeColumns(
      store,
      series.map((key) => ({ key, column })),
    );
  };
  await write();
  const pairs = { ours: [] as number[], peer: [] as number[] };
  const millis = world.quick ? 2_000 : 5_000;
  for (let round = 0; round < (world.quick ? 2 : 5); round++) {
    const theirs = await openAudience(
      world,
      peer,
      keys.map(() => undefined),
    );
    pairs.peer.push(await theirs.rate(millis));
    await theirs.stop();
    const ours = await openAudience(world, program, keys);
    let writing = true;
    const writer = (async () => {
      while (writing) await write();
    })();
    pairs.ours.push(await ours.rate(millis));
    writing = false;
    await writer;
    await ours.stop();
    world.say(`  ${label}: ${pairs.ours[round].toFixed(0)} deliveries/s, broadcast ${pairs.peer[round].toFixed(0)}`);
  }
  await store.close();
  await peer.stop();
  await program.stop();
  return rateFigure(`${label} / broadcast of ready-made bytes by ws`, '/s', pairs, least);
}

/** Deliveries of subscriptions, beside one who sends ready-made bytes to as many sockets. */
export async function fanout(world: World): Promise<Figure[]> {
  const same = Array.from({ length: subscribers }, () => 'S0');
  const different = Array.from({ length: subscribers }, (_, i) => `S${i}`);
  return [
    await compare(world, '1,000 subscribers of one series', same, 0.8),
    await compare(world, '1,000 subscribers of 1,000 series', different, 0.4),
  ];
}
