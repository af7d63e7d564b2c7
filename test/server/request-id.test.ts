import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ logLevel: 'debug' });
});
afterAll(() => server.stop());
afterEach(() => void vi.restoreAllMocks());

function logged(): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    lines.push(JSON.parse(String(text)));
    return true;
  });
  return lines;
}

async function ask(query: string, headers: Record<string, string> = {}): Promise<Response> {
  const response = await fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  await response.text();
  return response;
}

it('the lines that a request causes in the log bear the id that its answer bears', async () => {
  const lines = logged();
  vi.spyOn(server.app.catalogue, 'seriesByKeys').mockRejectedValue(new Error('broken on purpose'));
  const response = await ask('{ series(key: "X") { id } }');
  const requestId = response.headers.get('x-request-id');
  expect(requestId).toMatch(/^[\da-f-]{36}$/);
  await vi.waitFor(() => expect(lines.length).toBe(2));
  expect(lines).toEqual([
    expect.objectContaining({ level: 'error', requestId, err: expect.stringContaining('broken on purpose') }),
    expect.objectContaining({
      level: 'debug',
      msg: 'request',
      requestId,
      method: 'POST',
      url: '/graphql',
      status: 200,
    }),
  ]);
});

it("a proxy's id is taken, unless it would not fit on a line", async () => {
  const lines = logged();
  const taken = await ask('{ __typename }', { 'x-request-id': 'proxy-1:7' });
  expect(taken.headers.get('x-request-id')).toBe('proxy-1:7');
  const refused = await ask('{ __typename }', { 'x-request-id': 'a b' });
  expect(refused.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
  await vi.waitFor(() => expect(lines.length).toBe(2));
});
