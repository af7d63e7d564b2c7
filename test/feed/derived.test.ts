import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, ingest, remove, socketClient } from '../support/client.ts';
import { defineAt } from '../support/define.ts';
import { times } from '../support/long.ts';
import { until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { Follower } from './follower.ts';

const t = Date.parse('2026-01-05T09:30:00Z');
const second = 1_000;

/** Written to by one process, computed by a worker, followed on another. */
let writer: TestServer;
let reader: TestServer;

beforeAll(async () => {
  writer = await startServer();
  reader = await startServer({ databaseUrl: writer.databaseUrl });
  await writer.startWorker();
});
afterAll(async () => {
  await reader.stop();
  await writer.stop();
});

const define = (key: string, formula: string) => defineAt(writer.url, key, formula);

/** What a series holds at a revision is what its formula gives, computed from its sources then. */
async function isComputed(key: string, formula: string, asOf: number): Promise<void> {
  const { series, evaluate } = await ask<{ series: { samples: object }; evaluate: { value: number[] } }>(
    reader.url,
    `query ($key: String!, $formula: String!, $asOf: Revision) {
      series(key: $key) { samples(maxPoints: null, asOf: $asOf) { t value revision } }
      evaluate(formula: $formula, maxPoints: null, asOf: $asOf) { t value revision } }`,
    { key, formula, asOf },
  );
  expect(evaluate.value.length).toBeGreaterThan(0);
  expect(series.samples, `${key} at ${asOf}`).toEqual(evaluate);
}

const end = 1_000_000;

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      series: fc.nat(1),
      at: fc.nat(60),
      count: fc.integer({ min: 1, max: 10 }),
      value: fc.nat(9),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('delete' as const),
      series: fc.nat(1),
      at: fc.nat(60),
      count: fc.integer({ min: 1, max: 10 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('define' as const), window: fc.integer({ min: 1, max: 20 }) }),
  },
);

let runs = 0;

it('after every event the client holds what a query at its cursor gives, over writes, deletions, redefinitions and reconnections', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 8, maxLength: 16 }),
      fc.boolean(),
      fc.nat(3),
      async (steps, bucketed, cutsWanted) => {
        const run = ++runs;
        const keys = ['a', 'b'].map((name) => `F${run}-${name}`);
        const [mean, joined] = ['mean', 'joined'].map((name) => `F${run}-${name}`);
        await ingest(
          writer.url,
          keys.map((series) => ({ series, t, value: 0 })),
        );
        await define(mean, `mean(${keys[0]}, 2s)`);
        await define(joined, `ema(${mean}, 3) + ${keys[1]}`);
        const series = run % 2 === 0 ? [mean, joined] : [joined, keys[0], mean];
        const follower = new Follower(reader.url, { series, bucket: bucketed ? '7s' : undefined });
        expect(await follower.next()).toMatchObject({ kind: 'SNAPSHOT', reason: null });
        await follower.compare();
        let last = Number.POSITIVE_INFINITY;
        let window = 2;
        const writing = (async () => {
          for (const change of steps) {
            if (change.kind === 'define') {
              window = change.window;
              await define(mean, `mean(${keys[0]}, ${window}s)`);
            } else if (change.kind === 'delete') {
              const from = t + change.at * second;
              await remove(writer.url, { series: keys[change.series], from, to: from + change.count * second });
            } else {
              const { at, count, value } = change;
              await ingest(
                writer.url,
                Array.from({ length: count }, (_, i) => ({
                  series: keys[change.series],
                  t: t + (at + i * 2) * second,
                  value: value + (i % 3),
                })),
              );
            }
          }
          const { revision } = await ingest(writer.url, [
            { series: keys[0], t: t + 100 * second, value: end },
            { series: keys[1], t: t + 100 * second, value: end },
          ]);
          last = revision;
        })();
        writing.catch(() => undefined);
        let cuts = cutsWanted;
        while ((follower.cursor ?? 0) < last) {
          const event = await follower.next();
          expect(event.kind, event.reason ?? '').not.toBe('SNAPSHOT');
          await follower.compare();
          if (cuts-- > 0) {
            await follower.disconnect();
            expect((await follower.next()).kind).not.toBe('SNAPSHOT');
            await follower.compare();
          }
        }
        await writing;
        await follower.disconnect();
        await isComputed(joined, `ema(mean(${keys[0]}, ${window}s), 3) + ${keys[1]}`, follower.cursor ?? 0);
      },
    ),
    { numRuns: 6 * times, endOnFailure: true },
  );
});

