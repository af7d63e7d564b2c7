import { expect, onTestFailed, onTestFinished, test } from 'vitest';
import { type Random, seededRandom } from '../recompute/seeded-random.ts';
import { isLong } from '../support/long.ts';
import { describeWithRedis } from '../support/redis.ts';
import { Clients } from './clients.ts';
import { type System, startSystem } from './system.ts';
import { verifyDerived, verifyLine, verifySubscriber } from './verify.ts';
import { Writer } from './writer.ts';

const clientsCount = isLong ? 240 : 40;
const workersCount = isLong ? 2 : 1;
const stormMillis = isLong ? 120_000 : 0;

/** Between two troubles. */
const writesCount = isLong ? 8 : 4;

/** The writer waits for the first client, who follows all sources. */
const aheadMax = 10;

type Trouble = () => Promise<unknown>;

/** All that can go wrong, each as often as it is to. */
function troublesOf({ apis, workers, redis }: System, clients: Clients, writer: Writer, random: Random): Trouble[] {
  const isChosen = () => random(3) === 0;
  const cut = async () => clients.cut(isChosen);
  const leaveAndComeBack = async () => {
    for (let i = 0; i < 3; i++) {
      clients.leave(isChosen);
      await writer.write();
    }
    clients.comeBack();
  };
  const killApi = async () => {
    const place = random(apis.length);
    await apis[1 - place].up();
    const writing = Array.from({ length: 4 }, () => writer.write(place));
    // The others go together, and are on their way when the first one is answered.
    await Promise.race(writing);
    apis[place].kill();
    await Promise.all(writing);
  };
  const killApis = async () => {
    for (const api of apis) api.kill();
  };
  const replace = async () => {
    const all = [...apis, ...workers];
    await all[random(all.length)].replace();
  };
  const killWorker = async () => workers[random(workers.length)].kill();
  const restartRedis = async () => {
    await redis.kill();
    for (let i = 0; i < 3; i++) await writer.write();
    await redis.restart();
  };
  const emptyRedis = () => redis.empty();
  const redefine = () => writer.redefine();
  const rarely = [killWorker, restartRedis, emptyRedis];
  const often = [cut, leaveAndComeBack, killApi, redefine];
  return [...rarely, ...often, ...often, ...(isLong ? [killApis, replace, replace] : [])];
}

function shuffle<T>(list: readonly T[], random: Random): T[] {
  const left = [...list];
  return list.map(() => left.splice(random(left.length), 1)[0]);
}

async function storm(clients: Clients, writer: Writer, troubles: readonly Trouble[], random: Random): Promise<void> {
  const [first] = clients.subscribers;
  const deadline = Date.now() + stormMillis;
  do {
    for (const trouble of shuffle(troubles, random)) {
      for (let i = 0; i < writesCount; i++) {
        const revision = await writer.write();
        await clients.until(() => (first.cursor ?? 0) >= revision - aheadMax);
      }
      await trouble();
    }
  } while (Date.now() < deadline);
}

describeWithRedis('with Redis', () => {
  test('whoever is cut off and whatever is killed or emptied: what each client was told comes to what queries say, without a gap or a repetition', {
    timeout: isLong ? 600_000 : 60_000,
  }, async ({ annotate }) => {
    const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
    await annotate(`CHAOS_SEED=${seed}`);
    if (isLong) process.stdout.write(`CHAOS_SEED=${seed}\n`);
    const system = await startSystem(workersCount);
    onTestFinished(() => system.stop());
    onTestFailed(() => void process.stderr.write(system.output()));
    await system.up();
    const random = seededRandom(seed);
    const writer = new Writer(system.urls, seededRandom(seed + 1));
    await writer.begin();
    const clients = new Clients(system.urls, clientsCount, seededRandom(seed + 2));
    onTestFinished(() => clients.close());

    await storm(clients, writer, troublesOf(system, clients, writer, random), random);
    await system.up();
    await clients.haveReached(await writer.finish());
    clients.close();

    for (const subscriber of clients.subscribers) await verifySubscriber(system.urls[0], subscriber, random);
    for (const line of clients.lines) await verifyLine(system.urls[1], line, random);
    await verifyDerived(system.urls[0]);
    await system.stop();
    expect(system.problems()).toEqual([]);
    const stays = clients.subscribers.flatMap((subscriber) => subscriber.stays);
    const events = stays.flatMap((stay) => stay.events);
    const begun = events.filter(({ kind }) => kind === 'SNAPSHOT').length - clients.subscribers.length;
    const counts = `${events.length} events over ${stays.length} subscriptions, ${begun} begun anew; ${writer.retries} writes were asked again`;
    await annotate(counts);
    if (isLong) process.stdout.write(`${counts}\n`);
  });
});
