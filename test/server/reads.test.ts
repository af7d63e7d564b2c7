import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, gql, ingest } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const start = Date.parse('2026-01-05T09:30:00Z');
const second = 1_000;
const iso = (millis: number) => new Date(millis).toISOString().replace(/\.000Z$/, 'Z');

interface Shape {
  t: number[];
  value: number[];
  size: (number | null)[] | null;
  revision: number;
  thinned: boolean;
}

async function samples(key: string, args = '(maxPoints: null)'): Promise<Shape> {
  const query = `query ($key: String!) { series(key: $key) { samples${args} { t value size revision thinned } } }`;
  return (await ask<{ series: { samples: Shape } }>(server.url, query, { key })).series.samples;
}

/** So many ticks, a second apart, value = index. */
async function ramp(key: string, count: number, from = start): Promise<number> {
  const input = {
    createMissing: true,
    columns: [
      {
        series: key,
        t: Array.from({ length: count }, (_, i) => from + i * second),
        value: Array.from({ length: count }, (_, i) => i),
      },
    ],
  };
  const query = 'mutation ($input: IngestColumnsInput!) { ingestColumns(input: $input) { revision accepted } }';
  const { ingestColumns } = await ask<{ ingestColumns: { revision: number; accepted: number } }>(server.url, query, {
    input,
  });
  expect(ingestColumns.accepted).toBe(count);
  return ingestColumns.revision;
}

