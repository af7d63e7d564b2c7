import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { buildSchema, type DocumentNode, execute, getOperationAST, type OperationDefinitionNode, parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ReceivedFile } from '../../src/imports/upload-receiver.ts';
import type { Request } from '../../src/schema/documents.ts';
import { nobody } from '../../src/schema/operation-reads.ts';
import { sendFault } from '../../src/server/graphql-requests.ts';
import { answerMultipart } from '../../src/server/multipart.ts';
import { BodyFault } from '../../src/server/request-body.ts';
import { scratch, until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { filesIn, importsOf, plainInput, sha256, someBytes, stored } from '../support/uploads.ts';

const { folder, remove } = scratch();
const uploads = join(folder, 'uploads');
const bodyBytesMax = 1_000_000;
let server: TestServer;
let http: Server;
let port: number;

/** Executes a schema of its own, with one mutation that makes an import of a file. */
function executor() {
  const schema = buildSchema(
    'scalar File type Query { a: Int } type Mutation { importFile(file: File!, note: String): Int! sizeOf(file: File!): Int! }',
  );
  const rootValue = {
    importFile: ({ file, note }: { file: ReceivedFile; note?: string }) =>
      server.app.arrival.fromFile(file, { ...plainInput, note }),
    sizeOf: ({ file }: { file: unknown }) => (file instanceof ReceivedFile ? file.size : -1),
  };
  return {
    operationOf: ({ query }: Request) => {
      const document = parse(query);
      return { document, operation: getOperationAST(document) as OperationDefinitionNode };
    },
    execute: async (
      document: DocumentNode,
      _: OperationDefinitionNode,
      variableValues: Readonly<Record<string, unknown>> | null | undefined,
    ) => execute({ schema, document, rootValue, variableValues }),
    context: () => ({ app: server.app, caller: nobody, operation: undefined as never }),
  };
}

beforeAll(async () => {
  server = await startServer({ uploads, bodyBytesMax });
  http = createServer(async (request, response) => {
    try {
      const { bytes } = server.app.arrival;
      await answerMultipart(executor(), { bytes, bodyBytesMax }, request, response, nobody);
    } catch (error) {
      response.setHeader('connection', 'close');
      if (error instanceof BodyFault) sendFault(response, error.status, error);
      else response.writeHead(500).end(String(error));
      request.resume();
    }
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address();
  port = typeof address === 'object' && address ? address.port : 0;
});
afterAll(async () => {
  http?.closeAllConnections();
  http?.close();
  await server?.stop();
  remove();
});

const query = 'mutation ($file: File!) { importFile(file: $file) }';
const operations = JSON.stringify({ query, variables: { file: null } });
const map = '{"0":["variables.file"]}';
const csv = 't,value\n2026-01-05T09:30:00Z,1.5\n';

type Part = readonly [name: string, value: string | Uint8Array<ArrayBuffer>, filename?: string];

function formOf(...parts: Part[]): FormData {
  const form = new FormData();
  for (const [name, value, filename] of parts) {
    if (filename === undefined) form.append(name, String(value));
    else form.append(name, new Blob([value]), filename);
  }
  return form;
}

async function send(body: BodyInit, headers: Record<string, string> = { 'graphql-preflight': '1' }, to = port) {
  const response = await fetch(`http://127.0.0.1:${to}/graphql`, { method: 'POST', body, headers });
  const text = await response.text();
  const { data, errors } = JSON.parse(text) as { data?: Record<string, number>; errors?: { message: string }[] };
  return { status: response.status, data, message: errors?.[0].message };
}

describe('a file in a request', () => {
  it('becomes an import, once however often it is sent', async () => {
    const before = filesIn(uploads).length;
    const form = () => formOf(['operations', operations], ['map', map], ['0', csv, '../Preise für März.csv']);
    const { status, data } = await send(form());
    expect(status).toBe(200);
    const made = (await importsOf(server.app)).find(({ id }) => id === data?.importFile);
    expect(made).toMatchObject({ status: 'QUEUED' });
    expect(stored(uploads, made?.upload ?? '').toString()).toBe(csv);
    expect(await server.app.arrival.upload(made?.upload ?? '')).toMatchObject({
      filename: 'Preise für März.csv',
      size: csv.length,
      sha256: sha256(csv),
      isComplete: true,
    });
    expect((await send(form())).data).toEqual(data);
    expect(filesIn(uploads).length).toBe(before + 1);
  });

  it('is streamed whole: as many bytes as the request may hold', async () => {
    const bytes = someBytes(900_000);
    const { data } = await send(
      formOf(['operations', operations], ['map', map], ['0', new Uint8Array(bytes), 'a.bin']),
    );
    const made = (await importsOf(server.app)).find(({ id }) => id === data?.importFile);
    expect(stored(uploads, made?.upload ?? '').equals(bytes)).toBe(true);
  });

  it('goes again when no import was made of it', async () => {
    const before = filesIn(uploads);
    const asked = JSON.stringify({ query: query.replaceAll('importFile', 'sizeOf'), variables: { file: null } });
    expect((await send(formOf(['operations', asked], ['map', map], ['0', csv, 'a.csv']))).data).toEqual({
      sizeOf: csv.length,
    });
    expect(filesIn(uploads)).toEqual(before);
  });

  it('needs a header that no form can send', async () => {
    const form = () => formOf(['operations', operations], ['map', map], ['0', csv, 'a.csv']);
    for (const headers of [{}, { 'graphql-preflight': '' }, { 'x-other': '1' }] as Record<string, string>[]) {
      const { status, message } = await send(form(), headers);
      expect(status).toBe(403);
      expect(message).toMatch(/x-graphql-yoga-csrf, apollo-require-preflight, graphql-preflight/);
    }
    for (const name of ['x-graphql-yoga-csrf', 'apollo-require-preflight', 'graphql-preflight'])
      expect((await send(form(), { [name]: 'x' })).status).toBe(200);
  });

  it('is taken by the server itself at /graphql', async () => {
    const asked = JSON.stringify({
      query: 'query ($file: Int) { revision series(key: "A") { at(t: $file) { t } } }',
      variables: { file: null },
    });
    const { status, message } = await send(
      formOf(['operations', asked], ['map', map], ['0', csv, 'a.csv']),
      { 'graphql-preflight': '1' },
      server.port,
    );
    expect(status).toBe(200);
    expect(message).toContain('$file');
    expect((await send(formOf(['operations', asked]), {}, server.port)).status).toBe(403);
  });
});

describe('what is wrong', () => {
  const file: Part = ['0', csv, 'a.csv'];
  const big = 'x'.repeat(1_000_001);
  const cases: [string, FormData, number, RegExp][] = [
    ['no operations', formOf(['map', map], file), 400, /send operations, then map/],
    ['no map', formOf(['operations', operations], file), 400, /behind operations and map/],
    ['no file', formOf(['operations', operations], ['map', map]), 400, /no file '0'/],
    [
      'a text where the file should be',
      formOf(['operations', operations], ['map', map], ['0', 'abc']),
      400,
      /'0' is a text: a file needs a filename/,
    ],
    [
      'two files',
      formOf(['operations', operations], ['map', map], file, ['1', csv, 'b.csv']),
      400,
      /more than one file/,
    ],
    ['the same file twice', formOf(['operations', operations], ['map', map], file, file), 400, /more than one file/],
    [
      'a field behind the file',
      formOf(['operations', operations], ['map', map], file, ['x', 'y']),
      400,
      /last part|more than its/,
    ],
    ['operations behind the file', formOf(['map', map], file, ['operations', operations]), 400, /send operations/],
    [
      'a file that the map does not name',
      formOf(['operations', operations], ['map', map], ['7', csv, 'a.csv']),
      400,
      /does not name the file '7'/,
    ],
    ['operations that are not JSON', formOf(['operations', '{'], ['map', map], file), 400, /not JSON/],
    ['a list of operations', formOf(['operations', `[${operations}]`], ['map', map], file), 400, /one operation/],
    ['a map that is not JSON', formOf(['operations', operations], ['map', 'x'], file), 400, /not JSON/],
    ['a map that is a list', formOf(['operations', operations], ['map', '[]'], file), 400, /JSON object such as/],
    ['a map of nothing', formOf(['operations', operations], ['map', '{}'], file), 400, /name one file/],
    [
      'a map of two',
      formOf(['operations', operations], ['map', '{"0":["variables.file"],"1":["variables.b"]}'], file),
      400,
      /name one file/,
    ],
    [
      'a map to no place',
      formOf(['operations', operations], ['map', '{"0":["variables.nothing"]}'], file),
      400,
      /do not have/,
    ],
    ['a map to the query', formOf(['operations', operations], ['map', '{"0":["query"]}'], file), 400, /do not have/],
    [
      'a map to the prototype',
      formOf(['operations', operations], ['map', '{"0":["variables.__proto__.polluted"]}'], file),
      400,
      /do not have/,
    ],
    [
      'a map to the constructor',
      formOf(['operations', operations], ['map', '{"0":["variables.constructor.prototype"]}'], file),
      400,
      /do not have/,
    ],
    [
      'a place that is not null',
      formOf(['operations', JSON.stringify({ query, variables: { file: 1 } })], ['map', map], file),
      400,
      /must be null/,
    ],
    [
      'a file that is too large',
      formOf(['operations', operations], ['map', map], ['0', big, 'a.csv']),
      413,
      /BODY_MB_MAX.*createUpload.*tus/,
    ],
    [
      'a thousand fields',
      formOf(...Array.from({ length: 1_000 }, (_, i): Part => [`f${i}`, 'x'])),
      400,
      /not expected/,
    ],
    [
      'a thousand files',
      formOf(
        ['operations', operations],
        ['map', map],
        ...Array.from({ length: 1_000 }, (_, i): Part => [String(i), 'x', 'a']),
      ),
      400,
      /more than/,
    ],
  ];

  it.each(cases)('%s', async (_, form, status, said) => {
    const before = filesIn(uploads);
    const answer = await send(form);
    expect(answer.message).toMatch(said);
    expect(answer.status).toBe(status);
    await until(() => filesIn(uploads).length === before.length);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  const boundary = 'b0und';
  const type = `multipart/form-data; boundary=${boundary}`;
  const part = (name: string, value: string, more = '') =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
  const begun = part('operations', operations) + part('map', map);

  it.each([
    [
      'the form ends within the file',
      `${begun}--${boundary}\r\ncontent-disposition: form-data; name="0"; filename="a"\r\n\r\nabc`,
    ],
    ['the form ends before the file', begun],
    ['the form is empty', ''],
    ['there is no form at all', 'just text'],
    ['a header without an end', `--${boundary}\r\ncontent-disposition: ${'x'.repeat(100_000)}`],
  ])('%s', async (_, body) => {
    const before = filesIn(uploads);
    const answer = await send(body, { 'graphql-preflight': '1', 'content-type': type });
    expect(answer.status).toBe(400);
    expect(answer.message).toBeTruthy();
    await until(() => filesIn(uploads).length === before.length);
  });

  it('a form without a boundary', async () => {
    const answer = await send('x', { 'graphql-preflight': '1', 'content-type': 'multipart/form-data' });
    expect(answer).toMatchObject({ status: 400, message: expect.stringContaining('oundary') });
  });

  it('a body without a length that never ends is cut at the limit', async () => {
    const before = filesIn(uploads);
    const head = `POST /graphql HTTP/1.1\r\nhost: localhost\r\ngraphql-preflight: 1\r\ncontent-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n`;
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes.toString();
    });
    socket.write(head + chunk(begun + part('0', '', '; filename="a"').slice(0, -2)));
    // A bit more than the limit; the end of the body never comes.
    for (let sent = 0; sent <= bodyBytesMax; sent += 50_000) socket.write(chunk('x'.repeat(50_000)));
    await until(() => answer.includes('createUpload'));
    socket.destroy();
    expect(answer).toMatch(/^HTTP\/1.1 413/);
    await until(() => filesIn(uploads).length === before.length);
  });

  it('a client that goes away within the file leaves nothing', async () => {
    const before = filesIn(uploads);
    const head = `POST /graphql HTTP/1.1\r\nhost: localhost\r\ngraphql-preflight: 1\r\ncontent-type: ${type}\r\ncontent-length: 900000\r\n\r\n`;
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `${head + begun}--${boundary}\r\ncontent-disposition: form-data; name="0"; filename="a"\r\n\r\n${'x'.repeat(100_000)}`,
    );
    await until(() => filesIn(uploads).length === before.length + 1);
    socket.destroy();
    await until(() => filesIn(uploads).length === before.length);
  });
});
