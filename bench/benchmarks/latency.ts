import { once } from 'node:events';
import { openAudience } from '../audience.ts';
import { type RunningServer, startPeer, startProgram, startSelf } from '../child.ts';
import { openDeriving } from '../deriving.ts';
import { costFigure, type Figure, limitFigure } from '../figure.ts';
import { quantile } from '../machine.ts';
import type { PaceRequest, PaceResult } from '../pace.ts';
import { startRedis } from '../redis.ts';
import { pointAt, writeColumns } from '../series.ts';
import type { World } from '../world.ts';

const perSecond = 1_000;
const sourcesCount = 10;

interface Paced {
  readonly p50: number[];
  readonly p99: number[];
}

/** From a mutation that writes one tick to the sockets that hear of it, beside what that costs at least. */
export async function latency(world: World): Promise<Figure[]> {
  return [...(await latencyOf(world, 10)), ...(await latencyOf(world, 1))];
}

async function latencyOf(world: World, perCall: number): Promise<Figure[]> {
  const redisUrl = await startRedis(world);
  const url = await world.database();
  const keys = Array.from({ length: sourcesCount }, (_, i) => `L${i}`);
  const derivedKeys = keys.map((key) => `D-${key}`);
  const store = await openDeriving(url);
  await writeColumns(
    store,
    keys.map((key) => ({ key, column: pointAt(Date.UTC(2024, 0, 1) * 1000, 1) })),
  );
  const program = await startProgram(world, url, 'all', redisUrl);
  for (const [i, key] of derivedKeys.entries()) await store.define(key, `mean(${keys[i]}, 20p)`);
  await store.built();
  await store.close();
  const floor = await startPeer(world, 'floor', await world.database(), redisUrl ?? '');
  const pacer = startSelf(world, 'pace');
  const pace = async ({ port }: RunningServer, millis: number): Promise<PaceResult> => {
    const answered = once(pacer, 'message');
    const request: PaceRequest = { port, keys, perCall, perSecond, millis };
    pacer.send(request);
    const [answer] = (await answered) as [PaceResult | { failure: string }];
    if ('failure' in answer) throw new Error(answer.failure);
    return answer;
  };
  const audiences = {
    source: await openAudience(world, program, keys),
    derived: await openAudience(world, program, derivedKeys),
    floor: await openAudience(
      world,
      floor,
      keys.map(() => undefined),
    ),
  };
  const found = {
    source: { p50: [], p99: [] } as Paced,
    derived: { p50: [], p99: [] } as Paced,
    floor: { p50: [], p99: [] } as Paced,
  };
  const listen = async (names: readonly (keyof typeof audiences)[], server: RunningServer, millis: number) => {
    for (const name of names) await audiences[name].latencies();
    const { sent, late, answers } = await pace(server, millis);
    world.say(
      `  answered after: p50 ${quantile(answers, 0.5).toFixed(2)} ms, p99 ${quantile(answers, 0.99).toFixed(2)} ms`,
    );
    // What was sent last may still be on its way.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    for (const name of names) {
      const latencies = await audiences[name].latencies();
      const [p50, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
      found[name].p50.push(p50);
      found[name].p99.push(p99);
      world.say(
        `  ${name}: ${sent} ticks (${late} late), ${latencies.length} heard: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`,
      );
    }
  };
  const millis = world.quick ? 4_000 : 10_000;
  const both = async (length: number) => {
    await listen(['source', 'derived'], program, length);
    await listen(['floor'], floor, length);
  };
  // A program that has just begun is slower.
  await both(world.quick ? 6_000 : 15_000);
  for (const each of Object.values(found)) for (const list of Object.values(each)) list.length = 0;
  for (let round = 0; round < (world.quick ? 2 : 5); round++) await both(millis);
  for (const audience of Object.values(audiences)) await audience.stop();
  await program.stop();
  await floor.stop();
  pacer.disconnect();
  const over = redisUrl === undefined ? 'NOTIFY' : 'Redis';
  const figureOf = (name: 'source' | 'derived', part: 'p50' | 'p99', most: number) =>
    costFigure(
      `${name} tick, ${perSecond.toLocaleString('en')}/s, ${perCall} a call: mutation to socket, ${part} / commit, ${over}, send`,
      'ms',
      { ours: found[name][part], peer: found.floor[part] },
      most,
    );
  return [
    figureOf('source', 'p50', 3),
    figureOf('source', 'p99', 3),
    figureOf('derived', 'p50', 5),
    figureOf('derived', 'p99', 5),
    limitFigure('floor p50', 'ms', quantile(found.floor.p50, 0.5)),
  ];
}
