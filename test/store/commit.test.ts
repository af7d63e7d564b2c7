import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Fault } from '../../src/engine/fault.ts';
import { everything } from '../../src/engine/ranges.ts';
import { GroupCommit } from '../../src/ingest/group-commit.ts';
import { Ingest } from '../../src/ingest/ingest.ts';
import { readPoints } from '../../src/store/block-reads.ts';
import { Catalogue } from '../../src/store/catalogue.ts';
import { type CommitRequest, commit } from '../../src/store/commit.ts';
import { connect } from '../../src/store/connect.ts';
import { sealWhole } from '../../src/upkeep/upkeep.ts';
import { until } from '../support/program.ts';
import { column, givenColumns, idOf, type Process, pointsOf, put, startProcess, startTwo } from './world.ts';

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
  key = `C${tests++}`;
});
afterAll(() => stop());

const nothing: CommitRequest = {
  revisions: [],
  checks: [],
  creates: [],
  stages: [],
  answers: [],
  blocks: [],
};

async function valuesOf(series: string): Promise<[number, number][]> {
  const points = await readPoints(
    one.database,
    await idOf(one, series),
    everything,
    Number.MAX_SAFE_INTEGER,
    1e6,
    'first',
  );
  return pointsOf(points).map(({ t, value }) => [t, value]);
}

/** The function itself, so that a batch id can be given twice. One point of one series. */
function callCommit(client: pg.Client | pg.Pool, batch: string, series: number, t: number, value: number) {
  return client.query<{ answer: Record<string, unknown> }>(
    `SELECT tidemark_commit_2($1, '[]', '[{"note": null}]', '[]', '[]', '[]', false, '{0}', ARRAY[$2::int],
       ARRAY[$3::bigint], ARRAY[$3::bigint], '{1}', ARRAY['\\x0100'::bytea], ARRAY[float8send($4)], NULL) AS answer`,
    [batch, series, t, value],
  );
}

function deletion(
  series: string,
  from: number,
  to: number,
  more: { note?: string | undefined; idempotencyKey?: string | undefined } = {},
) {
  const { note = null, idempotencyKey = null } = more;
  return { series, range: { from, to }, at: undefined, note, idempotencyKey };
}

test('the function that processes of version 0.1.0 call commits as the one after it does', async () => {
  await put(one, key, [[0, 0]]);
  const id = await idOf(one, key);
  const batch = randomUUID();
  const call = () =>
    one.database.query<{ answer: Record<string, unknown> }>(
      `SELECT tidemark_commit($1, '[]', '[{"note": null}]', '[]', '[]', '[]', '[]', false, '{0}', ARRAY[$2::int],
         '{5}', '{5}', '{1}', ARRAY['\\x0100'::bytea], ARRAY[float8send(7)], NULL) AS answer`,
      [batch, id],
    );
  const [{ answer }] = await call();
  expect(answer).toMatchObject({ revisions: 1, created: [], new: [] });
  expect((await callCommit(one.database.pool, batch, id, 5, 8)).rows[0].answer).toStrictEqual(answer);
  expect(await valuesOf(key)).toContainEqual([5, 7]);
});

test('a batch that is asked for twice answers the same and writes once, even when another write came between', async () => {
  await put(one, key, [[0, 0]]);
  const id = await idOf(one, key);
  const batch = randomUUID();
  const first = await callCommit(one.database.pool, batch, id, 1, 1);
  await put(other, key, [[1, 2]]);
  const before = await one.catalogue.newestRevision();
  const second = await callCommit(other.database.pool, batch, id, 1, 1);
  expect(second.rows).toStrictEqual(first.rows);
  expect(await one.catalogue.newestRevision()).toBe(before);
  expect(await valuesOf(key)).toStrictEqual([
    [0, 0],
    [1, 2],
  ]);
});

test('of one batch asked for on many connections at once one writes, and all answer the same', async () => {
  await put(one, key, [[0, 0]]);
  const id = await idOf(one, key);
  const batch = randomUUID();
  const before = await one.catalogue.newestRevision();
  const pools = [one.database.pool, other.database.pool];
  const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => callCommit(pools[i % 2], batch, id, 1, 1)));
  expect(new Set(answers.map(({ rows }) => JSON.stringify(rows[0].answer))).size).toBe(1);
  expect(await one.catalogue.newestRevision()).toBe(before + 1);
});

