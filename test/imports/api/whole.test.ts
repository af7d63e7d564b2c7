import { createHash, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ReceivedFile } from '../../../src/imports/upload-receiver.ts';
import { ask, gql, socketClient } from '../../support/client.ts';
import { idOf, type Scene, startScene } from './api-harness.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
  await scene.startWorker();
});
afterAll(() => scene.stop());

/** A file that came with a request. */
async function bring(text: string, input: Record<string, unknown> = {}, filename = 'prices.csv'): Promise<string> {
  const upload = randomUUID();
  writeFileSync(join(scene.folder, upload), text);
  const sha256 = createHash('sha256').update(text).digest('hex');
  const file = new ReceivedFile({ upload, filename, size: Buffer.byteLength(text), sha256 });
  const usual = { createMissing: false, partial: false, previewOnly: false };
  return idOf(await scene.app.arrival.fromFile(file, { ...usual, ...input }));
}

const fields = `id status rows accepted rejectedCount unchanged changed new createdSeries movedSeries fromRevision toRevision
  undoneRevision restored kept problem rejected { line column reason } plan { columns { name role } problem }`;

type Shown = Record<string, unknown> & {
  readonly status: string;
  readonly rejected: { line: number; column: string | null }[];
};

/** Follows an import until it has one of these statuses. */
async function reach(id: string, ...statuses: string[]): Promise<Shown> {
  const client = socketClient(scene.url);
  const events = client.iterate<{ importProgress: Shown }>({
    query: `subscription ($id: ID!) { importProgress(id: $id) { ${fields} } }`,
    variables: { id },
  });
  let last: Shown | undefined;
  for await (const { data, errors } of events) {
    if (errors) throw new Error(JSON.stringify(errors));
    last = data?.importProgress;
    if (last && statuses.includes(last.status)) break;
  }
  await client.dispose();
  expect(statuses).toContain(last?.status);
  return last as Shown;
}

async function valuesOf(series: string): Promise<number[] | undefined> {
  const { series: found } = await ask<{ series: { samples: { value: number[] } } | null }>(
    scene.url,
    'query ($series: String!) { series(key: $series) { samples(maxPoints: null) { value } } }',
    { series },
  );
  return found?.samples.value;
}

const csv = (series: string, values: readonly (number | string)[]) =>
  `symbol,time,price\n${values.map((value, i) => `${series},2026-01-05T09:3${i}:00Z,${value}\n`).join('')}`;

const commit = 'mutation ($id: ID!, $input: ImportInput) { commitImport(id: $id, input: $input) { status } }';
const undo = 'mutation ($id: ID!) { undoImport(id: $id) { status } }';

it('a file is previewed, committed with another input, and taken back', async () => {
  const id = await bring(csv('NEW', [1, 2, 3]), { previewOnly: true, createMissing: true });
  expect(await reach(id, 'PREVIEWED')).toMatchObject({
    rows: 3,
    accepted: 3,
    rejectedCount: 0,
    createdSeries: ['NEW'],
    fromRevision: null,
  });
  expect(await valuesOf('NEW')).toBeUndefined();
  await ask(scene.url, commit, { id, input: { note: 'as seen' } });
  const done = await reach(id, 'DONE');
  expect(done).toMatchObject({ rows: 3, accepted: 3, problem: null, plan: { problem: null } });
  expect(await valuesOf('NEW')).toEqual([1, 2, 3]);
  expect(
    await ask(scene.url, 'query ($revision: Revision) { commit(revision: $revision) { note import { id } } }', {
      revision: done.toRevision,
    }),
  ).toEqual({ commit: { note: 'as seen', import: { id } } });
  await ask(scene.url, undo, { id });
  expect(await reach(id, 'UNDONE')).toMatchObject({ restored: 3, kept: 0 });
  expect(await valuesOf('NEW')).toEqual([]);
  const { errors } = await gql(scene.url, undo, { id });
  expect(errors?.[0].extensions.code).toBe('CONFLICT');
});

it('refused rows fail the whole, until the good ones alone are asked for', async () => {
  const id = await bring(csv('SOME', [1, 'x', 3, 4, 5, 6, 7, 8, 9]), { createMissing: true });
  const failed = await reach(id, 'FAILED');
  expect(failed.rejected).toMatchObject([{ line: 3, column: 'price' }]);
  expect(await valuesOf('SOME')).toBeUndefined();
  const { errors } = await gql(scene.url, commit, { id });
  expect(errors?.[0].extensions.code).toBe('CONFLICT');
  await ask(scene.url, commit, { id, input: { partial: true } });
  const done = await reach(id, 'DONE');
  expect(done).toMatchObject({ rows: 9, accepted: 8, rejectedCount: 1 });
  expect(done.rejected).toMatchObject([{ line: 3, column: 'price' }]);
  expect(await valuesOf('SOME')).toEqual([1, 3, 4, 5, 6, 7, 8, 9]);
});

it('a table without ticks is PREVIEWED and summarized, and commits when its columns are named', async () => {
  const id = await bring('kind,amount\na,1\nb,2\na,4\n', {}, 'kinds.csv');
  const shown = await reach(id, 'PREVIEWED');
  expect(shown.problem).not.toBeNull();
  const { import: found } = await ask<{ import: unknown }>(
    scene.url,
    'query ($id: ID!) { import(id: $id) { summary(groupBy: "kind", of: "amount", fn: MEAN) { group value count } } }',
    { id },
  );
  expect(found).toEqual({
    summary: [
      { group: 'a', value: 2.5, count: 2 },
      { group: 'b', value: 2, count: 1 },
    ],
  });
  const { errors } = await gql(scene.url, commit, { id });
  expect(errors?.[0].extensions.code).toBe('CONFLICT');
});

it('derived series that would move are named before anything is written', async () => {
  await reach(await bring(csv('BASE', [1, 2]), { createMissing: true }), 'DONE');
  await ask(scene.url, 'mutation { defineSeries(input: { key: "TWICE", formula: "BASE * 2" }) { key } }');
  const id = await bring(csv('BASE', [1, 5, 6]), { previewOnly: true });
  expect(await reach(id, 'PREVIEWED')).toMatchObject({
    unchanged: 1,
    changed: 1,
    new: 1,
    createdSeries: [],
    movedSeries: ['TWICE'],
  });
});
