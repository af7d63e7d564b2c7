import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Event, Follower } from '../feed/follower.ts';
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

it('what is too much for one event is told of the first series; the others are truncated, and fetched', async () => {
  const keys = Array.from({ length: 15 }, (_, i) => `MANY-${String(i).padStart(2, '0')}`);
  const points = 9_000;
  const at = Array.from({ length: points }, (_, i) => t + i);
  const query = 'mutation ($input: IngestColumnsInput!) { ingestColumns(input: $input) { revision } }';
  const writeAll = async (value: number) => {
    for (const some of [keys.slice(0, 8), keys.slice(8)]) {
      const columns = some.map((series) => ({ series, t: at, value: at.map((_, i) => value + (i % 7)) }));
      await ask(server.url, query, { input: { columns, createMissing: true } });
    }
    return server.revision();
  };
  const sizes = ({ kind, changes }: Event) => ({
    kind,
    changes: changes.map(({ truncated, points: { t } }) => (truncated ? 'truncated' : t.length)),
  });
  const changes = [...Array(11).fill(points), ...Array(4).fill('truncated')];

  const first = await writeAll(0);
  const follower = new Follower(server.url, { series: keys });
  expect(sizes(await follower.next())).toEqual({ kind: 'SNAPSHOT', changes });
  await follower.disconnect();
  const tidemark = clientOf(server.url);
  const followed = record(tidemark, keys);
  await followed.reaches(first);
  expect(followed.updates.map(({ series }) => series.size)).toEqual([15]);
  await followed.compare(server.url);
  const { state } = followed.line;
  tidemark.close();

  const second = await writeAll(0.5);
  expect(sizes(await follower.next())).toEqual({ kind: 'CHANGE', changes });
  await follower.disconnect();
  const later = clientOf(server.url);
  const resumed = record(later, keys, { state });
  await resumed.reaches(second);
  expect(resumed.updates.map(({ series }) => series.size)).toEqual([15]);
  await resumed.compare(server.url);
  later.close();
});
