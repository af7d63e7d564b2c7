import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Versions } from '../../src/engine/versions.ts';
import { GroupCommit } from '../../src/ingest/group-commit.ts';
import { Ingest } from '../../src/ingest/ingest.ts';
import { BatchedReads } from '../../src/store/batched-reads.ts';
import { times } from '../support/long.ts';
import { column, idOf, type Process, put, startTwo } from './world.ts';

let one: Process;
let other: Process;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ one, other, stop } = await startTwo());
});
afterAll(() => stop());

const keys = ['A', 'B', 'C'];

const act = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      writes: fc.array(
        fc.record({
          key: fc.constantFrom(...keys),
          points: fc.array(fc.tuple(fc.nat(20), fc.oneof(fc.nat(3), fc.constant(Number.NaN))), {
            minLength: 1,
            maxLength: 4,
          }),
          note: fc.boolean(),
        }),
        { minLength: 1, maxLength: 4 },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('large' as const), key: fc.constantFrom(...keys) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('other' as const), key: fc.constantFrom(...keys) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remake' as const), key: fc.constantFrom(...keys) }) },
);

/** What blocks say, in an order that does not hang on where they lie. */
function said(blocks: readonly Versions[] | undefined) {
  return blocks
    ?.flatMap(({ t, revision, value, size }) =>
      Array.from(t, (at, i) => [at, revision[i], value[i], size?.[i] ?? Number.NaN]),
    )
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

it('what a process wrote itself a moment ago is what the database says, or is not known', async () => {
  let known = 0;
  let unknown = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 15 }), async (acts) => {
      const reads = new BatchedReads(one.database);
      const options = {
        announce: false,
        onBlocks: (it: Parameters<typeof reads.recent.add>[0]) => reads.recent.add(it),
      };
      const groupCommit = new GroupCommit(one.database, options);
      const ingest = new Ingest(one.database, one.catalogue, groupCommit, { pointsPerCallMax: 1_000_000 });
      const own = { ...one, groupCommit, ingest };
      const revisions: number[] = [];
      for (const key of keys) revisions.push((await put(own, key, [[0, 1]])).revision);
      for (const each of acts) {
        const ids = new Map(await Promise.all(keys.map(async (key) => [key, await idOf(one, key)] as const)));
        if (each.kind === 'write')
          await Promise.all(
            each.writes.map(({ key, points, note }) =>
              groupCommit.submit({
                note: note ? 'a revision of its own' : null,
                answer: {},
                creates: [],
                columns: [
                  { series: ids.get(key) ?? 0, key, column: column([...new Map(points)].sort((a, b) => a[0] - b[0])) },
                ],
              }),
            ),
          );
        else if (each.kind === 'large')
          await put(
            own,
            each.key,
            Array.from({ length: 1_500 }, (_, t) => [t, t]),
          );
        else if (each.kind === 'other') await put(other, each.key, [[1, 2]]);
        else {
          await groupCommit.remove(await idOf(one, each.key));
          await put(own, each.key, [[2, 2]]);
        }
        const upTo = await reads.newestRevision();
        revisions.push(upTo);
        for (const after of revisions.slice(-4)) {
          const asked = await Promise.all(
            keys.map(async (key) => {
              const id = await idOf(one, key);
              return { series: id, storage: id, after, upTo };
            }),
          );
          const recent = reads.recent.news(
            asked.map(({ series }) => ({ id: series })),
            after,
            upTo,
          );
          if (!recent) {
            unknown++;
            continue;
          }
          known++;
          const told = await reads.news(asked);
          for (const [i, { deleted, hasHeir, blocks }] of recent.entries()) {
            expect(hasHeir).toBe(told[i].hasHeir);
            expect(deleted).toBe(told[i].deleted);
            expect(said(blocks)).toEqual(said(told[i].blocks));
          }
        }
      }
    }),
    { numRuns: 8 * times },
  );
  expect(known).toBeGreaterThan(unknown / 4);
  expect(unknown).toBeGreaterThan(0);
});
