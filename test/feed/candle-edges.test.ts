import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everything } from '../../src/engine/ranges.ts';
import { candleReader } from '../../src/feed/candle-changes.ts';
import { pointReader } from '../../src/feed/changes.ts';
import { ask, gql, ingest, remove } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { CandleFollower, type WhatCandles } from './candle-follower.ts';

const t = Date.parse('2026-01-05T09:30:00Z');
const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

/** A follower that has its snapshot, and whose every event is compared with a query. */
async function following(what: WhatCandles) {
  const follower = new CandleFollower(server.url, what);
  const snapshot = await follower.next();
  expect(snapshot).toMatchObject({ kind: 'SNAPSHOT', reason: null });
  await follower.compare();
  return {
    follower,
    snapshot,
    /** What comes of a write: the event of its revision, as spans with the `final` of their candles. */
    toldOf: async (write: Promise<{ revision: number }>) => {
      const { revision } = await write;
      const { kind, cursor, changes } = await follower.next();
      expect([kind, cursor]).toEqual(['CHANGE', revision]);
      await follower.compare();
      return changes.map(({ span, candles }) => [span.from, span.to, candles.map(({ final }) => final)]);
    },
  };
}

const tick = (series: string, at: number, value = 1) => ingest(server.url, [{ series, t: at, value }]);

describe('final', () => {
  it('a candle is told again when the next one begins, however much later, and nothing else is', async () => {
    await tick('F-1', t);
    const { toldOf, follower } = await following({ series: 'F-1', interval: '1m' });
    expect(await toldOf(tick('F-1', t + 5 * second))).toEqual([[t, t + minute, [false]]]);
    expect(await toldOf(tick('F-1', t + 7 * minute))).toEqual([
      [t, t + minute, [true]],
      [t + 7 * minute, t + 8 * minute, [false]],
    ]);
    expect(await toldOf(tick('F-1', t + 8 * minute))).toEqual([[t + 7 * minute, t + 9 * minute, [true, false]]]);
    // A late one makes nothing final.
    expect(await toldOf(tick('F-1', t + 3 * minute))).toEqual([[t + 3 * minute, t + 4 * minute, [true]]]);
    await follower.disconnect();
  });

  it('a tick at the very end of a candle is of the next one, and makes it final', async () => {
    await tick('F-2', t);
    const { toldOf, follower } = await following({ series: 'F-2', interval: '1m' });
    expect(await toldOf(tick('F-2', t + minute - 0.001))).toEqual([[t, t + minute, [false]]]);
    expect(await toldOf(tick('F-2', t + minute))).toEqual([[t, t + 2 * minute, [true, false]]]);
    await follower.disconnect();
  });

  it('a candle ceases to be final when everything behind it is deleted', async () => {
    for (const at of [t, t + minute, t + 5 * minute, t + 6 * minute]) await tick('F-3', at);
    const { toldOf, follower } = await following({ series: 'F-3', interval: '1m' });
    const cut = remove(server.url, { series: 'F-3', from: t + 2 * minute, to: t + hour });
    expect(await toldOf(cut)).toEqual([
      [t + minute, t + 2 * minute, [false]],
      [t + 5 * minute, t + 7 * minute, []],
    ]);
    await follower.disconnect();
  });

  it('within a range it is told when a tick far behind the range has come; ticks further behind tell nothing', async () => {
    await tick('F-4', t + 30 * second);
    const range = { from: t + 40 * second, to: t + 50 * second };
    const { toldOf, follower, snapshot } = await following({ series: 'F-4', interval: '1m', range });
    expect(snapshot.changes).toMatchObject([
      { span: { from: t, to: t + minute }, candles: [{ t, final: false, count: 1 }], truncated: false },
    ]);
    expect(await toldOf(tick('F-4', t + 5 * day))).toEqual([[t, t + minute, [true]]]);
    await tick('F-4', t + 6 * day);
    await tick('F-4', t + minute);
    await tick('F-4', t - 1);
    // In the candle, though before the range.
    expect(await toldOf(tick('F-4', t, 3))).toEqual([[t, t + minute, [true]]]);
    await follower.disconnect();
  });

  it('is told of what is held when a client comes back after the candle became final', async () => {
    await tick('F-5', t);
    const { toldOf, follower } = await following({ series: 'F-5', interval: '1m', range: { to: t + minute } });
    await follower.disconnect();
    expect(await toldOf(tick('F-5', t + hour))).toEqual([[t, t + minute, [true]]]);
    await follower.disconnect();
  });
});