it('whoever follows a series from before it was computed, or read it while a worker was behind, holds what a query gives', async () => {
  const away = await startServer();
  try {
    await ingest(away.url, [{ series: 'S', t, value: 1 }]);
    await ask(away.url, 'mutation { defineSeries(input: { key: "S.d", formula: "ema(S, 3)" }) { id } }');
    const early = new Follower(away.url, { series: ['S.d'] });
    expect(await early.next()).toMatchObject({ kind: 'SNAPSHOT' });
    expect(early.values('S.d')).toEqual([]);
    const worker = await away.startWorker();
    expect(await early.next()).toMatchObject({ kind: 'CHANGE' });
    await early.compare();
    expect(early.values('S.d')).toEqual([1]);
    await early.disconnect();
    const read = () =>
      ask<{ series: { samples: { revision: number; value: number[] }; pending: { from: number; to: null }[] } }>(
        away.url,
        '{ series(key: "S.d") { samples { revision t value } ... on DerivedSeries { pending { from to } } } }',
      );
    await until(async () => (await read()).series.samples.value.length === 1);
    await worker.stop();
    const { revision } = await ingest(away.url, [
      { series: 'S', t: t + second, value: 5 },
      { series: 'S', t, value: 2 },
    ]);
    const behind = (await read()).series;
    expect(behind.samples.value).toEqual([1]);
    expect(behind.samples.revision).toBeLessThan(revision);
    expect(behind.pending).toEqual([{ from: t, to: null }]);
    const follower = new Follower(away.url, { series: ['S.d'] });
    follower.cursor = behind.samples.revision;
    expect(await follower.next()).toMatchObject({ kind: 'PROGRESS', changes: [] });
    await away.startWorker();
    expect(await follower.next()).toMatchObject({ kind: 'CHANGE' });
    expect(follower.cursor).toBeGreaterThanOrEqual(revision);
    await follower.compare();
    expect(follower.values('S.d')).toEqual([2, 3.5]);
    await follower.disconnect();
  } finally {
    await away.stop();
  }
});

it('latest tells the newest value of a derived series when it is there, and again when a correction reaches it', async () => {
  await ingest(writer.url, [{ series: 'N', t, value: 1 }]);
  await define('N.twice', '2 * N');
  const client = socketClient(reader.url);
  interface Latest {
    latest: { cursor: number; values: { series: string; point: { value: number } | null }[] };
  }
  const events = client.iterate<Latest>({
    query: 'subscription { latest(series: ["N.twice", "N"]) { cursor values { series point { value } } } }',
  });
  const held = new Map<string, number | undefined>();
  let cursor = -1;
  const heard = async (value: number) => {
    while (held.get('N.twice') !== value) {
      const { latest } = (await events.next()).value?.data ?? { latest: { cursor: 0, values: [] } };
      expect(latest.cursor).toBeGreaterThan(cursor);
      cursor = latest.cursor;
      for (const { series, point } of latest.values) held.set(series, point?.value);
      expect(held.get('N.twice'), 'both are of one revision').toBe((held.get('N') ?? 0) * 2);
    }
  };
  await heard(2);
  await ingest(writer.url, [{ series: 'N', t: t + second, value: 4 }]);
  await heard(8);
  await ingest(writer.url, [{ series: 'N', t: t + second, value: 5 }]);
  await heard(10);
  await remove(writer.url, { series: 'N', at: [t + second] });
  await heard(2);
  await define('N.twice', '2 * (N + 0)');
  await ingest(writer.url, [{ series: 'N', t: t + 2 * second, value: 7 }]);
  await heard(14);
  await client.dispose();
});
