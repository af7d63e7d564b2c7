import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { Bell } from '../../../src/bell/bell.ts';
import { ImportControl } from '../../../src/imports/import-control.ts';
import { ask, gql, serverSent } from '../../support/client.ts';
import { until } from '../../support/program.ts';
import { tus } from '../../support/uploads.ts';
import { change, idOf, put, type Scene, startScene } from './api-harness.ts';

let scene: Scene;
let direct: Scene;

beforeAll(async () => {
  [scene, direct] = await Promise.all([startScene({ clientHeader: 'x-forwarded-user' }), startScene()]);
});
afterAll(() => Promise.all([scene.stop(), direct.stop()]));

const as = (name: string) => ({ 'x-forwarded-user': name });

const uploading = `mutation { createUpload(input: { filename: "a.csv", size: 100 }) { import { id createdBy } } }`;

interface Uploading {
  readonly createUpload: { readonly import: { readonly id: string; readonly createdBy: string | null } };
}

async function requestsOf({ url }: Scene, id: string) {
  const { import: found } = await ask<{
    import: { createdBy: string | null; requests: { what: string; at: string; by: string | null }[] };
  }>(url, 'query ($id: ID!) { import(id: $id) { createdBy requests { what at by } } }', { id });
  const times = found.requests.map(({ at }) => Date.parse(at));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  for (const at of times) expect(Math.abs(at - Date.now())).toBeLessThan(60_000);
  expect(found.createdBy).toBe(found.requests[0]?.by ?? null);
  return found.requests.map(({ what, by }) => [what, by]);
}

async function multipart({ url }: Scene, headers: Record<string, string>): Promise<string> {
  const query = 'mutation ($file: File!) { importFile(file: $file) { id } }';
  const form = new FormData();
  form.set('operations', JSON.stringify({ query, variables: { file: null } }));
  form.set('map', '{"0": ["variables.file"]}');
  form.set('0', new Blob([`series,t,value\nA,${Math.random()},1\n`]), 'a.csv');
  const response = await fetch(url, { method: 'POST', headers: { 'graphql-preflight': '1', ...headers }, body: form });
  return ((await response.json()) as { data: { importFile: { id: string } } }).data.importFile.id;
}

it('what was asked of an import is told: by whom and when, over whatever it came', async () => {
  const { url, port } = scene;
  const { data } = await gql<Uploading>(url, uploading, undefined, as('ann'));
  const { id, createdBy } = data.createUpload.import;
  expect(createdBy).toBe('ann');
  const number = Number(Buffer.from(id, 'base64url').toString().split(':')[1]);

  await change(scene, number, `status = 'PREVIEWED'`);
  const socket = createClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: class extends WebSocket {
      constructor(address: string | URL, protocols?: string | string[]) {
        super(address, protocols, { headers: as('bob') });
      }
    },
  });
  const again = `mutation ($id: ID!) { commitImport(id: $id, input: { previewOnly: true }) { status } }`;
  for await (const { errors } of socket.iterate({ query: again, variables: { id } })) expect(errors).toBe(undefined);
  await socket.dispose();

  await change(scene, number, `status = 'PREVIEWED'`);
  const commit = 'mutation ($id: ID!) { commitImport(id: $id) { status } }';
  // By way of yoga.
  await gql(url, commit, { id }, { ...as('eve, cid'), accept: 'multipart/mixed, application/json' });
  await change(scene, number, `status = 'DONE'`);
  const undo = 'mutation ($id: ID!) { undoImport(id: $id) { status } }';
  const ended = new AbortController();
  for await (const { errors } of serverSent(url, undo, { id }, ended.signal)) expect(errors).toBe(undefined);
  expect(await gql(url, undo, { id }, as('nobody is noted for what is refused'))).toMatchObject({
    errors: [{ extensions: { code: 'CONFLICT' } }],
  });
  expect(await requestsOf(scene, id)).toEqual([
    ['IMPORT', 'ann'],
    ['PREVIEW', 'bob'],
    ['COMMIT', 'cid'],
    ['UNDO', '127.0.0.1'],
  ]);
  const first = '{ requests(first: 1) { what } }';
  expect(await ask(url, `query ($id: ID!) { import(id: $id) ${first} }`, { id })).toEqual({
    import: { requests: [{ what: 'IMPORT' }] },
  });

  expect(await requestsOf(scene, await multipart(scene, as('dora')))).toEqual([['IMPORT', 'dora']]);

  const made = await tus(port, 'POST', '/uploads', { 'upload-length': 10, ...as('emil') });
  const sent = String(made.headers['tidemark-import']);
  await tus(port, 'DELETE', `/uploads/${String(made.headers.location).split('/').at(-1)}`, as('fay'));
  expect(await requestsOf(scene, sent)).toEqual([
    ['IMPORT', 'emil'],
    ['CANCEL', 'fay'],
  ]);

  const cancel = 'mutation ($id: ID!) { cancelImport(id: $id) { status } }';
  const { data: other } = await gql<Uploading>(url, uploading, undefined, as(`${'x'.repeat(300)}`));
  await gql(url, cancel, { id: other.createUpload.import.id }, as('gus'));
  expect(await requestsOf(scene, other.createUpload.import.id)).toEqual([
    ['IMPORT', 'x'.repeat(200)],
    ['CANCEL', 'gus'],
  ]);
});

