import { type Heard, openAudience } from '../audience.ts';
import { type RunningServer, startPeer, startProgram } from '../child.ts';
import { type Figure, rateFigure } from '../figure.ts';
import { openLine, requestOf } from '../load.ts';
import { ingestQuery } from '../pace.ts';
import { startMillis } from '../points.ts';
import { open } from '../subscribers.ts';
import type { World } from '../world.ts';

const subscribers = 1_000;
const turnMillis = 1_000;
const settleMillis = 200;
const warmMillis = 3_000;

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

/** Writes one tick in each series with each call; returns its revision. */
async function openWriter({ port }: RunningServer, keys: readonly string[]): Promise<() => Promise<number>> {
  const line = await openLine(port);
  let at = 0;
  return async () => {
    at++;
    const ticks = keys.map((series) => ({ series, t: startMillis + at * 1000, value: at }));
    const variables = { input: { createMissing: true, ticks } };
    const answer = String(await line.ask(requestOf(JSON.stringify({ query: ingestQuery, variables }), port)));
    const revision = /"revision":(\d+)/.exec(answer)?.[1];
    if (revision === undefined) throw new Error(`a tick was refused: ${answer.slice(0, 500)}`);
    return Number(revision);
  };
}

/**
 * Events as fast as they go: one tick in each series, again and again, a few ahead of what the subscribers were told. The
 * peer sends messages as long as ours were. They take short turns, for the machine may be slower a moment later.
 */
async function compare(world: World, label: string, keys: readonly string[], ahead: number, least: number) {
  const program = await startProgram(world, await world.database());
  const write = await openWriter(program, [...new Set(keys)]);
  await write();
  const ours = await openAudience(world, program, keys);
  const pacer = await openPacer(program, keys[0]);
  const listen = async (millis: number): Promise<Heard> => {
    let isOn = true;
    const writing = (async () => {
      const written: number[] = [];
      while (isOn) {
        written.push(await write());
        const before = written.at(-1 - ahead);
        if (before !== undefined) await pacer.reached(before);
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, settleMillis));
    const heard = await ours.listen(millis);
    isOn = false;
    await writing;
    return heard;
  };
  // A program that has just begun is slower.
  const { bytesEach } = await listen(warmMillis);
  const peer = await startPeer(world, 'broadcast', String(bytesEach));
  const theirs = await openAudience(
    world,
    peer,
    keys.map(() => undefined),
  );
  const broadcast = async (millis: number): Promise<Heard> => {
    await fetch(`http://127.0.0.1:${peer.port}/go`);
    await new Promise((resolve) => setTimeout(resolve, settleMillis));
    const heard = await theirs.listen(millis);
    await fetch(`http://127.0.0.1:${peer.port}/halt`);
    return heard;
  };
  await broadcast(warmMillis);
  const pairs = { ours: [] as number[], peer: [] as number[] };
  for (let turn = 0; turn < (world.quick ? 4 : 16); turn++) {
    pairs.ours.push((await listen(turnMillis)).rate);
    pairs.peer.push((await broadcast(turnMillis)).rate);
  }
  pacer.stop();
  await Promise.all([ours.stop(), theirs.stop()]);
  await Promise.all([program.stop(), peer.stop()]);
  const rates = (list: readonly number[]) => list.map((rate) => (rate / 1000).toFixed(0)).join(' ');
  world.say(
    `  ${label}, ${bytesEach} bytes, thousands a second: ${rates(pairs.ours)}; broadcast: ${rates(pairs.peer)}`,
  );
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
