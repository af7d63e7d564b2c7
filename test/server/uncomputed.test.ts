import { afterAll, beforeAll, expect, it } from 'vitest';
import { failing, withFailingOperator } from '../recompute/failing-operator.ts';
import { openRecomputeHarness, type RecomputeHarness } from '../recompute/recompute-harness.ts';
import { ask, gql, ingest } from '../support/client.ts';
import { createDatabase } from '../support/database.ts';
import { defineAt } from '../support/define.ts';
import { until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';

const t = Date.parse('2026-01-05T09:30:00Z');

let server: TestServer;
let world: RecomputeHarness;
let drop: () => Promise<void>;

withFailingOperator();

/** No worker runs, unless a test starts one. */
beforeAll(async () => {
  const created = await createDatabase();
  drop = created.drop;
  server = await startServer({ databaseUrl: created.url });
  world = await openRecomputeHarness(created.url);
  await ingest(server.url, [{ series: 'A', t, value: 1 }]);
});
afterAll(async () => {
  await server.stop();
  await world.stop();
  await drop();
});

async function withWorker(run: () => Promise<void>): Promise<void> {
  const worker = await world.startWorker({ log: () => undefined });
  try {
    await run();
  } finally {
    await worker.stop();
  }
}

const revision = () => server.revision();

async function define(key: string, formula: string): Promise<void> {
  const document = 'mutation ($input: DefineSeriesInput!) { defineSeries(input: $input) { id } }';
  await ask(server.url, document, { input: { key, formula } });
}

async function evaluated(formula: string, asOf?: number) {
  const document = 'query ($formula: String!, $asOf: Revision) { evaluate(formula: $formula, asOf: $asOf) { value } }';
  const { data, errors } = await gql<{ evaluate: { value: number[] } } | null>(server.url, document, { formula, asOf });
  return { value: data?.evaluate.value, error: errors?.[0] };
}

it('evaluate over a series that is computed for the first time is UNAVAILABLE, names it, and says what to do', async () => {
  const before = await revision();
  await define('NEW', 'A + 1');
  const { error } = await evaluated('A + 2 *\n NEW');
  expect(error).toEqual({
    message:
      "line 2, column 2: 'NEW' has no points yet, because its first computation is not done (status CATCHING_UP): wait until its status is LIVE, or define it with await: DERIVED",
    path: ['evaluate'],
    locations: expect.anything(),
    extensions: {
      code: 'UNAVAILABLE',
      inputPath: ['formula'],
      formula: { line: 2, column: 2, length: 3, expected: ['a series whose status is LIVE'], suggestions: [] },
    },
  });
  expect((await evaluated('NEW', await revision())).error?.extensions.code).toBe('UNAVAILABLE');
  expect(await evaluated('NEW', before), 'it did not exist, and held nothing').toMatchObject({ value: [] });
  const whileBuilding = await revision();
  await withWorker(() => defineAt(server.url, 'NEW', 'A + 1'));
  expect(await evaluated('NEW')).toMatchObject({ value: [2] });
  expect(await evaluated('NEW', whileBuilding), 'nothing answered at that revision').toMatchObject({ value: [] });
});

it('a series that is being redefined answers with its old formula', async () => {
  await withWorker(() => defineAt(server.url, 'AGAIN', 'A * 10'));
  await define('AGAIN', 'A * 20');
  expect(await evaluated('AGAIN + 1')).toMatchObject({ value: [11] });
});

it('evaluate over a series whose first computation failed is UNAVAILABLE, and says why it failed', async () => {
  failing.throws = true;
  await withWorker(async () => {
    await define('BROKEN', 'fragile(A)');
    await until(() => failing.thrown > 0);
    const { error } = await untilFailed();
    expect(error?.extensions).toMatchObject({ code: 'UNAVAILABLE', formula: { line: 1, column: 1, length: 6 } });
    expect(error?.message).toBe(
      "line 1, column 1: 'BROKEN' has no points, because its first computation failed (status FAILED): it broke. The worker tries again; wait until its status is LIVE, or define it with another formula",
    );
  });
});

/** The failure is noted a moment after it happened. */
async function untilFailed() {
  let answer = await evaluated('BROKEN');
  await until(async () => {
    answer = await evaluated('BROKEN');
    return answer.error?.message.includes('FAILED') ?? false;
  });
  return answer;
}
