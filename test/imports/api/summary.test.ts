import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readSummary, recordQuestion, saveSummary } from '../../../src/store/imports/import-summaries.ts';
import { ask, gql, socketClient } from '../../support/client.ts';
import { until } from '../../support/program.ts';
import { startServer } from '../../support/server.ts';
import { change, complete, idOf, put, type Scene, startScene } from './api-harness.ts';

const table = 'region,price\nnorth,10\nsouth,4\nnorth,12\nwest,\nsouth,5\nnorth,14\n';

interface Group {
  readonly group: string;
  readonly value: number | null;
  readonly count: number;
}

let scene: Scene;
let forgotten: number;

beforeAll(async () => {
  scene = await startScene();
  await scene.startWorker();
  forgotten = await put(scene, { text: table });
  await scene.app.database.query(
    `INSERT INTO import_summaries (import, group_by, "of", fn) VALUES ($1, 'region', '', 'COUNT')`,
    [forgotten],
  );
});
afterAll(() => scene.stop());

const selected = (given: string) => `summary(${given}) { group value count }`;

async function summary(id: number, given: string) {
  return gql<{ import: { id: string; status: string; summary: Group[] | null } }>(
    scene.url,
    `query ($id: ID!) { import(id: $id) { id status ${selected(given)} } }`,
    { id: idOf(id) },
  );
}

async function groups(id: number, given: string): Promise<Group[] | null> {
  const { data, errors } = await summary(id, given);
  if (errors) throw new Error(JSON.stringify(errors));
  expect(data.import.id).toBe(idOf(id));
  return data.import.summary;
}

it('a table is summarized in every way, and a query waits for it', async () => {
  const id = await put(scene, { text: table });
  expect(await groups(id, 'groupBy: "region", fn: SHARE')).toEqual([
    { group: 'north', value: 3 / 6, count: 3 },
    { group: 'south', value: 2 / 6, count: 2 },
    { group: 'west', value: 1 / 6, count: 1 },
  ]);
  const of = async (fn: string) =>
    (await groups(id, `groupBy: "region", of: "price", fn: ${fn}`))?.map(({ group, value }) => [group, value]);
  expect(await of('MEAN')).toEqual([
    ['north', 12],
    ['south', 4.5],
    ['west', null],
  ]);
  expect(await of('MEDIAN')).toEqual([
    ['north', 12],
    ['south', 4.5],
    ['west', null],
  ]);
  expect(await of('SUM')).toEqual([
    ['north', 36],
    ['south', 9],
    ['west', null],
  ]);
  expect(await of('MIN')).toEqual([
    ['north', 10],
    ['south', 4],
    ['west', null],
  ]);
  expect(await of('MAX')).toEqual([
    ['north', 14],
    ['south', 5],
    ['west', null],
  ]);
});

it('the same question is computed once, whoever asks; the answer outlives the bytes', async () => {
  const id = await put(scene, { text: table });
  const asked = 'groupBy: "region", fn: COUNT';
  const all = await Promise.all(Array.from({ length: 6 }, () => groups(id, asked)));
  expect(new Set(all.map((each) => JSON.stringify(each))).size).toBe(1);
  const rows = await scene.app.database.query<{ version: string }>(
    'SELECT version FROM import_summaries AS asked JOIN imports ON id = asked.import WHERE id = $1',
    [id],
  );
  expect(rows).toEqual([{ version: '1' }]);
  const [{ upload }] = await scene.app.database.query<{ upload: string }>(
    'UPDATE uploads SET gone_at = now() FROM imports WHERE uploads.id = upload AND imports.id = $1 RETURNING upload',
    [id],
  );
  rmSync(join(scene.folder, upload));
  expect(await groups(id, asked)).toEqual(all[0]);
  const { errors } = await summary(id, 'groupBy: "price", fn: COUNT');
  expect(errors?.[0]).toMatchObject({ path: ['import', 'summary'], extensions: { code: 'GONE' } });
});

