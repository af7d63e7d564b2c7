import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeClientNamer } from '../../../src/server/client-limits.ts';
import { ask, gql } from '../../support/client.ts';
import { until } from '../../support/program.ts';
import { tus } from '../../support/uploads.ts';
import { change, idOf, put, type Scene, startScene } from './api-harness.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await startScene({ clientHeader: 'x-forwarded-user' });
});
afterAll(() => scene.stop());

const as = (name: string) => ({ 'x-forwarded-user': name });

interface Shown {
  readonly createdBy: string | null;
  readonly requests: readonly { readonly what: string; readonly by: string | null }[];
}

async function shown(id: string): Promise<Shown> {
  const query = 'query ($id: ID!) { import(id: $id) { createdBy requests { what by } } }';
  return (await ask<{ import: Shown }>(scene.url, query, { id })).import;
}

/** A request with headers as they are, byte for byte. Resolves with the answer. */
async function raw(headers: Buffer): Promise<string> {
  const query = 'mutation { createUpload(input: { filename: "a.csv", size: 100 }) { import { createdBy } } }';
  const body = JSON.stringify({ query });
  const socket = connect(scene.port, '127.0.0.1');
  const start = `POST /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n`;
  socket.write(Buffer.concat([Buffer.from(start), headers, Buffer.from(`\r\n\r\n${body}`)]));
  let text = '';
  socket.setEncoding('utf8').on('data', (part) => {
    text += part;
  });
  await once(socket, 'close');
  return text;
}

const header = (...values: (string | readonly number[])[]) =>
  Buffer.concat(
    values.flatMap((value, i) => [
      Buffer.from(`${i > 0 ? '\r\n' : ''}x-forwarded-user: `),
      typeof value === 'string' ? Buffer.from(value) : Buffer.from(value),
    ]),
  );

it.each([
  ['a name in UTF-8', header('Jürgen 東京 🎉'), 'Jürgen 東京 🎉'],
  ['a name whose last byte would be a space in Latin-1', header('Voilà'), 'Voilà'],
  ['a mark of UTF-8 alone', header([0xef, 0xbb, 0xbf]), '127.0.0.1'],
  ['what is no UTF-8 before the last name', header([0xff, 0x2c, 0x20, 0xc3, 0xbc]), 'ü'],
  ['bytes that are no UTF-8', header([0x61, 0xff, 0x80]), 'a\u00ff\u0080'],
  ['a header that comes twice', header('eve', 'ann'), 'ann'],
  ['a list', header('eve,ann'), 'ann'],
  ['an address with a port', header('203.0.113.7:5678'), '203.0.113.7'],
  ['an address of IPv6 with a port', header('[2001:db8::7]:5678'), '2001:db8::7'],
  ['an address of IPv6', header('2001:db8::7'), '2001:db8::7'],
  ['a name with a number', header('ann:5678'), 'ann:5678'],
  ['nothing', header(''), '127.0.0.1'],
  ['a list that ends with nothing', header('eve, '), '127.0.0.1'],
  ['10,000 characters', header('é'.repeat(5_000)), 'é'.repeat(200)],
])('%s names a client, or its address does', async (_, headers, name) => {
  const { data } = JSON.parse((await raw(headers)).split('\r\n\r\n')[1]) as {
    data: { createUpload: { import: { createdBy: string } } };
  };
  expect(data.createUpload.import.createdBy).toBe(name);
});

