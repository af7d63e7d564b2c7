import { afterAll, beforeAll } from 'vitest';
import { ask } from '../support/client.ts';
import { until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';

export const t = Date.parse('2026-01-05T09:30:00Z');
export const second = 1_000;

/** The server of the test file that runs. */
export let server: TestServer;

/** Starts a server with a worker for the tests of a file. */
export function serveDerived(): void {
  beforeAll(async () => {
    server = await startServer();
    await server.startWorker();
  });
  afterAll(() => server.stop());
}

export interface Samples {
  t: number[];
  value: number[];
  revision: number;
}

export async function define(key: string, formula: string, more: Record<string, unknown> = {}) {
  const { defineSeries } = await ask<{ defineSeries: Record<string, unknown> }>(
    server.url,
    'mutation ($input: DefineSeriesInput!) { defineSeries(input: $input) { __typename id key formula status progress name unit tags } }',
    { input: { key, formula, ...more } },
  );
  return defineSeries;
}

export interface Derived {
  __typename: string;
  status: string;
  formula: string;
  nextFormula: string | null;
  problem: string | null;
  progress: number;
  revision: number;
  pending: { from: number | null; to: number | null }[];
  inputs: { key: string }[];
}

export async function derived(key: string): Promise<Derived> {
  const { series } = await ask<{ series: Derived }>(
    server.url,
    `query ($key: String!) { series(key: $key) { __typename revision ... on DerivedSeries {
      status formula nextFormula problem progress pending { from to } inputs { key } } } }`,
    { key },
  );
  return series;
}

export async function live(key: string, formula?: string): Promise<void> {
  await until(async () => {
    const { status, formula: answering } = await derived(key);
    return status === 'LIVE' && (formula === undefined || answering === formula);
  });
}

export async function samples(key: string, asOf?: number): Promise<Samples> {
  const { series } = await ask<{ series: { samples: Samples } }>(
    server.url,
    'query ($key: String!, $asOf: Revision) { series(key: $key) { samples(maxPoints: null, asOf: $asOf) { t value revision } } }',
    { key, asOf },
  );
  return series.samples;
}

export async function evaluated(formula: string, asOf?: number): Promise<Samples> {
  const { evaluate } = await ask<{ evaluate: Samples }>(
    server.url,
    'query ($formula: String!, $asOf: Revision) { evaluate(formula: $formula, maxPoints: null, asOf: $asOf) { t value revision } }',
    { formula, asOf },
  );
  return evaluate;
}

export interface Reflected {
  revision: number;
  derivedRevision: number | null;
  settled: boolean;
}

export async function put(
  series: string,
  points: readonly (readonly [at: number, value: number])[],
  level = 'DERIVED',
): Promise<Reflected> {
  const { ingestTicks } = await ask<{ ingestTicks: Reflected }>(
    server.url,
    'mutation ($input: IngestTicksInput!) { ingestTicks(input: $input) { revision derivedRevision settled } }',
    {
      input: {
        await: level,
        createMissing: true,
        ticks: points.map(([at, value]) => ({ series, t: t + at * second, value })),
      },
    },
  );
  return ingestTicks;
}