test('what a check refuses is told so and writes nothing, until it is taken out', async () => {
  await put(one, key, [[0, 0]], { idempotencyKey: `${key}-a` });
  const id = await idOf(one, key);
  const before = await one.catalogue.newestRevision();
  const request: CommitRequest = {
    ...nothing,
    revisions: [{ note: null }],
    checks: [
      { write: 0, key: `${key}-a`, hash: 'another' },
      { write: 1, guard: { series: id, base: before - 1, from: 0, to: 1 } },
      { write: 2, guard: { series: id, base: before, from: 0, to: 1 } },
    ],
    blocks: [
      { at: 0, series: id, column: column([[7, 7]]) },
      { at: 0, series: 2_000_000_000, column: column([[7, 7]]) },
    ],
  };
  const answer = await commit(one.database, request, { announce: false });
  expect(answer).toMatchObject({ kind: 'refused', missing: [2_000_000_000] });
  expect(answer.kind === 'refused' && answer.refused.map(({ write, why }) => [write, why])).toStrictEqual([
    [0, 'conflict'],
    [1, 'stale'],
  ]);
  expect(await one.catalogue.newestRevision()).toBe(before);
  const rest = { ...request, checks: [request.checks[2]], blocks: [request.blocks[0]] };
  expect(await commit(one.database, rest, { announce: false })).toMatchObject({ kind: 'committed', previous: before });
});

test('a refused write does not keep the others of its commit from being written', async () => {
  await put(one, key, [[0, 0]], { idempotencyKey: `${key}-a` });
  const { revision } = await put(one, key, [[0, 0]]);
  const answers = await Promise.allSettled([
    put(one, key, [[1, 1]]),
    put(one, key, [[2, 2]], { idempotencyKey: `${key}-a` }),
    put(one, key, [[3, 3]], { idempotencyKey: `${key}-b` }),
    put(one, key, [[4, 4]], { note: 'four' }),
  ]);
  expect(answers.map(({ status }) => status)).toStrictEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(await valuesOf(key)).toStrictEqual([
    [0, 0],
    [1, 1],
    [3, 3],
    [4, 4],
  ]);
  expect(await one.catalogue.newestRevision()).toBeGreaterThan(revision);
});

test('an idempotency key with the same content answers as the first time, with other content it is a CONFLICT', async () => {
  const twice = [
    [1, 1],
    [1, 2],
  ] as const;
  const first = await put(one, key, twice, { idempotencyKey: key, note: 'first' });
  await put(other, key, [[1, 3]]);
  for (const process of [one, other]) {
    expect(await put(process, key, twice, { idempotencyKey: key, note: 'first' })).toStrictEqual(first);
    const conflict = { code: 'CONFLICT', inputPath: ['input', 'idempotencyKey'] };
    const others = put(process, key, [[1, 1]], { idempotencyKey: key, note: 'first' });
    await expect(others, 'other ticks').rejects.toMatchObject(conflict);
    const unnoted = put(process, key, twice, { idempotencyKey: key });
    await expect(unnoted, 'another note').rejects.toMatchObject(conflict);
    await expect(process.ingest.deleteTicks(deletion(key, 0, 9, { idempotencyKey: key }))).rejects.toMatchObject({
      code: 'CONFLICT',
    });
  }
  expect(await valuesOf(key)).toStrictEqual([[1, 3]]);
});

test('a repetition is answered even when its series is gone by then', async () => {
  const first = await put(one, key, [[1, 1]], { idempotencyKey: key });
  await one.ingest.deleteSeries(key);
  expect(await put(other, key, [[1, 1]], { idempotencyKey: key })).toStrictEqual(first);
  expect(await one.catalogue.seriesByKeys([key])).toStrictEqual([]);
});

test('of many writes with one idempotency key at once, in one process and in two, exactly one is made', async () => {
  await put(one, key, [[0, 0]]);
  await put(other, key, [[0, 0]]);
  for (let round = 0; round < 20; round++) {
    const idempotencyKey = `${key}-${round}`;
    const before = await one.catalogue.newestRevision();
    const same = await Promise.all(
      Array.from({ length: 8 }, (_, i) => put(i % 2 ? one : other, key, [[round, 1]], { idempotencyKey })),
    );
    expect(new Set(same.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await one.catalogue.newestRevision()).toBe(before + 1);
  }
});

test('of writes with one idempotency key and different contents at once one is made, the others are a CONFLICT', async () => {
  await put(one, key, [[0, 0]]);
  await put(other, key, [[0, 0]]);
  for (let round = 1; round <= 20; round++) {
    const answers = await Promise.allSettled(
      [1, 2, 3, 4, 5, 6].map((value) =>
        put(value % 2 ? one : other, key, [[round, value]], { idempotencyKey: `${key}-${round}` }),
      ),
    );
    const made = answers.flatMap(({ status }, i) => (status === 'fulfilled' ? [i + 1] : []));
    const faults = answers.flatMap((answer) => (answer.status === 'rejected' ? [(answer.reason as Fault).code] : []));
    expect(made.length).toBe(1);
    expect(faults).toStrictEqual(Array(5).fill('CONFLICT'));
    expect((await valuesOf(key)).at(-1)).toStrictEqual([round, made[0]]);
  }
});

test.each(['REPEATABLE READ', 'SERIALIZABLE'])(
  'a commit at %s is refused, for its checks would see the past',
  async (level) => {
    await put(one, key, [[0, 0]]);
    const id = await idOf(one, key);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      await client.query(`BEGIN ISOLATION LEVEL ${level}`);
      await expect(callCommit(client, randomUUID(), id, 1, 1)).rejects.toThrow(/READ COMMITTED/);
      await client.query('ROLLBACK');
    } finally {
      await client.end();
    }
    expect(await valuesOf(key)).toStrictEqual([[0, 0]]);
  },
);

