import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatInstant, maxMicros, minMicros, parseInstantText } from '../../src/engine/instant.ts';
import { ask } from '../support/client.ts';
import { defineAt } from '../support/define.ts';
import { times } from '../support/long.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** Buckets of stored and evaluated series at the first and at the last instant, next to candles of the same ticks. */

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
  await server.startWorker();
});
afterAll(() => server.stop());

type Tick = readonly [t: string, value: number];

async function put(series: string, ticks: readonly Tick[]): Promise<void> {
  const input = { await: 'DERIVED', createMissing: true, ticks: ticks.map(([t, value]) => ({ series, t, value })) };
  await ask(server.url, 'mutation ($input: IngestTicksInput!) { ingestTicks(input: $input) { revision } }', { input });
}

interface Line {
  t: number[];
  value: number[];
}

const listed = ({ t, value }: Line) => t.map((ms, i) => [ms, value[i]]);

/** The highs of buckets as `[start, high]`: as stored, as evaluated and as candles have them. */
async function highs(series: string, derived: string, width: string) {
  const { candled, stored, evaluate } = await ask<{
    candled: { candles: { t: number; high: number }[] };
    stored: { samples: Line };
    evaluate: Line;
  }>(
    server.url,
    `query ($series: String!, $derived: String!, $width: Duration!, $formula: String!) {
      candled: series(key: $series) { candles(interval: $width, last: 1000) { t high } }
      stored: series(key: $derived) { samples(maxPoints: null) { t value } }
      evaluate(formula: $formula, maxPoints: null) { t value }
    }`,
    { series, derived, width, formula: `high('${series}', ${width})` },
  );
  return {
    stored: listed(stored.samples),
    evaluated: listed(evaluate),
    // The oldest candle may start before the first instant, where no point can stand.
    candles: candled.candles.map(({ t, high }) => [Math.max(t, minMicros / 1000), high]),
  };
}

describe('the oldest bucket', () => {
  const first: Tick[] = [
    ['1684-07-28T12:00:00Z', 1],
    ['1684-07-29T12:00:00Z', 2],
    ['1684-07-30T12:00:00Z', 3],
  ];
  const late: Tick = ['1684-07-29T00:05:00Z', 100];
  const starts = ['1684-07-28T00:12:25.259009Z', '1684-07-29T00:00:00Z', '1684-07-30T00:00:00Z'];

  it.each([
    ['in-two-commits', [first, [late]]],
    ['in-one-commit', [[...first, late]]],
  ])('ends where the next day starts: written %s', async (name, commits) => {
    await put(name, commits[0]);
    await defineAt(server.url, `${name}.high`, `high('${name}', 1d)`);
    for (const commit of commits.slice(1)) await put(name, commit);
    const { stored, evaluated, candles } = await highs(name, `${name}.high`, '1d');
    expect(stored).toEqual([1, 100, 3].map((value, i) => [(parseInstantText(starts[i]) as number) / 1000, value]));
    expect(evaluated).toEqual(stored);
    expect(candles).toEqual(stored);
    const { series } = await ask<{ series: { points: { nodes: { t: string }[] } } }>(
      server.url,
      'query ($key: String!) { series(key: $key) { points { nodes { t } } } }',
      { key: `${name}.high` },
    );
    expect(series.points.nodes.map(({ t }) => t)).toEqual(starts);
  });

  it('explains its point by the ticks of that day alone', async () => {
    await put('day', [...first, late]);
    await defineAt(server.url, 'day.high', 'high(day, 1d)');
    const counts = async (t: string) => {
      const { explain } = await ask<{ explain: { inputs: { count: number }[] } }>(
        server.url,
        'query ($t: Instant!) { explain(series: "day.high", t: $t) { inputs { count } } }',
        { t },
      );
      return explain.inputs.map(({ count }) => count);
    };
    expect(await counts('1684-07-28T00:12:25.259009Z')).toEqual([1]);
    expect(await counts('1684-07-29T00:00:00Z')).toEqual([2]);
  });
});

describe('near the limits of time', () => {
  // None of them is a number of weeks, which candles count from a Monday.
  const widths = ['1us', '7s', '1d', '365d', '100000d'];
  const near = fc.oneof(fc.nat(3), fc.nat(20e6), fc.nat(3 * 86_400e6), fc.nat(1000 * 86_400e6));
  const tick = fc
    .tuple(fc.boolean(), near, fc.integer({ min: -9, max: 9 }))
    .map(([late, away, value]): Tick => [formatInstant(late ? maxMicros - away : minMicros + away), value]);
  const commits = fc.array(fc.array(tick, { minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 4 });
  const seed = Date.now() % 1e6;

  it.each(fc.sample(commits, { seed, numRuns: 3 * times }).map((given, i) => ({ given, name: `seed-${seed}.${i}` })))(
    'stored and evaluated highs are those of candles: $name',
    async ({ given, name }) => {
      await put(name, given[0]);
      for (const width of widths) await defineAt(server.url, `${name}.${width}`, `high('${name}', ${width})`);
      for (const commit of given.slice(1)) await put(name, commit);
      for (const width of widths) {
        const { stored, evaluated, candles } = await highs(name, `${name}.${width}`, width);
        expect(stored, width).toEqual(candles);
        expect(evaluated, width).toEqual(candles);
      }
    },
  );
});
