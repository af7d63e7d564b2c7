import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, ingest } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { clientOf, record, t } from './following.ts';

/** Writes, and gives everything at once. */
let server: TestServer;
/** Gives so few points at once that what was truncated has to be fetched in parts. */
let narrow: TestServer;

const count = 21_000;

beforeAll(async () => {
  server = await startServer();
  narrow = await startServer({ databaseUrl: server.databaseUrl, samplesMax: 6_000 });
});
afterAll(async () => {
  await narrow.stop();
  await server.stop();
});

async function write(series: string, first: number, size: number | null): Promise<number> {
  const each = Array.from({ length: count }, (_, i) => i);
  const column = {
    series,
    t: each.map((i) => t + first + i + (i % 10) / 1_000),
    value: each.map((i) => Math.sin(first + i)),
    size: each.map(() => size),
  };
  const query = 'mutation ($input: IngestColumnsInput!) { ingestColumns(input: $input) { revision } }';
  const { ingestColumns } = await ask<{ ingestColumns: { revision: number } }>(server.url, query, {
    input: { columns: [column], createMissing: true },
  });
  return ingestColumns.revision;
}

it.each([
  ['points', 'RAW', undefined],
  ['buckets', 'BUCKETED', '2ms'],
])('truncated %s are fetched, in parts where there are too many, and what follows waits', async (_, key, bucket) => {
  await write(key, 0, null);
  const wide = clientOf(server.url);
  const tidemark = clientOf(narrow.url);
  const lines = [record(wide, [key], { bucket }), record(tidemark, [key], { bucket })];
  for (const line of lines) await line.reaches(1);
  await write(key, count - 100, 0.5);
  const { revision } = await ingest(server.url, [{ series: key, t: t + 7, value: 5 }]);
  for (const line of lines) {
    await line.reaches(revision);
    await line.compare(server.url);
    expect(line.updates.length).toBeGreaterThanOrEqual(2);
  }
  wide.close();
  tidemark.close();
});
