import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, gql, ingest } from '../../support/client.ts';
import { times } from '../../support/long.ts';
import { change, idOf, put, type Scene, startScene } from './api-harness.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene.stop());

interface Page {
  readonly imports: {
    readonly nodes: readonly { readonly id: string }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly hasPreviousPage: boolean; readonly endCursor: string };
  };
}

it('pages of imports, newest first, fit together whatever their length', async () => {
  const own = await startScene();
  const ids: string[] = [];
  for (let i = 0; i < 12; i++) ids.unshift(idOf(await put(own)));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 12, maxLength: 12 }), async (lengths) => {
      const found: string[] = [];
      let after: string | undefined;
      for (const first of lengths) {
        const { imports } = await ask<Page>(
          own.url,
          'query ($first: Int, $after: String) { imports(first: $first, after: $after) { nodes { id } pageInfo { hasNextPage hasPreviousPage endCursor } } }',
          { first, after },
        );
        expect(imports.pageInfo.hasPreviousPage).toBe(after !== undefined);
        found.push(...imports.nodes.map(({ id }) => id));
        expect(imports.pageInfo.hasNextPage).toBe(found.length < ids.length);
        if (!imports.pageInfo.hasNextPage) break;
        after = imports.pageInfo.endCursor;
      }
      expect(found).toEqual(ids);
    }),
    { numRuns: 10 * times },
  );
  await own.stop();
});

it('a page has its limits, and a cursor is one of imports', async () => {
  const refused = async (given: string) => {
    const { errors } = await gql(scene.url, `{ imports(${given}) { nodes { id } } }`);
    return errors?.map(({ extensions: { code, inputPath } }) => [code, inputPath]);
  };
  expect(await refused('first: 1001')).toEqual([['TOO_EXPENSIVE', ['first']]]);
  expect(await refused('first: -1')).toEqual([['BAD_USER_INPUT', ['first']]]);
  expect(await refused('after: "a2V5OkE"')).toEqual([['BAD_USER_INPUT', ['after']]]);
});

it('an import is found by its id and as a node; one that is none is null', async () => {
  const id = idOf(await put(scene, { filename: 'a.csv' }));
  const query = `query ($id: ID!) { import(id: $id) { id filename } node(id: $id) { __typename id ... on Import { filename } } }`;
  expect(await ask(scene.url, query, { id })).toEqual({
    import: { id, filename: 'a.csv' },
    node: { __typename: 'Import', id, filename: 'a.csv' },
  });
  for (const none of [idOf(2 ** 31 - 1), idOf(2 ** 31), 'nonsense'])
    expect(await ask(scene.url, query, { id: none })).toEqual({ import: null, node: null });
});

it('all that is known of an import is shown', async () => {
  const plan = {
    format: 'CSV',
    gzip: false,
    encoding: 'utf-8',
    delimiter: ';',
    quote: '"',
    header: true,
    decimalComma: true,
    time: { kind: 'epoch', unit: 'MILLIS' },
    timeZone: 'UTC',
    series: 'A',
    columns: [{ name: 'price', role: 'VALUE', series: null, examples: ['1,5'] }],
    problem: null,
  };
  const number = await put(scene, { plan, text: 'x'.repeat(50), rejectedCount: 150 });
  const id = idOf(number);
  await change(
    scene,
    number,
    `bytes = 40, rows = 200, accepted = 50, unchanged = 10, changed = 15, created_count = 2, moved_count = 3, moved = '["D1","D2","D3"]', restored = 4, kept = 5, problem = 'so it is', from_revision = 7, to_revision = 9, undone_revision = 11`,
  );
  const { database } = scene.app;
  await database.query(
    `INSERT INTO import_rejects SELECT $1, i, i + 1, CASE WHEN i % 2 = 0 THEN 'price' END, 'reason ' || i FROM generate_series(1, 150) AS i`,
    [number],
  );
  await database.query(`INSERT INTO import_series VALUES ($1, 1, 'N1'), ($1, 2, 'N2')`, [number]);
  const { import: shown } = await ask<{ import: Record<string, unknown> & { rejected: unknown[] } }>(
    scene.url,
    `query ($id: ID!) { import(id: $id) {
      status size bytes sha256 rows accepted rejectedCount rejectsUrl unchanged changed new createdCount createdSeries(first: 1)
      movedCount movedSeries(first: 2) fromRevision toRevision undoneRevision restored kept problem sameAs uploadUrl endedAt
      plan { format gzip delimiter decimalComma timeFormat series columns { name role series examples } problem }
      rejected { line column reason } some: rejected(first: 1) { line } } }`,
    { id },
  );
  const { rejected, ...others } = shown;
  expect(rejected).toHaveLength(100);
  expect(rejected.slice(0, 2)).toEqual([
    { line: 2, column: null, reason: 'reason 1' },
    { line: 3, column: 'price', reason: 'reason 2' },
  ]);
  expect(others).toEqual({
    status: 'PREVIEWED',
    size: 50,
    bytes: 40,
    sha256: null,
    rows: 200,
    accepted: 50,
    rejectedCount: 150,
    rejectsUrl: `/imports/${id}/rejects.csv`,
    unchanged: 10,
    changed: 15,
    new: 25,
    createdCount: 2,
    createdSeries: ['N1'],
    movedCount: 3,
    movedSeries: ['D1', 'D2'],
    fromRevision: 7,
    toRevision: 9,
    undoneRevision: 11,
    restored: 4,
    kept: 5,
    problem: 'so it is',
    sameAs: null,
    uploadUrl: null,
    endedAt: null,
    plan: {
      format: 'CSV',
      gzip: false,
      delimiter: ';',
      decimalComma: true,
      timeFormat: 'MILLIS',
      series: 'A',
      columns: [{ name: 'price', role: 'VALUE', series: null, examples: ['1,5'] }],
      problem: null,
    },
    some: [{ line: 2 }],
  });
});

