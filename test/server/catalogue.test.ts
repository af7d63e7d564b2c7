import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, ingest } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const start = Date.parse('2026-01-05T09:30:00Z');
const second = 1_000;

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

describe('the catalogue', () => {
  const create = `mutation ($input: CreateSeriesInput!) {
    createSeries(input: $input) { __typename id key name unit tags revision dependents { key } last { value } }
  }`;

  it('a series is created with its name, unit and tags, and found by key, by keys and by id', async () => {
    const input = { key: 'CAT-1', name: 'Cat one', unit: 'USD', tags: ['cat', 'one'] };
    const before = await server.revision();
    const { createSeries } = await ask<{ createSeries: { id: string } }>(server.url, create, { input });
    const now = await server.revision();
    expect(now).toBe(before + 1);
    expect(createSeries).toEqual({
      __typename: 'SourceSeries',
      id: expect.any(String),
      ...input,
      revision: now,
      dependents: [],
      last: null,
    });
    const found = await ask(
      server.url,
      `query ($id: ID!) {
        node(id: $id) { __typename id ... on Series { key } }
        series(key: "CAT-1") { id }
        seriesByKeys(keys: ["CAT-1", "CAT-none", "CAT-1"]) { id }
        none: series(key: "CAT-none") { id }
        nonsense: node(id: "nonsense") { id }
        empty: seriesByKeys(keys: []) { id }
      }`,
      { id: createSeries.id },
    );
    const { id } = createSeries;
    expect(found).toEqual({
      node: { __typename: 'SourceSeries', id, key: 'CAT-1' },
      series: { id },
      seriesByKeys: [{ id }, null, { id }],
      none: null,
      nonsense: null,
      empty: [],
    });
  });

  it('creating a series that exists returns it as it is, and takes no revision', async () => {
    await ask(server.url, create, { input: { key: 'CAT-2', name: 'first' } });
    const before = await server.revision();
    const again = await ask(server.url, create, { input: { key: 'CAT-2', name: 'second', tags: ['x'] } });
    expect(again).toMatchObject({ createSeries: { name: 'first', tags: [] } });
    expect(await server.revision()).toBe(before);
  });

  it('allSeries pages through the keys in order and filters by key, tag and kind', async () => {
    const keys = ['p-a', 'p-B', 'p-c', 'p-d', 'p-e'];
    for (const key of keys)
      await ask(server.url, create, { input: { key: `PAGE.${key}`, tags: key < 'p-c' ? ['low'] : ['high'] } });
    const list = `query ($first: Int, $after: String, $contains: String, $tag: String, $kind: SeriesKind) {
      allSeries(first: $first, after: $after, keyContains: $contains, tag: $tag, kind: $kind) {
        nodes { key } edges { cursor node { key } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }`;
    interface Page {
      allSeries: {
        nodes: { key: string }[];
        edges: { cursor: string; node: { key: string } }[];
        pageInfo: {
          hasNextPage: boolean;
          hasPreviousPage: boolean;
          startCursor: string | null;
          endCursor: string | null;
        };
      };
    }
    const seen: string[] = [];
    let after: string | null = null;
    for (let page = 0; page < 3; page++) {
      const { allSeries }: Page = await ask<Page>(server.url, list, { first: 2, after, contains: 'page.P-' });
      expect(allSeries.edges.map(({ node }) => node)).toEqual(allSeries.nodes);
      expect(allSeries.pageInfo).toEqual({
        hasNextPage: page < 2,
        hasPreviousPage: page > 0,
        startCursor: allSeries.edges[0].cursor,
        endCursor: allSeries.edges.at(-1)?.cursor,
      });
      seen.push(...allSeries.nodes.map(({ key }) => key));
      after = allSeries.pageInfo.endCursor;
    }
    expect(seen).toEqual(['PAGE.p-B', 'PAGE.p-a', 'PAGE.p-c', 'PAGE.p-d', 'PAGE.p-e']);
    const keysOf = async (variables: Record<string, unknown>) =>
      (await ask<Page>(server.url, list, { contains: 'PAGE.', ...variables })).allSeries.nodes.map(({ key }) => key);
    expect(await keysOf({ tag: 'low' })).toEqual(['PAGE.p-B', 'PAGE.p-a']);
    expect(await keysOf({ kind: 'SOURCE' })).toHaveLength(5);
    expect(await keysOf({ kind: 'DERIVED' })).toEqual([]);
    expect(await keysOf({ contains: '%' })).toEqual([]);
    expect(await keysOf({ contains: '_' })).toEqual([]);
    expect(await keysOf({ first: 0 })).toEqual([]);
  });

  it('a deleted series is gone with its points, and its key is free for another', async () => {
    await ingest(server.url, [{ series: 'GONE-1', t: start, value: 1 }]);
    const id = (await ask<{ series: { id: string } }>(server.url, '{ series(key: "GONE-1") { id } }')).series.id;
    const { deleteSeries } = await ask<{ deleteSeries: { id: string; revision: number } }>(
      server.url,
      'mutation { deleteSeries(key: "GONE-1") { id revision } }',
    );
    expect(deleteSeries).toEqual({ id, revision: await server.revision() });
    const after = await ask(server.url, `{ series(key: "GONE-1") { id } node(id: "${id}") { id } }`);
    expect(after).toEqual({ series: null, node: null });
    await ingest(server.url, [{ series: 'GONE-1', t: start + second, value: 2 }]);
    const fresh = await samples('GONE-1');
    expect(fresh.value).toEqual([2]);
    const second_ = (await ask<{ series: { id: string } }>(server.url, '{ series(key: "GONE-1") { id } }')).series.id;
    expect(second_).not.toBe(id);
  });
});

it('health says what serves, how much there is, and who listens', async () => {
  const { health } = await ask<{ health: object }>(
    server.url,
    '{ health { ready version role database bell startedAt seriesCount freshBlocks subscribers } }',
  );
  expect(health).toEqual({
    ready: true,
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    role: 'all',
    database: 'external',
    bell: 'postgres',
    startedAt: expect.stringMatching(/Z$/),
    seriesCount: expect.any(Number),
    freshBlocks: expect.any(Number),
    subscribers: 0,
  });
});