it('the days of a zone have 23 and 25 hours when its clocks are set', async () => {
  const [spring, autumn] = ['2026-03-28T23:00:00Z', '2026-10-24T22:00:00Z'].map(Date.parse);
  await tick('DST', spring - 1);
  const { toldOf, follower } = await following({ series: 'DST', interval: '1d', timeZone: 'Europe/Berlin' });
  expect(await toldOf(tick('DST', spring + 22 * hour))).toEqual([[spring - day, spring + 23 * hour, [true, false]]]);
  expect(await toldOf(tick('DST', autumn + 25 * hour - 1))).toEqual([
    [spring, spring + 23 * hour, [true]],
    [autumn, autumn + 25 * hour, [false]],
  ]);
  await follower.disconnect();
});

describe('an empty series', () => {
  it('has no candles, then its first one; when it is emptied, none again', async () => {
    await ask(server.url, 'mutation { createSeries(input: { key: "E-1" }) { id } }');
    const { toldOf, follower, snapshot } = await following({ series: 'E-1', interval: '1d' });
    expect(snapshot.changes).toEqual([{ span: { from: null, to: null }, candles: [], truncated: false }]);
    const midnight = Date.parse('2026-01-05T00:00:00Z');
    expect(await toldOf(tick('E-1', t))).toEqual([[midnight, midnight + day, [false]]]);
    expect(await toldOf(remove(server.url, { series: 'E-1', at: [t] }))).toEqual([[midnight, midnight + day, []]]);
    await follower.disconnect();
  });

  it('a derived one that no worker has computed: none, at a revision before', async () => {
    await tick('E-2', t);
    await ask(server.url, 'mutation { defineSeries(input: { key: "E-2.d", formula: "ema(E-2, 3)" }) { id } }');
    const { follower, snapshot } = await following({ series: 'E-2.d', interval: '1h' });
    expect(snapshot.changes).toMatchObject([{ candles: [], truncated: false }]);
    await follower.disconnect();
  });
});

it('an empty range holds no candle, whatever comes', async () => {
  await tick('R-1', t);
  const range = { from: t + second, to: t + second };
  const { follower, snapshot } = await following({ series: 'R-1', interval: '1m', range });
  expect(snapshot.changes).toMatchObject([{ span: range, candles: [] }]);
  await follower.disconnect();
  await tick('R-1', t + 2 * second);
  const { revision } = await tick('R-1', t + hour);
  expect(await follower.next()).toMatchObject({ kind: 'PROGRESS', cursor: revision, changes: [] });
  await follower.compare();
  await follower.disconnect();
});

describe('how many candles', () => {
  const columns = (series: string, count: number) => ({
    columns: [
      {
        series,
        t: Array.from({ length: count }, (_, i) => t + i * second),
        value: Array.from({ length: count }, () => 1),
      },
    ],
    createMissing: true,
  });
  const ingestColumns = 'mutation ($input: IngestColumnsInput!) { ingestColumns(input: $input) { revision } }';

  it('more than 10,000 are left out, and said to be; exactly 10,000 are told; a query at the cursor has them', async () => {
    await ask(server.url, ingestColumns, { input: columns('M-1', 10_000) });
    const follower = new CandleFollower(server.url, { series: 'M-1', interval: '1s' });
    expect(await follower.next()).toMatchObject({ changes: [{ truncated: false, candles: { length: 10_000 } }] });
    await follower.compare();
    await follower.disconnect();
    await tick('M-1', t + 10_000 * second);
    const late = new CandleFollower(server.url, { series: 'M-1', interval: '1s' });
    const { changes, cursor } = await late.next();
    expect(changes).toEqual([{ span: { from: null, to: null }, candles: [], truncated: true }]);
    const fetched = await ask<{ series: { candles: { t: number }[] } }>(
      server.url,
      `{ series(key: "M-1") { candles(interval: "1s", asOf: ${cursor}) { t } } }`,
    );
    expect(fetched.series.candles).toHaveLength(10_001);
    // Later changes are told as ever.
    expect((await tickTold(late, 'M-1', t + 5 * second)).candles).toMatchObject([{ t: t + 5 * second, close: 7 }]);
    await late.disconnect();
  });

  async function tickTold(follower: CandleFollower, series: string, at: number) {
    await tick(series, at, 7);
    return (await follower.next()).changes[0];
  }

  it('few candles with as many empty places between as a query goes through are told', async () => {
    await tick('M-2', t);
    await tick('M-2', t + 30 * day);
    const { follower, snapshot } = await following({ series: 'M-2', interval: '1s' });
    expect(snapshot.changes).toMatchObject([{ truncated: false, candles: { length: 2 } }]);
    await follower.disconnect();
  });
});