test('who sees a revision sees every revision before it, while four processes write and the lock is waited for', async () => {
  const writers = [one, other, startProcess(url), startProcess(url)];
  const reader = new pg.Client({ connectionString: url });
  await reader.connect();
  const [{ first }] = await one.database.query<{ first: string }>(
    'SELECT coalesce(min(revision), 1) AS first FROM commits',
  );
  let writing = true;
  const seen: number[] = [];
  const holes: string[] = [];
  const poll = async () => {
    while (writing) {
      const { rows } = await reader.query<{ max: string; count: string }>(
        'SELECT max(revision), count(*) FROM commits',
      );
      const [{ max, count }] = rows;
      if (Number(max) - Number(first) + 1 !== Number(count)) holes.push(`${count} up to ${max}`);
      seen.push(Number(max));
    }
  };
  const write = async (process: Process, w: number) => {
    for (let i = 0; i < 60; i++) await put(process, `${key}-${w}`, [[i, i]], i % 7 === 0 ? { note: 'n' } : {});
  };
  const polling = poll();
  await Promise.all(writers.map(write));
  writing = false;
  await polling;
  await reader.end();
  await Promise.all(writers.slice(2).map((process) => process.stop()));
  expect(holes).toStrictEqual([]);
  expect(new Set(seen).size).toBeGreaterThan(20);
  expect(seen).toStrictEqual([...seen].sort((a, b) => a - b));
});

test('the instants of commits never go back, even when the clock does', async () => {
  await put(one, key, [[0, 0]]);
  await one.database.query(
    `UPDATE commits SET at = at + interval '1 hour' WHERE revision = (SELECT max(revision) FROM commits)`,
  );
  await put(one, key, [[1, 1]]);
  await put(other, key, [[2, 2]], { note: 'x' });
  const newest = await one.catalogue.newestRevision();
  const rows = await one.catalogue.commits(Array.from({ length: newest }, (_, i) => i + 1));
  expect(rows.length).toBe(newest);
  for (let i = 1; i < rows.length; i++) expect(rows[i].at).toBeGreaterThanOrEqual(rows[i - 1].at);
  expect(await one.catalogue.commitAt(rows[newest - 1].at)).toStrictEqual(rows[newest - 1]);
  expect(await one.catalogue.commitAt(rows[0].at - 1)).toBeUndefined();
});

test('notes of writes that are asked for together stand at revisions of their own', async () => {
  await put(one, key, [[0, 0]]);
  await put(one, key, [[0, 0]]);
  const notes = ['a', undefined, 'b', undefined, 'a'];
  const answers = await Promise.all(notes.map((note, i) => put(one, key, [[i, i]], { note })));
  const revisions = answers.map(({ revision }) => revision);
  expect(revisions[1]).toBe(revisions[3]);
  expect(new Set(revisions).size).toBe(4);
  const rows = await one.catalogue.commits(revisions);
  for (const [i, revision] of revisions.entries())
    expect(rows.find((row) => row.revision === revision)?.note).toBe(notes[i] ?? null);
});

