import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { everything } from '../../src/engine/ranges.ts';
import { readVersions } from '../../src/store/block-reads.ts';
import { createDatabase } from '../support/database.ts';
import { times } from '../support/long.ts';
import { idOf, type Process, put, startProcess } from './world.ts';

/** What lies between a process and PostgreSQL: it may cut a connection where an answer is on its way, and lose that. */
interface Between {
  readonly url: string;
  lose: (answer: Buffer) => boolean;
  lost: number;
  stop(): Promise<void>;
}

async function startBetween(url: string): Promise<Between> {
  const target = new URL(url);
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      open.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (answer) => {
      if (!between.lose(answer)) return void near.write(answer);
      between.lost++;
      near.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const own = new URL(url);
  own.port = String((server.address() as AddressInfo).port);
  const between: Between = {
    url: own.toString(),
    lose: () => false,
    lost: 0,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
  return between;
}

let between: Between;
let process: Process;
let direct: Process;
let drop: () => Promise<void>;

beforeAll(async () => {
  const created = await createDatabase();
  drop = created.drop;
  between = await startBetween(created.url);
  process = startProcess(between.url, { patienceMillis: 20_000 });
  direct = startProcess(created.url);
  await put(process, 'WARM', [[0, 0]]);
});
afterAll(async () => {
  await process.stop();
  await direct.stop();
  await between.stop();
  await drop();
});

/** The server has committed by the time it says that it is ready for the next query. */
const readyForQuery = Buffer.from([0x5a, 0, 0, 0, 5]);

/** Of the next commit the answer is lost, however it comes. */
function loseNextCommit(): void {
  let isLost = false;
  between.lose = (answer) => {
    if (isLost || !answer.includes('"previous"') || !answer.includes(readyForQuery)) return false;
    isLost = true;
    return true;
  };
}

async function versionsOf(key: string): Promise<[t: number, revision: number, value: number][]> {
  const { t, revision, value } = await readVersions(direct.database, await idOf(direct, key), everything);
  return Array.from(t, (at, i) => [at, revision[i], value[i]]);
}

const deletion = (series: string) =>
  process.ingest.deleteTicks({ series, range: { from: 0, to: 10 }, at: undefined, note: null, idempotencyKey: null });

test.each<[string, (key: string) => Promise<{ revision: number }>, (number | null)[]]>([
  ['a write', (key) => put(process, key, [[2, 2]]), [1, 2]],
  ['one with a key', (key) => put(process, key, [[2, 2]], { idempotencyKey: key }), [1, 2]],
  ['a deletion', deletion, [1, null]],
  [
    'a large write',
    (key) =>
      put(
        process,
        key,
        Array.from({ length: 45_000 }, (_, i) => [2 + i, 2]),
      ),
    [1, ...Array(45_000).fill(2)],
  ],
])('%s whose answer is lost is made once, and answered', async (name, write, values) => {
  const key = name.replaceAll(' ', '-');
  await put(process, key, [[1, 1]]);
  const before = await direct.catalogue.newestRevision();
  const lost = between.lost;
  loseNextCommit();
  const { revision } = await write(key);
  expect(between.lost).toBe(lost + 1);
  expect(revision).toBe(before + 1);
  expect(await direct.catalogue.newestRevision()).toBe(before + 1);
  const versions = await versionsOf(key);
  expect(versions.map(([, , value]) => (Number.isNaN(value) ? null : value))).toEqual(values);
  expect(versions.filter(([, at]) => at !== before).every(([, at]) => at === revision)).toBe(true);
});

test('whatever answers are lost, each write is made once, at the revision that it is told', async () => {
  let runs = 0;
  const gaps = fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 5, maxLength: 30, size: 'max' });
  await fc.assert(
    fc.asyncProperty(gaps, async (given) => {
      const prefix = `L${runs++}-`;
      const base = await direct.catalogue.newestRevision();
      const left = [...given];
      between.lose = () => {
        if (left.length === 0) return false;
        left[0]--;
        if (left[0] > 0) return false;
        left.shift();
        return true;
      };
      const told = await Promise.all(
        Array.from({ length: 4 }, async (_, w) => {
          const revisions: number[] = [];
          for (let i = 0; i < 12; i++) revisions.push((await put(process, `${prefix}${w}`, [[i, i]])).revision);
          return revisions;
        }),
      );
      between.lose = () => false;
      for (const [w, revisions] of told.entries()) {
        expect(await versionsOf(`${prefix}${w}`)).toEqual(revisions.map((revision, i) => [i, revision, i]));
      }
      // Nothing was committed that nobody was told of.
      const newest = await direct.catalogue.newestRevision();
      expect([...new Set(told.flat())].sort((a, b) => a - b)).toEqual(
        Array.from({ length: newest - base }, (_, i) => base + 1 + i),
      );
    }),
    { numRuns: 12 * times, interruptAfterTimeLimit: 30_000 * times },
  );
});
