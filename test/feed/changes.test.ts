import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config.ts';
import { ask, ingest, remove, socketClient } from '../support/client.ts';
import { times } from '../support/long.ts';
import { describeWithRedis, startRedis, type TestRedis } from '../support/redis.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { Follower, type What } from './follower.ts';

const t = Date.parse('2026-01-05T09:30:00Z');
const second = 1_000;

type Step =
  | {
      readonly kind: 'write';
      readonly at: number;
      readonly count: number;
      readonly value: number;
      readonly sized: boolean;
    }
  | { readonly kind: 'range'; readonly at: number; readonly count: number }
  | { readonly kind: 'instants'; readonly at: number; readonly count: number }
  | { readonly kind: 'reconnect' };

const place = { at: fc.nat(60), count: fc.integer({ min: 1, max: 15 }) };
const step: fc.Arbitrary<{ series: number; step: Step }> = fc.record({
  series: fc.nat(2),
  step: fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('write' as const), ...place, value: fc.nat(5), sized: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('range' as const), ...place }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('instants' as const), ...place }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'reconnect' as const }) },
  ),
});

const instants = (at: number, count: number) => Array.from({ length: count }, (_, i) => t + (at + i * 2) * second);

async function write(url: string, series: string, change: Step): Promise<void> {
  if (change.kind === 'write') {
    const { at, count, value, sized } = change;
    const size = sized ? { size: value } : {};
    await ingest(
      url,
      instants(at, count).map((when) => ({ series, t: when, value: value + (when % 3), ...size })),
    );
  } else if (change.kind === 'range') {
    await remove(url, { series, from: t + change.at * second, to: t + (change.at + change.count) * second });
  } else if (change.kind === 'instants') {
    await remove(url, { series, at: instants(change.at, change.count) });
  }
}

let runs = 0;

