import { expect, it } from 'vitest';
import { ask, gql, ingest, remove } from '../support/client.ts';
import { startServer } from '../support/server.ts';
import {
  define,
  derived,
  evaluated,
  live,
  put,
  type Reflected,
  type Samples,
  samples,
  second,
  serveDerived,
  server,
  t,
} from './derived-harness.ts';

serveDerived();

it('a series is defined, computed, and follows ticks, corrections and deletions: right after await: DERIVED', async () => {
  await put('A', [
    [0, 1],
    [1, 3],
    [2, 5],
  ]);
  const made = await define('A.mean', 'mean(A, 2p)', { name: 'Mean', unit: 'USD', tags: ['test'] });
  expect(made).toMatchObject({
    __typename: 'DerivedSeries',
    key: 'A.mean',
    formula: 'mean(A, 2p)',
    name: 'Mean',
    unit: 'USD',
    tags: ['test'],
  });
  await live('A.mean');
  const before = await samples('A.mean');
  const written = await put('A', [[3, 9]]);
  expect(written).toMatchObject({ settled: true });
  expect(written.derivedRevision).toBeGreaterThanOrEqual(written.revision);
  const appended = await samples('A.mean');
  expect(appended.value.slice(before.value.length)).toEqual([7]);
  await put('A', [[2, 7]]);
  expect((await samples('A.mean')).value).toEqual((await evaluated('mean(A, 2p)')).value);
  const deleted = await ask<{ deleteTicks: Reflected }>(
    server.url,
    'mutation ($input: DeleteTicksInput!) { deleteTicks(input: $input) { revision derivedRevision settled } }',
    { input: { series: 'A', at: [t + second], await: 'DERIVED' } },
  );
  expect(deleted.deleteTicks.settled).toBe(true);
  const after = await samples('A.mean');
  expect(after.t).not.toContain(t + second);
  expect(after.value).toEqual((await evaluated('mean(A, 2p)')).value);
  expect((await derived('A.mean')).pending).toEqual([]);
  expect(await samples('A.mean', before.revision)).toEqual(before);
  expect(await samples('A.mean', appended.revision)).toEqual(appended);
});

it('settledRevision and derivedRevision tell how far dependents are; what nothing hangs on is settled at once', async () => {
  const alone = await put('ALONE', [[0, 1]], 'STORED');
  expect(alone).toEqual({ revision: alone.revision, derivedRevision: alone.revision, settled: true });
  const { revision } = await put('A', [[10, 1]]);
  const { settledRevision, revision: newest } = await ask<{ settledRevision: number; revision: number }>(
    server.url,
    '{ settledRevision revision }',
  );
  expect(settledRevision).toBeGreaterThanOrEqual(revision);
  expect(settledRevision).toBeLessThanOrEqual(newest);
});

