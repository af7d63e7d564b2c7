import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, ingest, remove } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';

let writer: TestServer;
let reader: TestServer;

beforeAll(async () => {
  writer = await startServer();
  reader = await startServer({ databaseUrl: writer.databaseUrl });
});
afterAll(async () => {
  await reader.stop();
  await writer.stop();
});

const t = Date.parse('2026-01-05T09:30:00Z');

interface Half {
  revision: number;
  last: { value: number } | null;
  at: { value: number } | null;
  samples: { value: number[]; revision: number };
  points: { revision: number; nodes: { value: number }[] };
  candles: { close: number; count: number }[];
  versions: { value: number | null; commit: { revision: number } }[];
}

const half = `{
  revision last { value } at(t: ${t + 1e6}) { value } samples(maxPoints: null) { value revision }
  points(last: 1) { revision nodes { value } } candles(interval: "1d") { close count }
  versions(t: ${t}, first: 1) { value commit { revision } }
}`;

const query = `{
  first: revision commit(at: "2200-01-01T00:00:00Z") { revision }
  a: series(key: "PAIR-A") ${half}
  many: seriesByKeys(keys: ["PAIR-B", "PAIR-A"]) { key last { value } samples(maxPoints: null) { value revision } }
  b: series(key: "PAIR-B") ${half}
  second: revision
}`;

interface Read {
  first: number;
  second: number;
  commit: { revision: number };
  a: Half;
  b: Half;
  many: { last: { value: number } | null; samples: { value: number[]; revision: number } }[];
}

/** Everything in one answer says the same of both series, and is of one revision. */
function expectOne({ first, second, commit, a, b, many }: Read): void {
  expect(second).toBe(first);
  expect(commit.revision).toBe(first);
  const revisions = [a, b].flatMap(({ samples, points }) => [samples.revision, points.revision]);
  expect(new Set([...revisions, ...many.map(({ samples }) => samples.revision)])).toEqual(new Set([first]));
  expect(b).toEqual(a);
  expect(many[1]).toMatchObject({ last: many[0].last, samples: many[0].samples });
  expect(many[0].last).toEqual(a.last);
  const newest = a.samples.value.at(-1);
  expect(a.last?.value).toBe(newest);
  expect(a.at?.value).toBe(newest);
  expect(a.points.nodes[0]?.value).toBe(newest);
  expect(a.candles[0]?.close).toBe(newest);
  expect(a.revision).toBeLessThanOrEqual(first);
}

it('an operation that reads two series never sees them differ while pairs are written, corrected and deleted', async () => {
  await ingest(writer.url, [
    { series: 'PAIR-A', t, value: 0 },
    { series: 'PAIR-B', t, value: 0 },
  ]);
  let value = 0;
  const steps = fc.array(fc.record({ at: fc.nat(5), both: fc.boolean() }), { minLength: 10, maxLength: 15 });
  await fc.assert(
    fc.asyncProperty(steps, async (some) => {
      let writing = true;
      const seen = new Set<number>();
      const read = async () => {
        for (const at of [reader, writer]) {
          const answer = await ask<Read>(at.url, query);
          expectOne(answer);
          seen.add(answer.first);
        }
      };
      const reading = Promise.all(
        [1, 2].map(async () => {
          while (writing) await read();
        }),
      );
      reading.catch(() => undefined);
      try {
        for (const { at, both } of some) {
          value++;
          const ticks = ['PAIR-A', 'PAIR-B'].map((series) => ({ series, t: t + at * 1_000, value }));
          const noise = both ? [{ series: 'NOISE', t: t + at, value }] : [];
          await Promise.all([ingest(writer.url, ticks), ...noise.map((tick) => ingest(writer.url, [tick]))]);
        }
      } finally {
        writing = false;
      }
      await reading;
      await read();
      expect(seen.size).toBeGreaterThan(1);
    }),
    { numRuns: 4, endOnFailure: true },
  );
});

it('what is deleted in one operation is gone from all fields of the next', async () => {
  await remove(writer.url, { series: 'PAIR-A', from: t - 1_000, to: t + 60_000 });
  const { a } = await ask<Read>(reader.url, query);
  expect(a).toMatchObject({ last: null, at: null, samples: { value: [] }, candles: [] });
});