/** Two processes on one store: one is written to, the other is followed. */
function followsExactly(settings: () => Partial<Config>): void {
  let writer: TestServer;
  let reader: TestServer;

  beforeAll(async () => {
    writer = await startServer(settings());
    reader = await startServer({ ...settings(), databaseUrl: writer.databaseUrl });
  });
  afterAll(async () => {
    await reader.stop();
    await writer.stop();
  });

  const whats = fc.record({
    range: fc.option(fc.constant({ from: t + 10 * second, to: t + 50 * second }), { nil: undefined }),
    bucket: fc.option(fc.constantFrom('7s', '1m'), { nil: undefined }),
  });

  it('after every event the client holds what a query at its cursor gives, over corrections, deletions and reconnections', async () => {
    await fc.assert(
      fc.asyncProperty(whats, fc.array(step, { minLength: 8, maxLength: 16 }), async (what, steps) => {
        runs++;
        const keys = ['a', 'b', 'c'].map((name) => `F${runs}-${name}`);
        await ingest(
          writer.url,
          keys.map((series) => ({ series, t, value: 0 })),
        );
        const watched: What = { series: keys.slice(0, 2), ...what };
        const follower = new Follower(reader.url, watched);
        expect(await follower.next()).toMatchObject({ kind: 'SNAPSHOT', reason: null });
        await follower.compare();

        let written = false;
        let last = 0;
        const writing = (async () => {
          for (const { series, step: change } of steps) await write(writer.url, keys[series], change);
          // Within every range, and other than all before: the last event has it.
          const end = keys.slice(0, 2).map((series) => ({ series, t: t + 30 * second, value: 1_000_000 }));
          last = (await ingest(writer.url, end)).revision;
          written = true;
        })();
        writing.catch(() => undefined);
        let cuts = steps.filter(({ step: { kind } }) => kind === 'reconnect').length;
        while (!written || (follower.cursor ?? 0) < last) {
          const previous = follower.cursor ?? 0;
          const event = await follower.next();
          expect(event.kind, event.reason ?? '').toBe('CHANGE');
          expect(event.cursor).toBeGreaterThan(previous);
          await follower.compare();
          if (cuts-- > 0 && (follower.cursor ?? 0) < last) {
            await follower.disconnect();
            const resumed = await follower.next();
            expect(resumed.kind, 'no snapshot on coming back').not.toBe('SNAPSHOT');
            expect(resumed.kind === 'CHANGE' ? resumed.cursor > event.cursor : resumed.changes.length === 0).toBe(true);
            await follower.compare();
          }
          if (written && (follower.cursor ?? 0) >= last) break;
        }
        await writing;
        await follower.disconnect();
      }),
      { numRuns: 5 * times, endOnFailure: true },
    );
  });

  it('latest tells the newest value of each series, and again when it changes, is corrected or deleted', async () => {
    const keys = ['L-a', 'L-b', 'L-c'];
    await ingest(
      writer.url,
      keys.slice(0, 2).map((series, i) => ({ series, t, value: i })),
    );
    await ask(writer.url, 'mutation { createSeries(input: { key: "L-c" }) { id } }');
    const client = socketClient(reader.url);
    const query =
      'subscription ($series: [String!]!) { latest(series: $series) { cursor values { series point { t value } } } }';
    interface Latest {
      latest: { cursor: number; values: { series: string; point: { value: number } | null }[] };
    }
    const events = client.iterate<Latest>({ query, variables: { series: keys } });
    const held = new Map<string, number | undefined>();
    let cursor = 0;
    const until = async (revision: number) => {
      while (cursor < revision) {
        const { latest } = (await events.next()).value?.data ?? { latest: { cursor: 0, values: [] } };
        cursor = latest.cursor;
        for (const { series, point } of latest.values) held.set(series, point?.value);
      }
      return Object.fromEntries(held);
    };
    expect(await until(1)).toEqual({ 'L-a': 0, 'L-b': 1, 'L-c': undefined });
    const newer = await ingest(writer.url, [{ series: 'L-a', t: t + second, value: 5 }]);
    expect(await until(newer.revision)).toMatchObject({ 'L-a': 5 });
    const corrected = await ingest(writer.url, [{ series: 'L-a', t: t + second, value: 6 }]);
    expect(await until(corrected.revision)).toMatchObject({ 'L-a': 6 });
    // An older tick changes nothing that is newest: the next event is that of the deletion.
    await ingest(writer.url, [{ series: 'L-b', t: t - second, value: 9 }]);
    const gone = await remove(writer.url, { series: 'L-a', at: [t + second] });
    expect(await until(gone.revision)).toEqual({ 'L-a': 0, 'L-b': 1, 'L-c': undefined });
    const first = await ingest(writer.url, [{ series: 'L-c', t, value: 3 }]);
    expect(await until(first.revision)).toMatchObject({ 'L-c': 3 });
    for (const key of keys) {
      const query = 'mutation ($key: String!) { deleteSeries(key: $key) { revision } }';
      const { deleteSeries } = await ask<{ deleteSeries: { revision: number } }>(writer.url, query, { key });
      expect(await until(deleteSeries.revision)).toMatchObject({ [key]: undefined });
    }
    expect([...held.values()]).toEqual([undefined, undefined, undefined]);
    const end = await events.next();
    expect(end.value?.errors?.[0]).toMatchObject({ extensions: { code: 'NOT_FOUND' } });
    expect((await events.next()).done).toBe(true);
    await client.dispose();
  });

  it('latest of a series that was deleted and made anew is that of the new one', async () => {
    const series = ['N-1', 'N-2'];
    const write = (value: number) =>
      ingest(
        writer.url,
        series.map((key) => ({ series: key, t, value })),
      );
    await write(1);
    const query =
      'subscription ($series: [String!]!) { latest(series: $series) { values { series point { value } } } }';
    const client = socketClient(reader.url);
    const follow = () => client.iterate<{ latest: { values: unknown[] } }>({ query, variables: { series } });
    const older = follow();
    await older.next();
    await ask(writer.url, 'mutation { deleteSeries(key: "N-1") { id } }');
    expect((await older.next()).value?.data?.latest.values).toEqual([{ series: 'N-1', point: null }]);
    await write(2);
    const newer = follow();
    expect((await newer.next()).value?.data?.latest.values).toEqual(
      series.map((key) => ({ series: key, point: { value: 2 } })),
    );
    expect((await older.next()).value?.errors?.[0]).toMatchObject({ extensions: { code: 'GONE' } });
    await client.dispose();
  });

  it('a deleted series is an open span without points; when the last one is, the subscription ends with NOT_FOUND', async () => {
    await ingest(writer.url, [
      { series: 'D-1', t, value: 1 },
      { series: 'D-2', t, value: 1 },
    ]);
    const follower = new Follower(reader.url, { series: ['D-1', 'D-2'] });
    await follower.next();
    await ask(writer.url, 'mutation { deleteSeries(key: "D-2") { id } }');
    const open = { span: { from: null, to: null }, points: { t: [], value: [] }, truncated: false };
    expect(await follower.next()).toMatchObject({ kind: 'CHANGE', changes: [{ series: 'D-2', ...open }] });
    const { revision } = await ingest(writer.url, [{ series: 'D-1', t: t + 1, value: 2 }]);
    expect(await follower.next()).toMatchObject({ cursor: revision, changes: [{ series: 'D-1' }] });
    await ask(writer.url, 'mutation { deleteSeries(key: "D-1") { id } }');
    expect(await follower.next()).toMatchObject({ kind: 'CHANGE', changes: [{ series: 'D-1', ...open }] });
    await expect(follower.next()).rejects.toThrow(/NOT_FOUND/);
    await expect(follower.next()).rejects.toThrow(/has ended/);
    await follower.disconnect();
  });
}

describe('over PostgreSQL', () => followsExactly(() => ({})));

describeWithRedis('over Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  followsExactly(() => ({ redisUrl: redis.url }));
});
