import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, ingest, remove } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const start = Date.parse('2026-01-05T09:30:00Z');
const second = 1_000;

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

describe('points, page by page', () => {
  const page = `query ($first: Int, $after: String, $last: Int, $before: String, $asOf: Revision, $range: TimeRange) {
    series(key: "PAGES") {
      points(first: $first, after: $after, last: $last, before: $before, asOf: $asOf, range: $range) {
        revision nodes { value } edges { cursor node { t value } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
  }`;
  interface Points {
    revision: number;
    nodes: { value: number }[];
    edges: { cursor: string; node: { t: string; value: number } }[];
    pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
  }
  const read = async (variables: Record<string, unknown>): Promise<Points> =>
    (await ask<{ series: { points: Points } }>(server.url, page, variables)).series.points;
  let pinned: number;

  beforeAll(async () => {
    pinned = await ramp('PAGES', 25);
  });

  /** Writes before, between and behind the points that are there, and takes some away. */
  const disturb = async (i: number) => {
    await ingest(server.url, [
      { series: 'PAGES', t: start - (i + 1) * second, value: -1 },
      { series: 'PAGES', t: start + i * second + 500, value: -2 },
      { series: 'PAGES', t: start + 12 * second, value: -3 - i },
      { series: 'PAGES', t: start + (100 + i) * second, value: -4 },
    ]);
    await remove(server.url, { series: 'PAGES', at: [start + (20 - i) * second] });
  };

  it('forward pages fit together while writes go on: cursors pin the revision', async () => {
    const seen: number[] = [];
    let variables: Record<string, unknown> = { first: 7, asOf: pinned };
    for (let i = 0; ; i++) {
      const points = await read(variables);
      expect(points.revision).toBe(pinned);
      expect(points.nodes.map(({ value }) => value)).toEqual(points.edges.map(({ node }) => node.value));
      expect(points.pageInfo.hasPreviousPage).toBe(i > 0);
      seen.push(...points.nodes.map(({ value }) => value));
      await disturb(i);
      if (!points.pageInfo.hasNextPage) break;
      variables = { first: 7, after: points.pageInfo.endCursor };
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => i));
  });

  it('backward pages fit together while writes go on', async () => {
    const seen: number[] = [];
    let variables: Record<string, unknown> = { last: 10, asOf: pinned };
    for (let i = 5; ; i++) {
      const points = await read(variables);
      expect(points.pageInfo.hasNextPage).toBe(i > 5);
      seen.unshift(...points.nodes.map(({ value }) => value));
      await disturb(i);
      if (!points.pageInfo.hasPreviousPage) break;
      variables = { last: 10, before: points.pageInfo.startCursor };
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => i));
  });

  it('the first page pins the revision that it was read at, without being told one', async () => {
    const first = await read({ first: 3 });
    expect(first.revision).toBe(await server.revision());
    await disturb(15);
    const next = await read({ first: 3, after: first.pageInfo.endCursor });
    expect(next.revision).toBe(first.revision);
  });

  it('a range bounds the pages; both cursors bound one; none asked for gives none; 100 is the default', async () => {
    const range = { from: start + 5 * second, to: start + 10 * second };
    const all = await read({ range, asOf: pinned });
    expect(all.nodes.map(({ value }) => value)).toEqual([5, 6, 7, 8, 9]);
    expect(all.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false });
    const between = await read({ after: all.edges[0].cursor, before: all.edges[4].cursor, range });
    expect(between.nodes.map(({ value }) => value)).toEqual([6, 7, 8]);
    const none = await read({ first: 0, asOf: pinned });
    expect(none.edges).toEqual([]);
    expect(none.pageInfo).toEqual({ hasNextPage: true, hasPreviousPage: false, startCursor: null, endCursor: null });
    await ramp('PAGES', 150, start + 10_000 * second);
    expect((await read({})).nodes).toHaveLength(100);
  });
});