it('one that did the same work shows what became of the other, refused rows and all', async () => {
  const number = await put(scene, { status: 'DONE', rejectedCount: 1 });
  await scene.app.database.query(`INSERT INTO import_rejects VALUES ($1, 1, 5, NULL, 'no')`, [number]);
  const same = await put(scene, { status: 'QUEUED', filename: 'again.csv', sameAs: number });
  expect(
    await ask(scene.url, 'query ($id: ID!) { import(id: $id) { id filename status sameAs rejected { line } } }', {
      id: idOf(same),
    }),
  ).toEqual({
    import: { id: idOf(same), filename: 'again.csv', status: 'DONE', sameAs: idOf(number), rejected: [{ line: 5 }] },
  });
});

it('a commit names the import that wrote it', async () => {
  const number = await put(scene, { status: 'DONE' });
  const { revision } = await ingest(scene.url, [{ series: 'A', t: 1_767_605_400_000, value: 1 }]);
  const query = 'query ($revision: Revision) { commit(revision: $revision) { import { id status } } }';
  expect(await ask(scene.url, query, { revision })).toEqual({ commit: { import: null } });
  await scene.app.database.query('UPDATE commits SET import = $1 WHERE revision = $2', [number, revision]);
  expect(await ask(scene.url, query, { revision })).toEqual({
    commit: { import: { id: idOf(number), status: 'DONE' } },
  });
});

it('createUpload says where the bytes are sent; whatever is wrong in its input is told by its place', async () => {
  const query =
    'mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id url offset import { status size sha256 uploadUrl } } }';
  const sha256 = 'ab'.repeat(32);
  const { createUpload } = await ask<{ createUpload: { id: string; url: string } }>(scene.url, query, {
    input: { filename: 'big.csv', size: 5_000_000_000, sha256: sha256.toUpperCase(), import: { partial: true } },
  });
  const url = `/uploads/${createUpload.id}`;
  expect(createUpload).toEqual({
    id: createUpload.id,
    url,
    offset: 0,
    import: { status: 'UPLOADING', size: 5_000_000_000, sha256, uploadUrl: url },
  });
  const columns = [
    { column: 'when', role: 'T' },
    { column: 'price', role: 'VALUE', series: 'A' },
  ];
  const bad: [Record<string, unknown>, (string | number)[]][] = [
    [{ filename: '' }, ['filename']],
    [{ filename: 'x'.repeat(256) }, ['filename']],
    [{ filename: 'a\0b' }, ['filename']],
    [{ sha256: 'abc' }, ['sha256']],
    [{ size: -1 }, ['size']],
    [{ import: { series: 'no spaces' } }, ['import', 'series']],
    [{ import: { delimiter: ';;' } }, ['import', 'delimiter']],
    [{ import: { delimiter: '\n' } }, ['import', 'delimiter']],
    [{ import: { delimiter: ';', quote: ';' } }, ['import', 'quote']],
    [{ import: { encoding: 'klingon' } }, ['import', 'encoding']],
    [{ import: { timeZone: 'Mars/Olympus' } }, ['import', 'timeZone']],
    [{ import: { timeFormat: '' } }, ['import', 'timeFormat']],
    [{ import: { note: 'x'.repeat(1_001) } }, ['import', 'note']],
    [{ import: { columns: [...columns, { column: 'when', role: 'IGNORE' }] } }, ['import', 'columns', 2, 'column']],
    [{ import: { columns: [...columns, { column: 'at', role: 'T' }] } }, ['import', 'columns', 2, 'role']],
    [{ import: { columns: [{ column: 'x', role: 'T', series: 'A' }] } }, ['import', 'columns', 0, 'series']],
    [{ import: { columns: [{ column: '', role: 'T' }] } }, ['import', 'columns', 0, 'column']],
    [
      { import: { columns: Array.from({ length: 10_001 }, (_, i) => ({ column: `c${i}`, role: 'IGNORE' })) } },
      ['import', 'columns'],
    ],
  ];
  for (const [part, path] of bad) {
    const { errors } = await gql(scene.url, query, { input: { filename: 'a.csv', size: 1, ...part } });
    expect(errors?.[0].extensions).toEqual({ code: 'BAD_USER_INPUT', inputPath: ['input', ...path] });
  }
});

it('a file comes with a multipart request, not as a text', async () => {
  const query = 'mutation ($file: File!) { importFile(file: $file) { id } }';
  const { errors } = await gql(scene.url, query, { file: 'bytes' });
  expect(errors?.[0].extensions).toMatchObject({ code: 'BAD_USER_INPUT', inputPath: ['file'] });
  expect(errors?.[0].message).toContain('multipart request');
  const inline = await gql(scene.url, 'mutation { importFile(file: "bytes") { id } }');
  expect(inline.errors?.[0].extensions.code).toBe('BAD_USER_INPUT');
});