describe('samples', () => {
  beforeAll(async () => {
    await ramp('S', 100);
  });

  it('all of them, in a range, and thinned by each method', async () => {
    const all = await samples('S');
    expect(all.t).toEqual(Array.from({ length: 100 }, (_, i) => start + i * second));
    expect(all.value).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(all).toMatchObject({ size: null, thinned: false });
    const some = await samples('S', `(range: { from: ${start + 10 * second}, to: "${iso(start + 13 * second)}" })`);
    expect(some.value).toEqual([10, 11, 12]);
    expect((await samples('S', `(range: { from: ${start + 98 * second} })`)).value).toEqual([98, 99]);
    expect((await samples('S', `(range: { to: ${start + 2 * second} })`)).value).toEqual([0, 1]);
    expect((await samples('S', `(range: { from: ${start}, to: ${start} })`)).value).toEqual([]);

    for (const method of ['MINMAX', 'LAST', 'MEAN']) {
      const thin = await samples('S', `(maxPoints: 10, method: ${method})`);
      expect(thin.thinned).toBe(true);
      expect(thin.t.length).toBeLessThanOrEqual(10);
      expect(thin.t.length).toBeGreaterThan(4);
      expect(thin.t).toEqual([...thin.t].sort((a, b) => a - b));
    }
    const { value } = await samples('S', '(maxPoints: 10)');
    expect([value[0], value.at(-1)]).toEqual([0, 99]);
    expect(await samples('S', '(maxPoints: 1)')).toMatchObject({ value: [99], thinned: true });
    expect(await samples('S', '(maxPoints: 100)')).toMatchObject({ thinned: false });
  });

  it('a bucket gives one point each, or its two extremes, on a grid that starts at the epoch', async () => {
    await ingest(
      server.url,
      [3, 1, 4, 1, 5, 9, 2, 6].map((value, i) => ({ series: 'B', t: start + i * 20 * second, value, size: i })),
    );
    const bucket = async (method: string) => {
      const { t, value, thinned } = await samples('B', `(bucket: "1m", method: ${method})`);
      expect(thinned).toBe(true);
      return t.map((at, i) => [(at - start) / second, value[i]]);
    };
    expect(await bucket('LAST')).toEqual([
      [40, 4],
      [100, 9],
      [140, 6],
    ]);
    expect(await bucket('MEAN')).toEqual([
      [0, 8 / 3],
      [60, 5],
      [120, 4],
    ]);
    expect(await bucket('MINMAX')).toEqual([
      [20, 1],
      [40, 4],
      [60, 1],
      [100, 9],
      [120, 2],
      [140, 6],
    ]);
    expect((await samples('B', '(bucket: "PT24H", method: LAST)')).value).toEqual([6]);
    expect((await samples('B', '(maxPoints: null)')).size).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('a series without points has none of anything', async () => {
    await ask(server.url, 'mutation { createSeries(input: { key: "VOID" }) { id } }');
    const read = await ask(
      server.url,
      `{ series(key: "VOID") {
        last { value } at(t: ${start}) { value } points { edges { cursor } pageInfo { hasNextPage hasPreviousPage } }
        samples { t value size thinned } bucketed: samples(bucket: "1h") { t } candles(interval: "1h") { t }
        diff(from: 0) { from } versions(t: ${start}) { value }
      } }`,
    );
    expect(read).toEqual({
      series: {
        last: null,
        at: null,
        points: { edges: [], pageInfo: { hasNextPage: false, hasPreviousPage: false } },
        samples: { t: [], value: [], size: null, thinned: false },
        bucketed: { t: [] },
        candles: [],
        diff: [],
        versions: [],
      },
    });
  });

  it('instants come and go to the microsecond, from 1684 to 2255', async () => {
    const ticks = [
      '1684-07-28T00:12:25.259009Z',
      '1969-12-31T23:59:59.999999Z',
      '2026-01-05T09:30:00.000001Z',
      '2255-06-05T23:47:34.74099Z',
    ];
    await ingest(
      server.url,
      ticks.map((t, i) => ({ series: 'WIDE', t, value: i })),
    );
    const { series } = await ask<{ series: { points: { nodes: { t: string }[] } } }>(
      server.url,
      '{ series(key: "WIDE") { points { nodes { t } } } }',
    );
    expect(series.points.nodes.map(({ t }) => t)).toEqual(ticks);
  });
});

describe('candles', () => {
  interface Candle {
    t: number;
    open: number;
    high: number;
    low: number;
    close: number;
    volume: number | null;
    count: number;
    final: boolean;
  }
  const candles = async (key: string, args: string): Promise<Candle[]> => {
    const query = `{ series(key: "${key}") { candles(${args}) { t open high low close volume count final } } }`;
    return (await ask<{ series: { candles: Candle[] } }>(server.url, query)).series.candles;
  };

  it('each holds its ticks, and is final once a tick at or after its end exists', async () => {
    const minute = 60 * second;
    await ingest(server.url, [
      { series: 'C', t: start, value: 5, size: 1 },
      { series: 'C', t: start + 10 * second, value: 9 },
      { series: 'C', t: start + 59.999999 * second, value: 3, size: 2 },
      { series: 'C', t: start + 3 * minute, value: 4 },
    ]);
    const first = { t: start, open: 5, high: 9, low: 3, close: 3, volume: 3, count: 3, final: true };
    const second_ = { t: start + 3 * minute, open: 4, high: 4, low: 4, close: 4, volume: null, count: 1, final: false };
    expect(await candles('C', 'interval: "1m"')).toEqual([first, second_]);
    expect(await candles('C', 'interval: "1m", last: 1')).toEqual([second_]);
    expect(await candles('C', 'interval: "1m", last: 0')).toEqual([]);
    const cut = `range: { from: ${start + 30 * second}, to: ${start + 40 * second} }`;
    expect(await candles('C', `interval: "1m", ${cut}`)).toEqual([first]);
    const nothing = `range: { from: ${start + 30 * second}, to: ${start + 30 * second} }`;
    for (const last of ['', ', last: 1']) expect(await candles('C', `interval: "1m", ${nothing}${last}`)).toEqual([]);
    await ingest(server.url, [{ series: 'C', t: start + 4 * minute, value: 1 }]);
    expect((await candles('C', 'interval: "1m"')).map(({ final }) => final)).toEqual([true, true, false]);
  });

  it('days start at the midnights of the zone, also where one has 23 hours', async () => {
    const at = (text: string) => Date.parse(text);
    await ingest(
      server.url,
      ['2026-03-28T22:59:59Z', '2026-03-28T23:00:00Z', '2026-03-29T21:59:59Z', '2026-03-29T22:00:00Z'].map(
        (t, value) => ({ series: 'Z', t, value }),
      ),
    );
    const berlin = await candles('Z', 'interval: "1d", timeZone: "Europe/Berlin"');
    expect(berlin.map(({ t, open, close }) => [t, open, close])).toEqual([
      [at('2026-03-27T23:00:00Z'), 0, 0],
      [at('2026-03-28T23:00:00Z'), 1, 2],
      [at('2026-03-29T22:00:00Z'), 3, 3],
    ]);
    expect((await candles('Z', 'interval: "1d"')).map(({ count }) => count)).toEqual([2, 2]);
    expect((await candles('Z', 'interval: "1w"')).map(({ t }) => t)).toEqual([at('2026-03-23T00:00:00Z')]);
    const { errors } = await gql(
      server.url,
      '{ series(key: "Z") { candles(interval: "1d", timeZone: "Mars/Base") { t } } }',
    );
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
  });
});

describe('the last known value', () => {
  it('at an instant, at most so old, at a revision', async () => {
    const first = await ingest(server.url, [{ series: 'AT', t: start, value: 1 }]);
    await ingest(server.url, [{ series: 'AT', t: start, value: 2 }]);
    const read = await ask(
      server.url,
      `query ($t: Instant!, $later: Instant!, $before: Instant!, $asOf: Revision!) { series(key: "AT") {
        there: at(t: $t) { t value }
        later: at(t: $later) { value }
        before: at(t: $before) { value }
        young: at(t: $later, maxAge: "1h") { value }
        edge: at(t: $later, maxAge: "PT2H") { value }
        known: at(t: $later, asOf: $asOf) { value revision }
      } }`,
      { t: start, later: start + 7_200 * second, before: start - second, asOf: first.revision },
    );
    expect(read).toEqual({
      series: {
        there: { t: iso(start), value: 2 },
        later: { value: 2 },
        before: null,
        young: null,
        edge: { value: 2 },
        known: { value: 1, revision: first.revision },
      },
    });
  });
});
