import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { everything } from '../../src/engine/ranges.ts';
import { planCommit, type SourceWrite } from '../../src/ingest/group-commit.ts';
import { readPoints } from '../../src/store/block-reads.ts';
import { column, idOf, type Process, pointsOf, put, startProcess, startTwo } from '../store/world.ts';

let url = '';
let stop: () => Promise<void>;
let one: Process;
let other: Process;
let key = '';
let tests = 0;

beforeAll(async () => {
  ({ url, one, other, stop } = await startTwo());
});
beforeEach(() => {
  key = `K${tests++}`;
});
afterAll(() => stop());

const empty = { note: null, answer: {}, creates: [], columns: [] };

function says(series: string | number, t: number, value: number, more: Partial<SourceWrite> = {}): SourceWrite {
  const creates = typeof series === 'string' ? [{ key: series }] : [];
  return { ...empty, creates, columns: [{ series, key, column: column([[t, value]]) }], ...more };
}

async function values(id: number, asOf = Number.MAX_SAFE_INTEGER) {
  return pointsOf(await readPoints(one.database, id, everything, asOf, 100, 'first')).map(({ t, value }) => [t, value]);
}

test('writes that are asked for together are one commit and one revision', async () => {
  // The first creates the series, the second learns its id; from then on nothing is looked up.
  await put(one, key, [[0, 0]]);
  await put(one, key, [[0, 0]]);
  const { commits } = one.groupCommit.counts;
  const answers = await Promise.all([1, 2, 3, 4, 5].map((t) => put(one, key, [[t, t]])));
  expect(one.groupCommit.counts.commits).toBe(commits + 1);
  expect(new Set(answers.map(({ revision }) => revision)).size).toBe(1);
});

test('of two writes of one instant in one commit the later one stands, whether each named the series by id or as missing', async () => {
  await put(one, key, [[0, 0]]);
  const id = await idOf(one, key);
  for (const order of [
    [says(key, 5, 1), says(id, 5, 2)],
    [says(id, 6, 3), says(key, 6, 4)],
  ]) {
    const outcomes = await Promise.all(order.map((write) => other.groupCommit.submit(write)));
    expect(new Set(outcomes.map((outcome) => outcome.kind === 'written' && outcome.revision)).size).toBe(1);
  }
  expect(await values(id)).toStrictEqual([
    [0, 0],
    [5, 2],
    [6, 4],
  ]);
  const [row] = await one.database.query<{ blocks: string }>(
    `SELECT count(*) AS blocks FROM fresh_blocks WHERE series = ${id}`,
  );
  expect(Number(row.blocks)).toBe(3);
});

test('a series is deleted once: who asks again, or at the same time, is told the revision that did it', async () => {
  await put(one, key, [[0, 0]]);
  const id = await idOf(one, key);
  const deletions = await Promise.all([one.groupCommit.remove(id), other.groupCommit.remove(id)]);
  const revision = await one.catalogue.newestRevision();
  expect(deletions).toStrictEqual([{ revision }, { revision }]);
  await expect(one.ingest.deleteSeries(key)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('of one commit each write that cannot be made is told why, and the others are made', async () => {
  await put(one, key, [[0, 0]]);
  const id = await idOf(one, key);
  const known = { key: `${key}-known`, hash: 'h' };
  await one.groupCommit.submit(says(id, 1, 1, { idempotency: known, answer: { accepted: 1 } }));
  const guard = { series: id, base: (await one.catalogue.newestRevision()) - 1, from: 0, to: 5 };
  const { commits } = one.groupCommit.counts;
  const outcomes = await Promise.all(
    [
      says(id, 2, 2),
      says(id, 9, 9, { idempotency: known }),
      says(id, 9, 9, { idempotency: { ...known, hash: 'other' } }),
      says(id, 9, Number.NaN, { guard }),
      says(2_000_000_000, 9, 9),
      says(id, 3, 3, { note: 'three' }),
    ].map((write) => one.groupCommit.submit(write)),
  );
  expect(outcomes.map(({ kind }) => kind)).toStrictEqual([
    'written',
    'repeat',
    'conflict',
    'stale',
    'missing',
    'written',
  ]);
  expect(outcomes[1]).toMatchObject({ answer: { accepted: 1 } });
  expect(outcomes[4]).toMatchObject({ series: [2_000_000_000] });
  // The two writes of one key must not meet in one commit: the second asks again.
  expect(one.groupCommit.counts.commits).toBe(commits + 1);
  expect((await values(id)).map(([t]) => t)).toStrictEqual([0, 1, 2, 3]);
});

test('a write with a note has a revision of its own, others share one', () => {
  const plan = planCommit([says(1, 0, 1), says(1, 0, 2, { note: 'a' }), says(1, 0, 3), says(2, 0, 4, { note: 'b' })]);
  expect(plan.request.revisions).toStrictEqual([{ note: null }, { note: 'a' }, { note: 'b' }]);
  expect(plan.at).toStrictEqual([0, 1, 0, 2]);
  expect(plan.request.blocks.map(({ at, series, column: { value } }) => [at, series, ...value])).toStrictEqual([
    [0, 1, 3],
    [1, 1, 2],
    [2, 2, 4],
  ]);
});

test('deletions come first in their commit, for they were read before the others were written', () => {
  const guard = { series: 1, base: 7, from: 0, to: 9 };
  const deletion: SourceWrite = { ...empty, columns: [{ series: 1, key, column: column([[0, Number.NaN]]) }], guard };
  const plan = planCommit([says(1, 0, 1), deletion]);
  expect(plan.at).toStrictEqual([0, 0]);
  expect([...plan.request.blocks[0].column.value]).toStrictEqual([1]);
  expect(planCommit([says(1, 0, 1), { ...deletion, note: 'gone' }]).at).toStrictEqual([1, 0]);
});

test('writes go on being taken until drained, and are refused after', async () => {
  const third = startProcess(url);
  const written = Promise.all([1, 2, 3].map((t) => put(third, key, [[t, t]])));
  await written;
  const last = third.groupCommit.submit(says(await idOf(one, key), 9, 9));
  await third.groupCommit.drain();
  expect((await last).kind).toBe('written');
  expect(() => third.groupCommit.submit(says(key, 1, 1))).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
  await third.database.close();
});
