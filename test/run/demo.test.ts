import { afterAll, beforeAll, expect, it } from 'vitest';
import { startDemo } from '../../src/run/demo.ts';
import { ask } from '../support/client.ts';
import { until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
  await server.startWorker();
});
afterAll(() => server.stop());

interface Found {
  readonly key: string;
  readonly status?: string;
  readonly samples: { readonly t: number[]; readonly value: number[] };
}

function found(): Promise<Found[]> {
  return ask<{ allSeries: { nodes: Found[] } }>(
    server.url,
    '{ allSeries(first: 10) { nodes { key samples(maxPoints: null) { t value } ... on DerivedSeries { status } } } }',
  ).then(({ allSeries }) => allSeries.nodes);
}

async function historyOf(key: string): Promise<{ t: number[]; value: number[] }> {
  const { samples } = (await found()).find((series) => series.key === key) ?? { samples: { t: [], value: [] } };
  return samples;
}

it('the demo begins with a day of history and two derived series, which a restart continues and does not repeat', async () => {
  const options = { instruments: 3, pointsPerCallMax: 2_000, log: () => undefined };
  const demo = await startDemo(server.app, options);
  await demo.stop();
  const keys = ['SIM01-USD', 'SIM01-EUR', 'SIM01-BTC', 'SIM01-USD.mean', 'SIM01-USD.trend'];
  await until(async () =>
    (await found()).every(({ status, samples }) => status !== 'CATCHING_UP' && samples.t.length >= 2_000),
  );
  expect((await found()).map(({ key }) => key).sort()).toEqual([...keys].sort());

  const history = await historyOf('SIM01-USD');
  const gaps = history.t.slice(1, 2_000).map((t, i) => t - history.t[i]);
  expect(history.t[0]).toBeLessThan(Date.now() - 86_000_000);
  expect(history.t[0]).toBeGreaterThan(Date.now() - 87_000_000);
  expect(Math.min(...gaps)).toBeGreaterThan(0);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(44_000);
  expect(Math.min(...history.value)).toBeGreaterThan(0);

  const again = await startDemo(server.app, { ...options, instruments: 4 });
  await again.stop();
  await until(async () => (await historyOf('SIM01-ETH')).t.length >= 2_000);
  const later = await historyOf('SIM01-USD');
  expect(later.t.slice(0, 2_000)).toEqual(history.t.slice(0, 2_000));
  expect(later.value.slice(0, 2_000)).toEqual(history.value.slice(0, 2_000));
  expect(later.t.length).toBeLessThan(2_010);
  // It continues from the last price: no second changes it by a tenth.
  const last = later.value.at(-1)!;
  expect(Math.abs(last / history.value.at(-1)! - 1)).toBeLessThan(0.1);
});
