import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { type Answer, type GraphError, ingest } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';

export const t = Date.parse('2026-01-05T09:30:00Z');

/** The server of the test file that runs, with low limits and one point of a series X. */
export let server: TestServer;

/** The newest revision at the start of the test that runs. */
export let before: number;

/** Starts a server for the tests of a file. */
export function serveLimited(): void {
  beforeAll(async () => {
    server = await startServer({ pointsPerCallMax: 1_000, samplesMax: 1_000, candlesMax: 50, pageMax: 100 });
    await ingest(server.url, [{ series: 'X', t, value: 1 }]);
  });
  afterAll(() => server.stop());
  beforeEach(rememberRevision);
}

export async function rememberRevision(): Promise<void> {
  before = await server.revision();
}

/** Refused with these words and this place, by a request that was understood as one; and nothing was written. */
export async function expectRefused(
  answer: Answer<unknown>,
  wanted: { code?: string; path?: readonly (string | number)[] | undefined; words?: RegExp; status?: number },
): Promise<GraphError> {
  expect(answer.errors, JSON.stringify(answer.data)).toBeDefined();
  const [error] = answer.errors ?? [];
  const { extensions, message } = error;
  expect({ status: answer.status, code: extensions.code, inputPath: extensions.inputPath }, message).toEqual({
    status: wanted.status ?? 200,
    code: wanted.code ?? 'BAD_USER_INPUT',
    inputPath: wanted.path,
  });
  if (wanted.words) expect(message).toMatch(wanted.words);
  expect(message.length).toBeLessThan(600);
  expect(await server.revision(), 'nothing was written').toBe(before);
  return error;
}

export const ticksMutation = `mutation ($input: IngestTicksInput!) { ingestTicks(input: $input) { accepted duplicates revision rejected { index series reason } } }`;
export const columnsMutation = `mutation ($input: IngestColumnsInput!) { ingestColumns(input: $input) { accepted duplicates revision rejected { index series reason } } }`;
export const deleteMutation = `mutation ($input: DeleteTicksInput!) { deleteTicks(input: $input) { accepted revision } }`;