test('a deletion deletes what was there at its revision, whatever is written and sealed at the same time', async () => {
  await put(one, key, [[0, 0]]);
  const id = await idOf(one, key);
  let pass = 0;
  const writes: { revision: number; t: number }[] = [];
  const deletions: { revision: number; accepted: number; from: number; to: number }[] = [];
  const writer = async (process: Process, offset: number) => {
    for (let i = 0; i < 60; i++) {
      const t = (i * 7 + offset) % 20;
      writes.push({ t, revision: (await put(process, key, [[t, ++pass]])).revision });
    }
  };
  const deleter = async (process: Process, from: number) => {
    for (let i = 0; i < 25; i++) {
      const { revision, accepted } = await process.ingest.deleteTicks(deletion(key, from, from + 10));
      deletions.push({ revision, accepted, from, to: from + 10 });
    }
  };
  const sealer = async () => {
    for (let i = 0; i < 20; i++) await sealWhole(one.database, id);
  };
  await Promise.all([writer(one, 0), writer(other, 3), writer(other, 5), deleter(one, 0), deleter(other, 5), sealer()]);
  // Within one revision the deletion comes first; one that deleted nothing only names the revision it looked at.
  const living = new Set([0]);
  const order = [...deletions.filter(({ accepted }) => accepted > 0), ...writes].sort(
    (a, b) => a.revision - b.revision,
  );
  for (const revision of [...new Set(order.map((some) => some.revision))]) {
    for (const some of order.filter((each) => each.revision === revision)) {
      if ('t' in some) {
        living.add(some.t);
      } else {
        const gone = [...living].filter((t) => t >= some.from && t < some.to);
        expect(some.accepted, `deleted at ${revision}`).toBe(gone.length);
        for (const t of gone) living.delete(t);
      }
    }
    const points = await readPoints(one.database, id, everything, revision, 100, 'first');
    expect([...points.t], `living at ${revision}`).toStrictEqual([...living].sort((a, b) => a - b));
  }
  expect(deletions.some(({ accepted }) => accepted > 0)).toBe(true);
});

test('a large write is staged, seen by nobody before its revision, and then whole', async () => {
  const many = Array.from({ length: 45_000 }, (_, i) => [i * 10, i] as const);
  await put(one, key, [[5, -1]]);
  const id = await idOf(one, key);
  const before = await one.catalogue.newestRevision();
  const counts = new Set<number>();
  let writing = true;
  const watch = async () => {
    while (writing) {
      const { t } = await readPoints(other.database, id, everything, Number.MAX_SAFE_INTEGER, 1e6, 'first');
      counts.add(t.length);
    }
  };
  const watching = watch();
  const { revision, accepted } = await put(one, key, many, { idempotencyKey: key });
  writing = false;
  await watching;
  expect({ revision, accepted }).toStrictEqual({ revision: before + 1, accepted: 45_000 });
  expect([...counts].filter((count) => count !== 1 && count !== 45_001)).toStrictEqual([]);
  expect((await put(other, key, many, { idempotencyKey: key })).revision).toBe(revision);
  expect(await valuesOf(key)).toStrictEqual([many[0], [5, -1], ...many.slice(1)].map((pair) => [...pair]));
  await sealWhole(one.database, id);
  expect((await valuesOf(key)).length).toBe(45_001);
});

test('a large write creates its series, and a failed one leaves nothing', async () => {
  const many = Array.from({ length: 21_000 }, (_, i) => [i, i] as const);
  await put(one, key, many, { idempotencyKey: key });
  expect((await valuesOf(key)).length).toBe(21_000);
  const before = await one.catalogue.newestRevision();
  await expect(put(one, `${key}-x`, many, { idempotencyKey: key })).rejects.toMatchObject({ code: 'CONFLICT' });
  const racing = await Promise.allSettled([
    put(one, `${key}-y`, many, { idempotencyKey: `${key}-2` }),
    put(other, `${key}-z`, many, { idempotencyKey: `${key}-2` }),
  ]);
  expect(racing.map(({ status }) => status).sort()).toStrictEqual(['fulfilled', 'rejected']);
  expect(await one.catalogue.newestRevision()).toBe(before + 1);
  const there = await one.catalogue.seriesByKeys(['x', 'y', 'z'].map((end) => `${key}-${end}`));
  expect(there.length).toBe(1);
});

test('the database has the next commit before the last one is told of', async () => {
  const database = connect({ url });
  const busy: number[] = [];
  const groupCommit = new GroupCommit(database, {
    announce: false,
    onCommit: () => busy.push(database.pool.totalCount - database.pool.idleCount),
  });
  const ingest = new Ingest(database, new Catalogue(database), groupCommit, { pointsPerCallMax: 1_000 });
  const write = (t: number) =>
    ingest.ingest({
      createMissing: true,
      partial: false,
      note: null,
      idempotencyKey: null,
      columns: givenColumns([{ series: key, t, value: t, size: null }]),
    });
  await write(0);
  busy.length = 0;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('SELECT pg_advisory_lock(7421, 1)');
  const first = write(1);
  await until(async () => database.pool.totalCount > database.pool.idleCount);
  const second = write(2);
  await until(async () => groupCommit.waitingPoints > 0);
  await client.end();
  await Promise.all([first, second]);
  await groupCommit.drain();
  expect(busy).toEqual([1, 0]);
  await database.close();
});