it('what cannot be summarized is an error of that field alone that names what is wrong', async () => {
  const id = await put(scene, { text: table });
  const refused = async (given: string, of = id) => {
    const { data, errors } = await summary(of, given);
    expect(data.import).toEqual({ id: idOf(of), status: 'PREVIEWED', summary: null });
    return errors?.map(({ message, extensions: { code, inputPath } }) => [code, inputPath, message]);
  };
  expect(await refused('groupBy: "town", fn: COUNT')).toEqual([
    ['BAD_USER_INPUT', ['groupBy'], expect.stringContaining("There is no column 'town'; there are: 'region', 'price'")],
  ]);
  // The second time it is known.
  expect((await refused('groupBy: "town", fn: COUNT'))?.[0][0]).toBe('BAD_USER_INPUT');
  expect(await refused('groupBy: "region", fn: MEAN')).toEqual([
    ['BAD_USER_INPUT', ['of'], 'MEAN needs a column of numbers: name it in of.'],
  ]);
  expect(await refused('groupBy: "region", of: "price", fn: SHARE')).toEqual([
    ['BAD_USER_INPUT', ['of'], 'SHARE counts rows, and takes no of.'],
  ]);
  expect((await refused('groupBy: "price", of: "region", fn: SUM'))?.[0][2]).toContain("holds 'north' in row 1");
  expect((await refused(`groupBy: "${'x'.repeat(301)}", fn: COUNT`))?.[0][0]).toBe('BAD_USER_INPUT');
  const lost = await put(scene, { text: table });
  const [{ upload }] = await scene.app.database.query<{ upload: string }>('SELECT upload FROM imports WHERE id = $1', [
    lost,
  ]);
  rmSync(join(scene.folder, upload));
  expect((await refused('groupBy: "region", fn: COUNT', lost))?.[0][0]).toBe('GONE');
  const empty = await put(scene, { text: '' });
  expect((await summary(empty, 'groupBy: "a", fn: COUNT')).errors?.[0]).toMatchObject({
    message: expect.stringContaining('empty'),
    extensions: { code: 'BAD_USER_INPUT' },
  });
});

it('of a file that is still coming it is not there yet, never not found; it is pushed when the bytes are here', async () => {
  const id = await put(scene, { status: 'UPLOADING' });
  await put(scene, { text: 'region\nother\n' });
  const client = socketClient(scene.url);
  const events = client.iterate<{ importProgress: { id: string; status: string; summary: Group[] | null } }>({
    query: `subscription ($id: ID!) { importProgress(id: $id) { id status ${selected('groupBy: "region", fn: COUNT')} } }`,
    variables: { id: idOf(id) },
  });
  const next = async () => (await events.next()).value;
  expect(await next()).toEqual({ data: { importProgress: { id: idOf(id), status: 'UPLOADING', summary: null } } });
  await complete(scene, id, table);
  await change(scene, id, `status = 'DONE'`);
  let told = await next();
  // It has ended, and goes on until the summary is there.
  if (told?.data?.importProgress.summary === null) {
    expect(told.data.importProgress.status).toBe('DONE');
    told = await next();
  }
  expect(told?.data?.importProgress).toMatchObject({
    id: idOf(id),
    summary: [
      { group: 'north', count: 3 },
      { group: 'south', count: 2 },
      { group: 'west', count: 1 },
    ],
  });
  expect((await events.next()).done).toBe(true);
  await client.dispose();
});

it('a query for a file that comes meanwhile is answered when it is here', async () => {
  const id = await put(scene, { status: 'UPLOADING' });
  const answer = groups(id, 'groupBy: "region", fn: COUNT');
  await until(
    async () => (await scene.app.database.query('SELECT FROM import_summaries WHERE import = $1', [id])).length > 0,
  );
  await complete(scene, id, table);
  await change(scene, id, `status = 'QUEUED'`);
  expect((await answer)?.[0]).toEqual({ group: 'north', value: 3, count: 3 });
});