it('inputs and dependents name one another, also derived ones among them', async () => {
  await put('DEP', [[0, 1]]);
  await define('DEP.a', 'DEP + 1');
  await live('DEP.a');
  await define('DEP.b', 'DEP.a * 2 + DEP');
  await live('DEP.b');
  const { series } = await ask<{ series: { dependents: { key: string; __typename: string }[] } }>(
    server.url,
    '{ series(key: "DEP") { dependents { __typename key dependents { key } } } }',
  );
  expect([...series.dependents].sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual([
    { __typename: 'DerivedSeries', key: 'DEP.a', dependents: [{ key: 'DEP.b' }] },
    { __typename: 'DerivedSeries', key: 'DEP.b', dependents: [] },
  ]);
  expect((await derived('DEP.b')).inputs.map(({ key }) => key).sort()).toEqual(['DEP', 'DEP.a']);
  const refused = await gql(server.url, 'mutation { deleteSeries(key: "DEP") { id } }');
  expect(refused.errors?.[0]).toMatchObject({
    extensions: { code: 'CONFLICT', inputPath: ['key'], dependents: ['DEP.a', 'DEP.b'] },
  });
  for (const key of ['DEP.b', 'DEP.a', 'DEP'])
    await ask(server.url, 'mutation ($key: String!) { deleteSeries(key: $key) { id } }', { key });
  const gone = await gql<{ series: null }>(server.url, '{ series(key: "DEP.a") { key } }');
  expect(gone.data.series).toBeNull();
});

it('another formula answers from one revision on, with what hangs on it; older revisions are read as they were', async () => {
  await put('R', [
    [0, 1],
    [1, 2],
    [2, 4],
  ]);
  await define('R.x', 'R + 1');
  await live('R.x');
  await define('R.y', 'R.x * 10');
  await live('R.y');
  await put('R', [[3, 8]]);
  const [x, y] = [await samples('R.x'), await samples('R.y')];
  expect([x.value, y.value]).toEqual([
    [2, 3, 5, 9],
    [20, 30, 50, 90],
  ]);
  await define('R.x', 'R - 1');
  await live('R.x', 'R - 1');
  await put('R', [[4, 16]]);
  expect((await samples('R.x')).value).toEqual([0, 1, 3, 7, 15]);
  expect((await samples('R.y')).value).toEqual([0, 10, 30, 70, 150]);
  expect(await samples('R.x', x.revision)).toEqual(x);
  expect(await samples('R.y', y.revision)).toEqual(y);
  interface Answer {
    series: {
      formula: string;
      old: string;
      diff: { from: number; to: number }[];
      versions: { value: number | null; commit: { revision: number } }[];
      at: { value: number };
      last: { value: number };
      candles: { close: number }[];
      points: { nodes: { value: number }[] };
    };
  }
  const { series } = await ask<Answer>(
    server.url,
    `query ($asOf: Revision!, $t: Instant!) { series(key: "R.x") { diff(from: $asOf) { from to } versions(t: $t) { value commit { revision } }
      at(t: $t, asOf: $asOf) { value } last(asOf: $asOf) { value } candles(interval: "1h", asOf: $asOf) { close }
      points(asOf: $asOf) { nodes { value } } ... on DerivedSeries { formula old: formula(asOf: $asOf) } } }`,
    { asOf: x.revision, t: t + 2 * second },
  );
  expect(series).toMatchObject({
    formula: 'R - 1',
    old: 'R + 1',
    at: { value: 5 },
    last: { value: 9 },
    candles: [{ close: 9 }],
  });
  expect(series.points.nodes.map(({ value }) => value)).toEqual(x.value);
  expect(series.diff).toHaveLength(1);
  expect(series.versions.map(({ value }) => value)).toEqual([3, 5]);
  for (const { value, commit } of series.versions) {
    const read = await samples('R.x', commit.revision);
    expect(read.value[read.t.indexOf(t + 2 * second)]).toBe(value);
  }
});

it('a definition that would make a cycle is refused with its place', async () => {
  await put('C', [[0, 1]]);
  await define('C.a', 'C + 1');
  await live('C.a');
  await define('C.b', 'C.a + 1');
  await live('C.b');
  const { errors } = await gql(
    server.url,
    'mutation { defineSeries(input: { key: "C.a", formula: "C + 2 * C.b" }) { id } }',
  );
  expect(errors?.[0]).toMatchObject({
    extensions: {
      code: 'BAD_USER_INPUT',
      inputPath: ['input', 'formula'],
      formula: { line: 1, column: 9, length: 3 },
    },
  });
});

it('an unknown key is refused with those that were probably meant, also by evaluate', async () => {
  await put('BTC-USD', [[0, 1]]);
  const wanted = {
    extensions: {
      code: 'BAD_USER_INPUT',
      formula: { line: 1, column: 6, length: 7, suggestions: ['BTC-USD'] },
    },
  };
  const defined = await gql(
    server.url,
    'mutation { defineSeries(input: { key: "U", formula: "mean(BTC-UDS, 5m)" }) { id } }',
  );
  expect(defined.errors?.[0]).toMatchObject(wanted);
  expect(defined.errors?.[0].extensions.inputPath).toEqual(['input', 'formula']);
  const computed = await gql(server.url, '{ evaluate(formula: "mean(BTC-UDS, 5m)") { t } }');
  expect(computed.errors?.[0]).toMatchObject(wanted);
  expect(computed.errors?.[0].extensions.inputPath).toEqual(['formula']);
  const wrong = await gql(server.url, '{ evaluate(formula: "mean(BTC-USD, 5)") { t } }');
  expect(wrong.errors?.[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT', inputPath: ['formula'] } });
  expect(wrong.errors?.[0].extensions.formula).toMatchObject({ line: 1, column: 15, length: 1 });
});

it('a hyphen between two series is read as a part of a key: their difference is suggested, also for the key itself', async () => {
  await put('L1', [[0, 1]]);
  await put('L2', [[0, 1]]);
  const place = { line: 1, column: 5, length: 5, suggestions: ['L1 - L2'] };
  const defined = await gql(server.url, 'mutation { defineSeries(input: { key: "L", formula: "2 * L1-L2" }) { id } }');
  expect(defined.errors?.[0]).toMatchObject({
    message: expect.stringContaining('there is no series L1-L2; did you mean L1 - L2'),
    extensions: { code: 'BAD_USER_INPUT', inputPath: ['input', 'formula'], formula: place },
  });
  const itself = await gql(
    server.url,
    'mutation { defineSeries(input: { key: "L1-L2", formula: "2 * L1-L2" }) { id } }',
  );
  expect(itself.errors?.[0]).toMatchObject({
    message: expect.stringContaining("'L1-L2' would read itself; did you mean L1 - L2?"),
    extensions: { formula: place },
  });
  const computed = await gql(server.url, '{ evaluate(formula: "2 * L1-L2") { t } }');
  expect(computed.errors?.[0]).toMatchObject({ extensions: { inputPath: ['formula'], formula: place } });
});

it('what can never have a value is refused with its place, by evaluate too', async () => {
  await put('NV', [[0, 1]]);
  const told = {
    message: 'line 1, column 6: this part never has a value: division by zero',
    extensions: { code: 'BAD_USER_INPUT', formula: { line: 1, column: 6, length: 6 } },
  };
  const defined = await gql(
    server.url,
    'mutation { defineSeries(input: { key: "NV.d", formula: "2 + (NV / 0)" }) { id } }',
  );
  expect(defined.errors?.[0]).toMatchObject(told);
  expect(defined.errors?.[0].extensions.inputPath).toEqual(['input', 'formula']);
  const computed = await gql(server.url, '{ evaluate(formula: "2 + (NV / 0)") { t } }');
  expect(computed.errors?.[0]).toMatchObject(told);
});

it('nobody writes into a derived series, nor takes its key', async () => {
  await put('W', [[0, 1]]);
  await define('W.d', 'W + 1');
  await live('W.d');
  const ticks =
    'mutation ($input: IngestTicksInput!) { ingestTicks(input: $input) { accepted rejected { index reason } } }';
  const given = [
    { series: 'W', t, value: 2 },
    { series: 'W.d', t, value: 2 },
  ];
  for (const createMissing of [true, false]) {
    const { errors } = await gql(server.url, ticks, { input: { ticks: given, createMissing } });
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT', rejected: [{ index: 1 }] } });
    expect(errors?.[0].message).toMatch(/'W.d' is a derived series/);
  }
  const { ingestTicks } = await ask<{ ingestTicks: object }>(server.url, ticks, {
    input: { ticks: given, partial: true },
  });
  expect(ingestTicks).toMatchObject({
    accepted: 1,
    rejected: [{ index: 1, reason: expect.stringMatching(/derived/) }],
  });
  const columns = await gql(
    server.url,
    'mutation ($input: IngestColumnsInput!) { ingestColumns(input: $input) { accepted } }',
    { input: { columns: [{ series: 'W.d', t: [t], value: [1] }] } },
  );
  expect(columns.errors?.[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
  for (const mutation of [
    `deleteTicks(input: { series: "W.d", from: ${t}, to: ${t + 1} }) { accepted }`,
    'createSeries(input: { key: "W.d" }) { id }',
    'defineSeries(input: { key: "W", formula: "W.d + 1" }) { id }',
  ]) {
    const { errors } = await gql(server.url, `mutation { ${mutation} }`);
    expect(errors?.[0], mutation).toMatchObject({ extensions: { code: 'CONFLICT' } });
  }
  expect((await samples('W.d')).value).toEqual([3]);
});

it('health lists what catches up, and lags until workers have followed', async () => {
  await put('A', [[20, 2]]);
  const { health } = await ask<{ health: { recompute: Record<string, unknown> } }>(
    server.url,
    '{ health { recompute { settledRevision lagRevisions lagSeconds failed { key problem } catchingUp { key progress } } } }',
  );
  expect(health.recompute).toMatchObject({ failed: [], catchingUp: [], lagRevisions: 0, lagSeconds: 0 });
});

it('without a worker a new series is CATCHING_UP and empty, and await: DERIVED of others does not wait for it', async () => {
  const lonely = await startServer();
  try {
    await ingest(lonely.url, [{ series: 'L', t, value: 1 }]);
    await ask(lonely.url, 'mutation { defineSeries(input: { key: "L.d", formula: "L + 1" }) { id } }');
    interface Answer {
      series: { status: string; progress: number; last: null; samples: Samples; pending: object[] };
    }
    const { series } = await ask<Answer>(
      lonely.url,
      '{ series(key: "L.d") { last { t } samples { t value revision } ... on DerivedSeries { status progress pending { from to } } } }',
    );
    expect(series).toMatchObject({
      status: 'CATCHING_UP',
      progress: 0,
      last: null,
      pending: [{ from: null, to: null }],
    });
    expect(series.samples.t).toEqual([]);
    const { errors } = await gql(lonely.url, '{ evaluate(formula: "L.d * 2") { t } }');
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'UNAVAILABLE' } });
    const { ingestTicks } = await ask<{ ingestTicks: Reflected }>(
      lonely.url,
      `mutation { ingestTicks(input: { await: DERIVED, ticks: [{ series: "L", t: ${t}, value: 2 }] }) { settled revision derivedRevision } }`,
    );
    expect(ingestTicks.settled).toBe(true);
    const deleted = await remove(lonely.url, { series: 'L', at: [t] });
    expect(deleted.accepted).toBe(1);
  } finally {
    await lonely.stop();
  }
});
