import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, gql, ingest } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** Instants and keys that are written again: what README.md says of them. */

const t = Date.parse('2026-01-05T09:30:00Z');

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

async function versionsOf(series: string): Promise<{ value: number; commit: { revision: number } }[]> {
  const answer = await ask<{ series: { versions: { value: number; commit: { revision: number } }[] } }>(
    server.url,
    'query ($series: String!, $t: Instant!) { series(key: $series) { versions(t: $t, first: 1000) { value commit { revision } } } }',
    { series, t },
  );
  return answer.series.versions;
}

it('writing the value that is there makes a revision and a version, but no difference', async () => {
  const first = await ingest(server.url, [{ series: 'SAME', t, value: 1 }]);
  const second = await ingest(server.url, [{ series: 'SAME', t, value: 1 }]);
  expect(second.revision).toBeGreaterThan(first.revision);
  expect(await versionsOf('SAME')).toEqual([second, first].map(({ revision }) => ({ value: 1, commit: { revision } })));
  const { series } = await ask<{ series: { diff: unknown[] } }>(
    server.url,
    `{ series(key: "SAME") { diff(from: ${first.revision}, to: ${second.revision}) { from to } } }`,
  );
  expect(series.diff).toEqual([]);
});

it('writes that race to one instant may share a commit: then one of them leaves no version', async () => {
  await ingest(server.url, [{ series: 'RACE', t, value: -1 }]);
  const racing = Array.from({ length: 100 }, (_, value) => ingest(server.url, [{ series: 'RACE', t, value }]));
  const written = await Promise.all(racing);
  expect(written.every(({ accepted, duplicates }) => accepted === 1 && duplicates === 0)).toBe(true);
  const revisions = new Set(written.map(({ revision }) => revision));
  expect(revisions.size).toBeLessThan(written.length);
  const versions = await versionsOf('RACE');
  expect(versions.slice(0, -1).map(({ commit }) => commit.revision)).toEqual([...revisions].sort((a, b) => b - a));
  // Each version is one of the writes of its commit.
  for (const { value, commit } of versions.slice(0, -1)) expect(written[value].revision).toBe(commit.revision);
});

it('a write with a note has a revision of its own, also in a race', async () => {
  const racing = Array.from({ length: 30 }, (_, value) =>
    ingest(server.url, [{ series: 'NOTED', t, value }], { note: `note ${value}` }),
  );
  expect(new Set((await Promise.all(racing)).map(({ revision }) => revision)).size).toBe(30);
  expect(await versionsOf('NOTED')).toHaveLength(30);
});

it('an idempotencyKey with the same points in another order is a CONFLICT', async () => {
  const ticks = [
    { series: 'ORDER', t, value: 1 },
    { series: 'ORDER', t: t + 1_000, value: 2 },
  ];
  const send = (given: unknown) =>
    gql(server.url, 'mutation ($input: IngestTicksInput!) { ingestTicks(input: $input) { revision } }', {
      input: { createMissing: true, idempotencyKey: 'order', ticks: given },
    });
  const first = await send(ticks);
  expect(await send(ticks)).toEqual(first);
  expect((await send([...ticks].reverse())).errors?.[0].extensions).toMatchObject({ code: 'CONFLICT' });
});
