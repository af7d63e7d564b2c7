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