describe('what is refused', () => {
  const cases: readonly [what: string, args: string, inputPath: string][] = [
    ['an interval of months', 'interval: "1 month"', 'interval'],
    ['an interval of nothing', 'interval: "0h"', 'interval'],
    ['an interval that has no place in local days', 'interval: "7m", timeZone: "Europe/Berlin"', 'interval'],
    ['an unknown zone', 'interval: "1h", timeZone: "Mars/Base"', 'timeZone'],
    ['a range the wrong way round', `interval: "1h", range: { from: ${t}, to: ${t - 1} }`, 'range'],
    ['an instant that is none', 'interval: "1h", range: { from: 5 }', 'range,from'],
  ];
  it.each(cases)('%s: as a query refuses it, at once', async (_, args, inputPath) => {
    await tick('N-1', t);
    const accept = { accept: 'text/event-stream' };
    const response = await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...accept },
      body: JSON.stringify({ query: `subscription { candleChanges(series: "N-1", ${args}) { cursor } }` }),
    });
    const data = /^data: (.*)$/m.exec(await response.text())?.[1] ?? '';
    const [told] = (JSON.parse(data) as { errors: { message: string; extensions: { inputPath: string[] } }[] }).errors;
    const asked = await gql(server.url, `{ series(key: "N-1") { candles(${args}) { t } } }`);
    expect([told.message, told.extensions]).toEqual([asked.errors?.[0].message, asked.errors?.[0].extensions]);
    expect(told.extensions).toMatchObject({ code: 'BAD_USER_INPUT', inputPath: inputPath.split(',') });
  });

  it('a series that there is not: NOT_FOUND', async () => {
    const follower = new CandleFollower(server.url, { series: 'N-0', interval: '1h' });
    await expect(follower.next()).rejects.toThrow(/NOT_FOUND.*"inputPath":\["series"\]/);
    await follower.disconnect();
  });
});

it('a deleted series ends the subscription with NOT_FOUND', async () => {
  await tick('D-1', t);
  const { follower } = await following({ series: 'D-1', interval: '1h' });
  await ask(server.url, 'mutation { deleteSeries(key: "D-1") { id } }');
  expect(await follower.next()).toMatchObject({
    kind: 'CHANGE',
    changes: [{ span: { from: null, to: null }, candles: [] }],
  });
  await expect(follower.next()).rejects.toThrow(/NOT_FOUND/);
  await expect(follower.next()).rejects.toThrow(/has ended/);
  await follower.disconnect();
});

it('a cursor from before the series was made anew, or from the future: a SNAPSHOT that says why', async () => {
  await tick('B-1', t);
  const { follower } = await following({ series: 'B-1', interval: '1h' });
  await follower.disconnect();
  await ask(server.url, 'mutation { deleteSeries(key: "B-1") { id } }');
  await tick('B-1', t + 5 * hour);
  expect(await follower.next()).toMatchObject({ kind: 'SNAPSHOT', reason: expect.stringContaining('B-1') });
  await follower.compare();
  await follower.disconnect();
  follower.cursor = 1_000_000_000;
  expect(await follower.next()).toMatchObject({ kind: 'SNAPSHOT', reason: expect.stringContaining('1000000000') });
  await follower.compare();
  await follower.disconnect();
});

it('events are read apart from any subscription, up to a revision that others are at', async () => {
  const revisions: number[] = [];
  for (const i of [0, 1, 2, 3]) revisions.push((await tick('A-1', t + i * minute, i)).revision);
  const [r0, r1, r2, r3] = revisions;
  const { catalogue } = server.app;
  const series = await catalogue.seriesByKeys(['A-1']);
  const candles = candleReader(server.app, {
    series: series[0],
    intervalMicros: minute * 1_000,
    timeZone: 'UTC',
    range: everything,
    bucketsMax: 1_000,
  });
  const points = pointReader(server.app, { series, range: everything, bucketMicros: undefined });
  for (const reader of [candles, points]) {
    expect(await reader.begin(undefined, r1)).toMatchObject({ kind: 'SNAPSHOT', cursor: r1 });
    expect(await reader.begin(r0, r2)).toMatchObject({ kind: 'CHANGE', cursor: r2 });
    const events = [await reader.read(r1, r2), await reader.read(r2)];
    expect(events).toMatchObject([
      { kind: 'CHANGE', cursor: r2 },
      { kind: 'CHANGE', cursor: r3 },
    ]);
    expect(events.map(({ isBehind = false }) => isBehind)).toEqual([false, false]);
    // A client that is further already stays there.
    expect(await reader.read(r3, r2)).toMatchObject({ kind: 'PROGRESS', cursor: r3, changes: [] });
  }
  expect((await candles.read(r1, r2)).changes).toMatchObject([
    {
      candles: [
        { open: 1, final: true },
        { open: 2, final: false },
      ],
    },
  ]);
});
