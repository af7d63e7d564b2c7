import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, gql, ingest, remove } from '../support/client.ts';
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

describe('writes, and what was known at each revision', () => {
  it('ticks, corrections and deletions each take a revision, and every one of them can be read for ever', async () => {
    const first = await ingest(server.url, [
      { series: 'H', t: start, value: 1, size: 10 },
      { series: 'H', t: iso(start + second), value: 2 },
      { series: 'H', t: '2026-01-05T10:30:02.000001+01:00', value: 3 },
    ]);
    expect(first).toEqual({ accepted: 3, duplicates: 0, revision: await server.revision() });
    const second_ = await ingest(server.url, [{ series: 'H', t: start + second, value: 20 }], { note: 'a correction' });
    const third = await remove(server.url, { series: 'H', at: [start, start + 999 * second] });
    expect(third).toEqual({ accepted: 1, duplicates: 0, revision: second_.revision + 1 });
    const fourth = await remove(server.url, { series: 'H', from: start, to: start + 2 * second });
    expect(fourth).toEqual({ accepted: 1, duplicates: 0, revision: third.revision + 1 });
    const fifth = await ingest(server.url, [{ series: 'H', t: start, value: 100, size: 0 }]);

    const t = [start, start + second, start + 2 * second + 0.001];
    const at = async (revision: number) => {
      const { t: instants, value, size, revision: read } = await samples('H', `(maxPoints: null, asOf: ${revision})`);
      expect(read).toBe(revision);
      return [instants, value, size];
    };
    expect(await at(first.revision - 1)).toEqual([[], [], null]);
    expect(await at(first.revision)).toEqual([t, [1, 2, 3], [10, null, null]]);
    expect(await at(second_.revision)).toEqual([t, [1, 20, 3], [10, null, null]]);
    expect(await at(third.revision)).toEqual([t.slice(1), [20, 3], null]);
    expect(await at(fourth.revision)).toEqual([t.slice(2), [3], null]);
    expect(await at(fifth.revision)).toEqual([
      [t[0], t[2]],
      [100, 3],
      [0, null],
    ]);

    const read = await ask<{ series: { diff: { from: number; to: number }[] } }>(
      server.url,
      `query ($t: Instant!, $from: Revision!, $to: Revision!) {
        series(key: "H") {
          revision
          last { t value size revision }
          old: last(asOf: ${first.revision}) { t value revision }
          versions(t: $t) { value size commit { revision note } }
          newest: versions(t: $t, first: 1) { value }
          diff(from: $from, to: $to) { from to }
          since: diff(from: $to) { from to }
          nothing: diff(from: $to, to: $to) { from to }
        }
      }`,
      { t: start, from: first.revision, to: fourth.revision },
    );
    expect(read).toEqual({
      series: {
        revision: fifth.revision,
        last: { t: '2026-01-05T09:30:02.000001Z', value: 3, size: null, revision: first.revision },
        old: { t: '2026-01-05T09:30:02.000001Z', value: 3, revision: first.revision },
        versions: [
          { value: 100, size: 0, commit: { revision: fifth.revision, note: null } },
          { value: null, size: null, commit: { revision: third.revision, note: null } },
          { value: 1, size: 10, commit: { revision: first.revision, note: null } },
        ],
        newest: [{ value: 100 }],
        diff: expect.any(Array),
        since: [{ from: start, to: start + 0.001 }],
        nothing: [],
      },
    });
    const within = t.map(
      (instant) => read.series.diff.filter(({ from, to }) => instant >= from && instant < to).length,
    );
    expect(within).toEqual([1, 1, 0]);
  });

  it('two values for one instant in one call: the later one stands, and the other is counted', async () => {
    const ticks = [
      { series: 'DUP', t: start, value: 1 },
      { series: 'DUP', t: iso(start), value: 2 },
      { series: 'DUP', t: start + second, value: 3 },
      { series: 'DUP', t: '2026-01-05T12:30:00+03:00', value: 4 },
    ];
    expect(await ingest(server.url, ticks)).toMatchObject({ accepted: 2, duplicates: 2 });
    expect((await samples('DUP')).value).toEqual([4, 3]);
    const { ingestColumns } = await ask<{ ingestColumns: object }>(
      server.url,
      'mutation ($input: IngestColumnsInput!) { ingestColumns(input: $input) { accepted duplicates } }',
      {
        input: {
          columns: [
            { series: 'DUP', t: [start, start], value: [5, 6] },
            { series: 'DUP', t: [start], value: [7] },
          ],
        },
      },
    );
    expect(ingestColumns).toEqual({ accepted: 1, duplicates: 2 });
    expect((await samples('DUP')).value).toEqual([7, 3]);
  });

  it('the same idempotencyKey with the same content is written once and answered the same each time', async () => {
    const once = { idempotencyKey: 'reads-1', note: 'once' };
    const ticks = [{ series: 'IDEM', t: start, value: 1 }];
    const [first, second_] = await Promise.all([ingest(server.url, ticks, once), ingest(server.url, ticks, once)]);
    expect(second_).toEqual(first);
    await ingest(server.url, [{ series: 'IDEM', t: start, value: 2 }]);
    expect(await ingest(server.url, ticks, once)).toEqual(first);
    expect((await samples('IDEM')).value).toEqual([2]);
    const key = { idempotencyKey: 'reads-2' };
    const gone = await remove(server.url, { series: 'IDEM', from: start, to: start + 1, ...key });
    await ingest(server.url, [{ series: 'IDEM', t: start, value: 3 }]);
    expect(await remove(server.url, { series: 'IDEM', from: start, to: start + 1, ...key })).toEqual(gone);
    expect((await samples('IDEM')).value).toEqual([3]);
  });

  it('an answer says that it is settled, at its own revision', async () => {
    const { ingestTicks } = await ask<{ ingestTicks: { revision: number } }>(
      server.url,
      `mutation { ingestTicks(input: { createMissing: true, await: DERIVED, ticks: [{ series: "SETTLED", t: ${start}, value: 1 }] }) {
        revision derivedRevision settled rejected { index }
      } }`,
    );
    const { revision } = ingestTicks;
    expect(ingestTicks).toEqual({ revision, derivedRevision: revision, settled: true, rejected: [] });
  });

  it('several mutations of one operation run in their order, and each answer sees its own write', async () => {
    const result = await ask<Record<string, { revision: number }>>(
      server.url,
      `mutation {
        a: createSeries(input: { key: "ORDER" }) { revision }
        b: ingestTicks(input: { ticks: [{ series: "ORDER", t: ${start}, value: 1 }] }) { revision }
        c: createSeries(input: { key: "ORDER" }) { revision last { value } }
      }`,
    );
    expect(result.b.revision).toBe(result.a.revision + 1);
    expect(result.c).toEqual({ revision: result.b.revision, last: { value: 1 } });
  });

  it('commits tell their note and moment, by number and by time', async () => {
    const { revision } = await ingest(server.url, [{ series: 'NOTE', t: start, value: 1 }], { note: 'why — because' });
    const one = await ask<{ commit: { at: string } }>(
      server.url,
      `{ commit(revision: ${revision}) { revision at note } }`,
    );
    expect(one.commit).toEqual({ revision, at: expect.stringMatching(/^20\d\d-.*Z$/), note: 'why — because' });
    const timed = await ask(
      server.url,
      `query ($at: Instant!) {
        here: commit(at: $at) { revision }
        future: commit(at: "2200-01-01T00:00:00Z") { revision }
        past: commit(at: "1990-01-01T00:00:00Z") { revision }
        none: commit(revision: 9007199254740991) { revision }
        revision oldestRevision
      }`,
      { at: one.commit.at },
    );
    const newest = await server.revision();
    expect(timed).toEqual({
      here: { revision },
      future: { revision: newest },
      past: null,
      none: null,
      revision: newest,
      oldestRevision: 0,
    });
  });
});

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
