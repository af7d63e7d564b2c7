import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type GraphError, gql, ingest, postBody } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** Requests that are wrong as requests: their bodies, their documents, their headers. */

const bodyBytesMax = 200_000;
const t = Date.parse('2026-01-05T09:30:00Z');

let server: TestServer;
let before: number;

beforeAll(async () => {
  server = await startServer({ bodyBytesMax });
  await ingest(server.url, [{ series: 'X', t, value: 1 }]);
});
afterAll(() => server.stop());
beforeEach(async () => {
  before = await server.revision();
});

async function expectHealthy(): Promise<void> {
  expect((await gql(server.url, '{ revision }')).data).toEqual({ revision: before });
  const origin = new URL(server.url).origin;
  expect((await fetch(`${origin}/readyz`)).status).toBe(200);
}

function codeOf(errors: readonly GraphError[] | undefined): string | undefined {
  return errors?.[0].extensions?.code;
}

const mutation = `mutation ($input: IngestTicksInput!) { ingestTicks(input: $input) { revision } }`;

/** A write that would succeed, padded to so many bytes. */
function paddedWrite(bytes: number): string {
  const body = JSON.stringify({ query: mutation, variables: { input: { ticks: [{ series: 'X', t, value: 2 }] } } });
  return body.padEnd(bytes, ' ');
}