it('without a header that says so a client is its address, whatever it claims', async () => {
  const { data } = await gql<Uploading>(direct.url, uploading, undefined, as('ann'));
  expect(data.createUpload.import.createdBy).toBe('127.0.0.1');
  expect(await requestsOf(direct, await multipart(direct, as('ann')))).toEqual([['IMPORT', '127.0.0.1']]);
});

it('one that shows what became of another tells who asked for it, and what was asked of the other', async () => {
  const ids = await Promise.all(
    ['ann', 'bob'].map(async (name) => {
      const { data } = await gql<Uploading>(scene.url, uploading, undefined, as(name));
      return data.createUpload.import.id;
    }),
  );
  const [work, same] = ids.map((id) => Number(Buffer.from(id, 'base64url').toString().split(':')[1]));
  await change(scene, work, `status = 'DONE'`);
  await change(scene, same, `status = 'DONE', same_as = ${work}`);
  await gql(scene.url, 'mutation ($id: ID!) { undoImport(id: $id) { status } }', { id: ids[1] }, as('cid'));
  const { import: found } = await ask<{ import: { createdBy: string; requests: { what: string; by: string }[] } }>(
    scene.url,
    'query ($id: ID!) { import(id: $id) { createdBy requests { what by } } }',
    { id: ids[1] },
  );
  expect(found.createdBy).toBe('bob');
  expect(new Set(found.requests.map(({ what, by }) => `${what} ${by}`))).toEqual(
    new Set(['IMPORT ann', 'IMPORT bob', 'UNDO cid']),
  );
});

it('health tells how many wait and are worked on', async () => {
  const asked = '{ health { imports { queued running queuedSince } } }';
  await direct.app.database.query(`UPDATE imports SET status = 'CANCELLED'`);
  expect(await ask(direct.url, asked)).toEqual({ health: { imports: { queued: 0, running: 0, queuedSince: null } } });
  await put(direct, { status: 'RUNNING' });
  const oldest = await put(direct, { status: 'QUEUED' });
  await put(direct, { status: 'QUEUED' });
  await put(direct, { status: 'UPLOADING' });
  const { import: found } = await ask<{ import: { createdAt: string } }>(
    direct.url,
    'query ($id: ID!) { import(id: $id) { createdAt } }',
    { id: idOf(oldest) },
  );
  expect(await ask(direct.url, asked)).toEqual({
    health: { imports: { queued: 2, running: 1, queuedSince: found.createdAt } },
  });
});

it('one that waited for one that is cancelled is worked on at once', async () => {
  const named = (series: string) => ({ columns: [{ role: 'VALUE', series, name: 'value' }], problem: null });
  const both = { columns: ['X', 'Y'].map((series) => ({ role: 'VALUE', series, name: series })), problem: null };
  await scene.app.database.query(`UPDATE imports SET status = 'CANCELLED' WHERE status = 'QUEUED'`);
  const running = await put(scene, { status: 'RUNNING', plan: named('X') });
  const between = await put(scene, { status: 'QUEUED', plan: both });
  const waiting = await put(scene, { status: 'QUEUED', plan: named('Y') });
  const woken: string[] = [];
  const bell = {
    name: 'postgres',
    ringsInCommit: true,
    wake: async (_name: string, id: string) => void woken.push(id),
  } as unknown as Bell;
  await new ImportControl(scene.app.database, bell).cancel(between);
  await until(() => woken.length > 0);
  expect(woken).toEqual([`${waiting}-0`]);
  await change(scene, running, `status = 'CANCELLED'`);
  await change(scene, waiting, `status = 'CANCELLED'`);
  expect(await requestsOf(scene, idOf(between))).toEqual([['CANCEL', null]]);
});