it('an upload that was given up has nothing to summarize, and its subscription ends', async () => {
  const id = await put(scene, { status: 'CANCELLED' });
  const { errors } = await summary(id, 'groupBy: "region", fn: COUNT');
  expect(errors?.[0].extensions.code).toBe('GONE');
  const client = socketClient(scene.url);
  const told = [];
  for await (const { data, errors: faults } of client.iterate({
    query: `subscription ($id: ID!) { importProgress(id: $id) { status ${selected('groupBy: "region", fn: COUNT')} } }`,
    variables: { id: idOf(id) },
  }))
    told.push([data, faults?.[0].extensions]);
  expect(told).toEqual([[{ importProgress: { status: 'CANCELLED', summary: null } }, { code: 'GONE' }]]);
  await client.dispose();
});

it('there is a limit to what is asked of one import', async () => {
  const id = await put(scene, { status: 'UPLOADING' });
  await scene.app.database.query(
    `INSERT INTO import_summaries (import, group_by, "of", fn) SELECT $1, 'c' || i, '', 'COUNT' FROM generate_series(1, 100) AS i`,
    [id],
  );
  const { errors } = await summary(id, 'groupBy: "region", fn: COUNT');
  expect(errors?.[0]).toMatchObject({ message: 'At most 100 different summaries of one import.' });
});

it('a mutation that begins an upload does not wait for what cannot be there, and a server that stops keeps nobody', async () => {
  const { createUpload } = await ask<{ createUpload: { import: { summary: null } } }>(
    scene.url,
    `mutation ($input: CreateUploadInput!) { createUpload(input: $input) { import { ${selected('groupBy: "a", fn: COUNT')} } } }`,
    { input: { filename: 'a.csv', size: 10 } },
  );
  expect(createUpload).toEqual({ import: { summary: null } });
  const server = await startServer({ databaseUrl: scene.databaseUrl });
  const id = await put(scene, { status: 'UPLOADING' });
  const asked = gql<unknown>(
    server.url,
    `query ($id: ID!) { import(id: $id) { ${selected('groupBy: "a", fn: COUNT')} } }`,
    {
      id: idOf(id),
    },
  );
  await until(
    async () => (await scene.app.database.query('SELECT FROM import_summaries WHERE import = $1', [id])).length > 0,
  );
  await server.stop();
  expect((await asked).data).toEqual({ import: { summary: null } });
});

it('a file that is to be read otherwise is summarized anew', async () => {
  const id = await put(scene, { text: "series,t,value\n'A',1700000000,1\n'A',1700000001,2\n", input: { quote: '"' } });
  const asked = 'groupBy: "series", fn: COUNT';
  expect(await groups(id, asked)).toEqual([{ group: "'A'", value: 2, count: 2 }]);
  const again = 'mutation ($id: ID!) { commitImport(id: $id, input: { quote: "\'", previewOnly: true }) { id } }';
  await ask(scene.url, again, { id: idOf(id) });
  expect(await groups(id, asked)).toEqual([{ group: 'A', value: 2, count: 2 }]);
});

it('an answer that comes when the file is to be read otherwise is nobody’s', async () => {
  const id = await put(scene, { text: table, status: 'UPLOADING' });
  const { database } = scene.app;
  const question = { import: id, groupBy: 'region', of: '', fn: 'MIN' };
  await recordQuestion(database, question);
  const [{ input }] = await database.query<{ input: object }>('SELECT input FROM imports WHERE id = $1', [id]);
  await saveSummary(database, question, { ...input, quote: "'" }, { groups: [['north', 1, 1]] });
  expect((await readSummary(database, question))?.groups).toBeNull();
  await saveSummary(database, question, input, { groups: [['north', 1, 1]] });
  expect((await readSummary(database, question))?.groups).toEqual([['north', 1, 1]]);
});

// Asked at the beginning, for the sweep comes only now and then.
it('what was asked and forgotten is found by the sweep', async () => {
  const query = 'SELECT FROM import_summaries WHERE import = $1 AND groups IS NOT NULL';
  await until(async () => (await scene.app.database.query(query, [forgotten])).length > 0);
});