describe('bodies', () => {
  it.each<[string, string, number]>([
    ['nothing', '', 400],
    ['broken JSON', '{"query": "{ revision }"', 400],
    ['no JSON at all', 'query { revision }', 400],
    ['a list', '[{"query": "{ revision }"}]', 400],
    ['null', 'null', 400],
    ['a number', '7', 400],
    ['a text', '"{ revision }"', 400],
    ['no query', '{}', 400],
    ['a query that is no text', '{"query": {"a": 1}}', 400],
    ['an operationName that is no text', '{"query": "{ revision }", "operationName": 7}', 400],
    ['variables that are a list', '{"query": "{ revision }", "variables": [1]}', 400],
    ['variables that are a text', '{"query": "{ revision }", "variables": "a"}', 400],
    ['NaN', '{"query": "{ revision }", "variables": {"a": NaN}}', 400],
    ['a byte that is no UTF-8 in place of a quote', '{\ufffdquery": "{ revision }"}', 400],
  ])('%s: %s is answered with a clear fault', async (_, body, status) => {
    const answer = await postBody(server.url, body);
    expect([answer.status, codeOf(answer.errors)]).toEqual([status, 'BAD_USER_INPUT']);
    expect(answer.errors?.[0].message.length).toBeGreaterThan(10);
    await expectHealthy();
  });

  it('nulls where something may be left out are as if it were', async () => {
    const body = JSON.stringify({ query: '{ revision }', variables: null, operationName: null, extensions: null });
    expect((await postBody(server.url, body)).data).toEqual({ revision: before });
  });

  it('a body of the largest size is taken', async () => {
    const answer = await postBody(server.url, paddedWrite(bodyBytesMax));
    expect(answer.errors).toBeUndefined();
    expect(await server.revision()).toBe(before + 1);
  });

  it('a body that announces more is refused with 413 before it is read', async () => {
    const answer = await postBody(server.url, paddedWrite(bodyBytesMax + 1));
    expect([answer.status, codeOf(answer.errors)]).toEqual([413, 'TOO_EXPENSIVE']);
    expect(answer.errors?.[0].message).toContain('BODY_MB_MAX');
    await expectHealthy();
  });

  it.each(['application/json', 'text/event-stream'])(
    'a body that goes on without having announced its length is refused with 413, whatever is accepted (%s)',
    async (accept) => {
      let sent = 0;
      let cancelled = false;
      const body = new ReadableStream({
        pull(controller) {
          sent += 50_000;
          if (sent > 100 * bodyBytesMax) controller.close();
          else controller.enqueue(new TextEncoder().encode(sent === 50_000 ? paddedWrite(50_000) : ' '.repeat(50_000)));
        },
        cancel() {
          cancelled = true;
        },
      });
      const answer = await postBody(server.url, body, { accept });
      expect([answer.status, codeOf(answer.errors)]).toEqual([413, 'TOO_EXPENSIVE']);
      expect(cancelled || sent < 100 * bodyBytesMax).toBe(true);
      await expectHealthy();
    },
  );

  it('a client that hangs up half-way through its body leaves nothing written', async () => {
    const body = paddedWrite(1_000);
    const head = `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    const cuts = [
      `${head}Content-Length: ${body.length}\r\n\r\n${body.slice(0, -1)}`,
      `${head}Content-Length: ${body.length}\r\n\r\n`,
      `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n`,
      `${head}Accept: text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, -1)}`,
      head.slice(0, 30),
    ];
    for (const cut of cuts) {
      const socket: Socket = connect(server.port, '127.0.0.1');
      await once(socket, 'connect');
      await new Promise<void>((resolve) => socket.write(cut, () => resolve()));
      const closed = once(socket, 'close');
      socket.resetAndDestroy();
      await closed;
    }
    // The same connection order is kept by asking last: the server has seen all of the above by then.
    await expectHealthy();
    expect(await server.revision()).toBe(before);
  });
});

describe('headers and methods', () => {
  const send = async (path: string, init: RequestInit) => {
    const response = await fetch(new URL(path, server.url), { redirect: 'manual', ...init });
    const text = await response.text();
    const code = text.startsWith('{') ? codeOf((JSON.parse(text) as { errors?: GraphError[] }).errors) : undefined;
    return { status: response.status, code, headers: response.headers, text };
  };
  const query = JSON.stringify({ query: '{ revision }' });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/graphql', ''])(
    'a POST of type %j is refused with 415: a page elsewhere can send it without asking first',
    async (type) => {
      const { status, code } = await send('/graphql', {
        method: 'POST',
        headers: { 'content-type': type },
        body: query,
      });
      expect([status, code]).toEqual([415, 'BAD_USER_INPUT']);
    },
  );

  it('a form is refused without one of the headers that no page elsewhere can send', async () => {
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    const { status, code } = await send('/graphql', { method: 'POST', headers, body: query });
    expect([status, code]).toEqual([403, 'FORBIDDEN']);
  });

  it.each(['application/json; charset=utf-8', 'Application/JSON'])('a POST of type %j is taken', async (type) => {
    const { status } = await send('/graphql', { method: 'POST', headers: { 'content-type': type }, body: query });
    expect(status).toBe(200);
  });

  it('paths that are not there are 404, / leads to /graphql, other methods are 405', async () => {
    expect(await send('/graphq', { method: 'GET' })).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    expect(await send('/graphql/more', { method: 'POST', body: query })).toMatchObject({ status: 404 });
    expect(await send('/../etc/passwd', { method: 'GET' })).toMatchObject({ status: 404 });
    const root = await send('/', { method: 'GET' });
    expect([root.status, root.headers.get('location')]).toEqual([302, '/graphql']);
    for (const method of ['PUT', 'DELETE', 'PATCH'])
      expect(await send('/graphql', { method, body: query })).toMatchObject({ status: 405, code: 'BAD_USER_INPUT' });
  });

  it('a query by GET is answered; a mutation by GET is refused and writes nothing', async () => {
    const get = (text: string, more = '') =>
      send(`/graphql?query=${encodeURIComponent(text)}${more}`, { headers: { accept: 'application/json' } });
    expect(JSON.parse((await get('{ revision }')).text)).toEqual({ data: { revision: before } });
    const refused = await get(
      `mutation { ingestTicks(input: { ticks: [{ series: "X", t: ${t}, value: 9 }] }) { revision } }`,
    );
    expect(refused.status).toBe(405);
    expect(await server.revision()).toBe(before);
  });

  it("whatever is wrong with a GET is the client's doing, never a 500", async () => {
    const tails = [
      '',
      '?query=',
      '?query=%7B',
      '?query={revision}&variables=nonsense',
      '?query={revision}&variables=[1]',
      '?variables={}',
      '?query={nope}',
      '?query=query($a:Int!){revision}',
      '?query=subscription{latest(series:["X"]){cursor}}',
      '?query=%E0%A4%A',
    ];
    for (const accept of ['application/json', 'application/graphql-response+json', '*/*'])
      for (const tail of tails) {
        const { status, text } = await send(`/graphql${tail}`, {
          headers: { accept },
          signal: AbortSignal.timeout(20_000),
        });
        expect(status, `${accept} ${tail}`).toBeGreaterThanOrEqual(200);
        expect(status, `${accept} ${tail}`).toBeLessThan(500);
        if (status === 200) expect(text).toContain('errors');
      }
  });

  it('application/graphql-response+json: 200 for what was executed, 400 for what was not', async () => {
    const modern = { accept: 'application/graphql-response+json' };
    const status = async (text: string, variables?: Record<string, unknown>) =>
      (await gql(server.url, text, variables, modern)).status;
    expect(await status('{ revision }')).toBe(200);
    expect(await status('{ series(key: "X") { last(asOf: 999999) { value } } }')).toBe(200);
    expect(await status('{ revision ')).toBe(400);
    expect(await status('{ nope }')).toBe(400);
    expect(await status('query ($a: Int!) { revision allSeries(first: $a) { nodes { key } } }')).toBe(400);
    expect(await status('')).toBe(400);
    const { headers } = await send('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...modern },
      body: query,
    });
    expect(headers.get('content-type')).toMatch(/^application\/graphql-response\+json/);
    const legacy = await gql(server.url, '{ nope }');
    expect(legacy.status).toBe(200);
  });

  it('a request that is no HTTP is answered with 400 and the connection closed', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.end('HELLO\r\n\r\n');
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toMatch(/^HTTP\/1.1 400/);
    await expectHealthy();
  });

  it('an Expect: 100-continue with too long a body is answered 413 without the body', async () => {
    const request = httpRequest({
      port: server.port,
      path: '/graphql',
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': bodyBytesMax + 1, expect: '100-continue' },
    });
    request.flushHeaders();
    const [response] = await once(request, 'response');
    expect(response.statusCode).toBe(413);
    response.resume();
    request.destroy();
    await expectHealthy();
  });
});

describe('documents', () => {
  const big = 65_000;
  const chain = (length: number, last: string) =>
    Array.from({ length }, (_, i) => `fragment F${i} on Query { ${i + 1 < length ? `...F${i + 1}` : last} }`).join(' ');

  it.each<[string, string, RegExp]>([
    [
      '60 kB of nested selections',
      `{ series(key: "X") ${'{ dependents '.repeat(5_000)}{ key }${' }'.repeat(5_000)} }`,
      /nested deeper/,
    ],
    ['60 kB of opening braces', '{'.repeat(big), /nested deeper/],
    ['60 kB of nested lists', `{ series(key: ${'['.repeat(big / 2)}${']'.repeat(big / 2)}) { key } }`, /nested deeper/],
    [
      '60 kB of nested objects',
      `{ series(key: ${'{a:'.repeat(10_000)}1${'}'.repeat(10_000)}) { key } }`,
      /nested deeper/,
    ],
    [
      '60 kB of nested list types',
      `query ($a: ${'['.repeat(big / 2)}Int${']'.repeat(big / 2)}) { revision }`,
      /nested deeper/,
    ],
    [
      '100,000 aliases',
      `{ ${Array.from({ length: 100_000 / 20 }, (_, i) => Array.from({ length: 20 }, (_, j) => `a${i}_${j}: revision`).join(' ')).join(' ')} }`.slice(
        0,
        190_000,
      ),
      /tokens|fields|Expected/,
    ],
    [
      '1,001 fields',
      `{ ${Array.from({ length: 1_001 }, (_, i) => `a${i}: revision`).join(' ')} }`,
      /1001 fields; at most 1000/,
    ],
    ['a fragment that spreads itself', 'query { ...A } fragment A on Query { revision ...A }', /itself/],
    [
      'fragments that spread each other',
      'query { ...A } fragment A on Query { ...B } fragment B on Query { revision ...A }',
      /itself/,
    ],
    [
      'a fragment bomb',
      `query { ...F0 } ${Array.from({ length: 25 }, (_, i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} ...F${i + 1} }`).join(' ')} fragment F25 on Query { revision }`,
      /fields; at most 1000/,
    ],
    ['a chain of 5,000 fragments', `query { ...F0 } ${chain(5_000, 'revision')}`, /definitions/],
    ['2,000 operations', Array.from({ length: 2_000 }, (_, i) => `query Q${i} { revision }`).join(' '), /definitions/],
    ['a field that is not there', '{ nope }', /Cannot query field "nope"/],
    ['an argument that is not there', '{ series(id: 1) { key } }', /Unknown argument/],
    [
      'a subscription of two fields',
      'subscription { a: latest(series: ["X"]) { cursor } b: latest(series: ["X"]) { cursor } }',
      /only|one/,
    ],
    ['nothing', '', /Unexpected <EOF>/],
    ['only a fragment', 'fragment A on Query { revision }', /never used|no operation/],
    ['a type definition', 'type Query { a: Int }', /not executable/],
    ['two operations and no name', 'query A { revision } query B { revision }', /operationName: A, B/],
    ['an unfinished text', '{ series(key: "X', /Unterminated/],
    ['a control character', '{ revision \u0007 }', /Invalid character|character/],
  ])('%s: refused, not executed, not a 500', async (_, query, words) => {
    const answer = await gql(server.url, query);
    expect(answer.status).toBe(200);
    expect(['BAD_USER_INPUT', 'TOO_EXPENSIVE']).toContain(codeOf(answer.errors));
    expect(answer.data).toBeUndefined();
    expect(answer.errors?.[0].message).toMatch(words);
    expect(JSON.stringify(answer.errors).length).toBeLessThan(20_000);
    await expectHealthy();
  });

  it('100,000 aliases in a body that holds them are refused for their tokens', async () => {
    const wide = await startServer({ databaseUrl: server.databaseUrl });
    try {
      const query = `{ ${Array.from({ length: 100_000 }, (_, i) => `a${i}: revision`).join(' ')} }`;
      const { status, errors } = await gql(wide.url, query);
      expect([status, codeOf(errors)]).toEqual([200, 'BAD_USER_INPUT']);
      expect(errors?.[0].message).toMatch(/100000 tokens/);
      const text = await gql(wide.url, `{ series(key: "${'k'.repeat(5_000_000)}") { key } }`);
      expect(text.data).toEqual({ series: null });
    } finally {
      await wide.stop();
    }
  });

  it('1,000 fields of one name with different arguments are told to conflict', async () => {
    const query = `{ ${Array.from({ length: 1_000 }, (_, i) => `a: series(key: "${i}") { key }`)
      .slice(0, 499)
      .join(' ')} }`;
    const { errors } = await gql(server.url, query);
    expect(codeOf(errors)).toBe('BAD_USER_INPUT');
    expect(errors?.length).toBeLessThanOrEqual(21);
  });

  it('introspection works, and knows the columns as lists', async () => {
    const { data } = await gql(
      server.url,
      '{ __type(name: "Samples") { fields { name type { kind ofType { kind } } } } }',
    );
    expect(JSON.stringify(data)).toContain('"name":"t","type":{"kind":"NON_NULL","ofType":{"kind":"LIST"}}');
  });

  it('introspection beside data answers both', async () => {
    await ingest(server.url, [{ series: 'X', t, value: 1, size: 2 }]);
    const query =
      '{ __typename series(key: "X") { __typename samples { __typename t value size } } ...F } fragment F on Query { __schema { queryType { name } } }';
    const { data, errors } = await gql(server.url, query);
    expect(errors).toBeUndefined();
    expect(data).toEqual({
      __typename: 'Query',
      series: { __typename: 'SourceSeries', samples: { __typename: 'Samples', t: [t], value: [1], size: [2] } },
      __schema: { queryType: { name: 'Query' } },
    });
  });

  it('samples read through a fragment at the top are the same', async () => {
    const query = 'query { ...F } fragment F on Query { series(key: "X") { samples { t value size } } }';
    const { data } = await gql(server.url, query);
    expect(data).toEqual({ series: { samples: { t: [t], value: [1], size: [2] } } });
  });

  it('a mutation beside __typename takes its columns and ticks', async () => {
    const query = `mutation { __typename ingestTicks(input: { ticks: [{ series: "X", t: ${t}, value: 4 }] }) { accepted }
      ingestColumns(input: { columns: [{ series: "X", t: [${t}], value: [5] }] }) { accepted } }`;
    const { data, errors } = await gql(server.url, query);
    expect(errors).toBeUndefined();
    expect(data).toMatchObject({
      __typename: 'Mutation',
      ingestTicks: { accepted: 1 },
      ingestColumns: { accepted: 1 },
    });
  });
});