it.each([
  ['a character that no text can hold', header('a\0b'), 400],
  ['more than a header may hold', header('x'.repeat(20_000)), 431],
])('%s is refused', async (_, headers, status) => {
  expect(await raw(headers)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
});

it('an address of IPv4 is the same on a socket of IPv6', () => {
  const named = (remoteAddress: string) => makeClientNamer(undefined)({ socket: { remoteAddress } } as IncomingMessage);
  expect(['::ffff:10.0.0.7', '10.0.0.7', '::1', '2001:db8::ffff:1'].map(named)).toEqual([
    '10.0.0.7',
    '10.0.0.7',
    '::1',
    '2001:db8::ffff:1',
  ]);
});

it('who hangs up before the answer is noted all the same', async () => {
  const part = (name: string, text: string) =>
    `--x\r\ncontent-disposition: form-data; name="${name}"${name === '0' ? '; filename="left.csv"' : ''}\r\n\r\n${text}\r\n`;
  const query = 'mutation ($file: File!) { importFile(file: $file) { id } }';
  const operations = JSON.stringify({ query, variables: { file: null } });
  const body = `${part('operations', operations)}${part('map', '{"0":["variables.file"]}')}${part('0', 'series,t,value\nA,2026-01-05,1\n')}--x--\r\n`;
  const socket = connect(scene.port, '127.0.0.1');
  const start = `POST /graphql HTTP/1.1\r\nhost: localhost\r\ngraphql-preflight: 1\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: ${body.length}\r\n\r\n`;
  socket.write(start + body, () => socket.destroy());
  const noted = () =>
    scene.app.database.query<{ by: string }>(
      `SELECT by FROM import_requests JOIN imports ON import = imports.id WHERE filename = 'left.csv'`,
    );
  await until(async () => (await noted()).length > 0);
  expect(await noted()).toEqual([{ by: '127.0.0.1' }]);
});

it('a client of tus that may say only POST is noted for what it asks', async () => {
  const made = await tus(scene.port, 'POST', '/uploads', { 'upload-length': 10, ...as('emil') });
  const place = `/uploads/${String(made.headers.location).split('/').at(-1)}`;
  await tus(scene.port, 'POST', place, { 'x-http-method-override': 'DELETE', ...as('fay') });
  expect((await shown(String(made.headers['tidemark-import']))).requests).toEqual([
    { what: 'IMPORT', by: 'emil' },
    { what: 'CANCEL', by: 'fay' },
  ]);
});

it('who first asked something of an import that nobody is known to have made did not make it', async () => {
  const id = await put(scene, { status: 'DONE' });
  expect(await shown(idOf(id))).toEqual({ createdBy: null, requests: [] });
  await gql(scene.url, 'mutation ($id: ID!) { undoImport(id: $id) { id } }', { id: idOf(id) }, as('gus'));
  expect(await shown(idOf(id))).toEqual({ createdBy: null, requests: [{ what: 'UNDO', by: 'gus' }] });
});

it('one that is cancelled again and again before it ends was asked once', async () => {
  const id = await put(scene, { status: 'RUNNING' });
  for (const name of ['ann', 'bob', 'bob']) {
    const query = 'mutation ($id: ID!) { cancelImport(id: $id) { status } }';
    expect((await gql(scene.url, query, { id: idOf(id) }, as(name))).errors).toBe(undefined);
  }
  expect((await shown(idOf(id))).requests).toEqual([{ what: 'CANCEL', by: 'ann' }]);
});

it('an old import waits since it is to be taken back, one that came slowly since it is here', async () => {
  await scene.app.database.query(`UPDATE imports SET status = 'CANCELLED'`);
  const since = async () => {
    const asked = '{ health { imports { queuedSince } } }';
    const { health } = await ask<{ health: { imports: { queuedSince: string } } }>(scene.url, asked);
    return Date.parse(health.imports.queuedSince);
  };
  const begun = Date.now() - 60_000;
  const old = await put(scene, { status: 'DONE' });
  await change(scene, old, `created_at = now() - interval '1 year'`);
  await ask(scene.url, 'mutation ($id: ID!) { undoImport(id: $id) { id } }', { id: idOf(old) });
  expect(await since()).toBeGreaterThan(begun);
  const slow = await put(scene, { status: 'QUEUED', text: 'series,t,value\n' });
  await change(scene, slow, `created_at = now() - interval '3 days'`);
  expect(await since()).toBeGreaterThan(begun);
});
