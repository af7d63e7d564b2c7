import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ImportStatus, ImportTask } from '../../../src/store/imports/import-rows.ts';
import { gql } from '../../support/client.ts';
import { times } from '../../support/long.ts';
import { change, idOf, put, type Scene, startScene } from './api-harness.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene.stop());

const steps = {
  commit: 'mutation ($id: ID!, $input: ImportInput) { step: commitImport(id: $id, input: $input) { status } }',
  cancel: 'mutation ($id: ID!) { step: cancelImport(id: $id) { status } }',
  undo: 'mutation ($id: ID!) { step: undoImport(id: $id) { status } }',
} as const;

/** The status after a step, or the code of what refused it. */
async function step(name: keyof typeof steps, id: number, input?: Record<string, unknown>): Promise<string> {
  const { data, errors } = await gql<{ step: { status: string } }>(scene.url, steps[name], { id: idOf(id), input });
  return errors ? errors[0].extensions.code : data.step.status;
}

async function rowOf(id: number) {
  const [row] = await scene.app.database.query<Record<string, unknown>>('SELECT * FROM imports WHERE id = $1', [id]);
  return row;
}

interface Model {
  status: ImportStatus;
  task: ImportTask;
  cancelAsked: boolean;
  isPublished: boolean;
}

const open = ['UPLOADING', 'QUEUED', 'PREVIEWED', 'RUNNING'];

/** What the issue says of each step, without a thought of how it is done. */
const expected = {
  commit: (model: Model, isOther: boolean, rejected: number): string => {
    const may = model.status === 'PREVIEWED' || (model.status === 'FAILED' && isOther && rejected > 0);
    if (!may) return 'CONFLICT';
    Object.assign(model, { status: 'QUEUED', task: 'COMMIT', cancelAsked: false });
    return 'QUEUED';
  },
  cancel: (model: Model): string => {
    if (model.status === 'CANCELLED') return 'CANCELLED';
    if (!open.includes(model.status) || model.task === 'UNDO') return 'CONFLICT';
    model.cancelAsked = true;
    if (model.status !== 'RUNNING' && !model.isPublished) model.status = 'CANCELLED';
    return model.status;
  },
  undo: (model: Model): string => {
    if (model.status !== 'DONE') return 'CONFLICT';
    Object.assign(model, { status: 'QUEUED', task: 'UNDO', cancelAsked: false });
    return 'QUEUED';
  },
};

const statuses = ['UPLOADING', 'QUEUED', 'PREVIEWED', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED', 'UNDONE'] as const;

it('whatever clients ask in whatever order, each step is taken where it may be and is a CONFLICT elsewhere', async () => {
  const asked = fc.oneof(
    fc.record({ step: fc.constantFrom('commit', 'cancel', 'undo'), isOther: fc.boolean() }),
    fc.record({ worker: fc.constantFrom(...statuses), isPublished: fc.boolean() }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...statuses),
      fc.constantFrom(0, 3),
      fc.array(asked, { maxLength: 8 }),
      async (status, rejected, all) => {
        const id = await put(scene, { status, rejectedCount: rejected });
        const model: Model = { status, task: 'COMMIT', cancelAsked: false, isPublished: false };
        let note = 0;
        for (const each of all) {
          if ('worker' in each) {
            await change(
              scene,
              id,
              `status = '${each.worker}', rejected_count = ${rejected}, from_revision = ${each.isPublished ? 1 : 'NULL'}`,
            );
            Object.assign(model, { status: each.worker, isPublished: each.isPublished });
            continue;
          }
          const input = each.isOther ? { note: `another ${++note}` } : undefined;
          const told = await step(each.step as keyof typeof steps, id, each.step === 'commit' ? input : undefined);
          const wanted =
            each.step === 'commit'
              ? expected.commit(model, each.isOther, rejected)
              : expected[each.step as 'cancel' | 'undo'](model);
          expect(told).toBe(wanted);
          const row = await rowOf(id);
          expect([row.status, row.task, row.cancel_asked]).toEqual([model.status, model.task, model.cancelAsked]);
        }
      },
    ),
    { numRuns: 40 * times },
  );
});

it('an undo is not cancelled, nor is what was refused committed as it was', async () => {
  const id = await put(scene, { status: 'DONE' });
  expect(await step('undo', id)).toBe('QUEUED');
  expect(await step('cancel', id)).toBe('CONFLICT');
  await change(scene, id, `status = 'RUNNING'`);
  expect(await step('cancel', id)).toBe('CONFLICT');
  const failed = await put(scene, { status: 'FAILED', rejectedCount: 1, input: { note: 'a note' } });
  expect(await step('commit', failed)).toBe('CONFLICT');
  expect(await step('commit', failed, { note: 'a note' })).toBe('CONFLICT');
  expect(await step('commit', failed, { partial: true })).toBe('QUEUED');
  const unreadable = await put(scene, { status: 'FAILED' });
  expect(await step('commit', unreadable, { partial: true })).toBe('CONFLICT');
});

it('of many who commit at once one wins, and so it is with undo; a cancellation meets all of them', async () => {
  for (const [name, status] of [
    ['commit', 'PREVIEWED'],
    ['undo', 'DONE'],
  ] as const) {
    const id = await put(scene, { status });
    const told = await Promise.all(Array.from({ length: 8 }, () => step(name, id)));
    expect(told.filter((each) => each === 'QUEUED')).toHaveLength(1);
    expect(told.filter((each) => each === 'CONFLICT')).toHaveLength(7);
  }
  const id = await put(scene, { status: 'QUEUED' });
  const told = await Promise.all(Array.from({ length: 8 }, () => step('cancel', id)));
  expect(told).toEqual(Array(8).fill('CANCELLED'));
});

it('a commit and a cancellation at once: whatever comes first, it is cancelled or both are told the truth', async () => {
  for (let round = 0; round < 10; round++) {
    const id = await put(scene);
    const [committed, cancelled] = await Promise.all([step('commit', id), step('cancel', id)]);
    expect(cancelled).toBe('CANCELLED');
    // Its answer shows how things stand when it is given.
    expect(['QUEUED', 'CANCELLED', 'CONFLICT']).toContain(committed);
    expect((await rowOf(id)).status).toBe('CANCELLED');
  }
});

it('a commit lays its input over the one before, forgets what was found, and plans anew only where it is read otherwise', async () => {
  const plan = { format: 'CSV', columns: [], problem: null };
  const id = await put(scene, { input: { partial: true, series: 'OLD' }, plan, rejectedCount: 2 });
  const { database } = scene.app;
  await database.query(`INSERT INTO import_rejects VALUES ($1, 1, 5, 'price', 'not a number')`, [id]);
  await database.query(`INSERT INTO import_series VALUES ($1, 1, 'OLD')`, [id]);
  expect(await step('commit', id, { createMissing: true, note: 'as wanted' })).toBe('QUEUED');
  let row = await rowOf(id);
  expect(row.input).toEqual({
    partial: true,
    series: 'OLD',
    createMissing: true,
    previewOnly: false,
    note: 'as wanted',
  });
  expect([row.plan, row.rejected_count]).toEqual([plan, '0']);
  for (const table of ['import_rejects', 'import_series'])
    expect(await database.query(`SELECT * FROM ${table} WHERE import = $1`, [id])).toEqual([]);
  await change(scene, id, `status = 'PREVIEWED'`);
  expect(await step('commit', id, { series: 'NEW', previewOnly: true })).toBe('QUEUED');
  row = await rowOf(id);
  expect([row.plan, row.task]).toEqual([null, 'PREVIEW']);
});

it('a table without ticks is not committed until it is said what its columns are', async () => {
  const plan = { format: 'CSV', columns: [], problem: 'no column holds instants.' };
  const id = await put(scene, { plan });
  const { errors } = await gql(scene.url, steps.commit, { id: idOf(id), input: { partial: true } });
  expect(errors?.[0]).toMatchObject({ extensions: { code: 'CONFLICT' } });
  expect(errors?.[0].message).toContain('no column holds instants');
  expect(await step('commit', id, { columns: [{ column: 'when', role: 'T' }] })).toBe('QUEUED');
});

it('one that did the same work as another stands for that one', async () => {
  const id = await put(scene, { status: 'PREVIEWED' });
  const same = await put(scene, { status: 'QUEUED', sameAs: id });
  expect(await step('commit', same)).toBe('QUEUED');
  expect((await rowOf(id)).status).toBe('QUEUED');
  expect((await rowOf(same)).epoch).toBe(0);
  await change(scene, id, `status = 'DONE'`);
  expect(await step('undo', same)).toBe('QUEUED');
  expect(await rowOf(id)).toMatchObject({ status: 'QUEUED', task: 'UNDO' });
});

it('a refusal says how the import stands and what to do; an id that is none is NOT_FOUND', async () => {
  const done = await put(scene, { status: 'DONE' });
  const message = async (name: keyof typeof steps, id: string) =>
    (await gql(scene.url, steps[name], { id })).errors?.map((error) => [error.extensions.code, error.message]);
  expect(await message('commit', idOf(done))).toEqual([
    ['CONFLICT', 'This import is DONE and cannot be committed: it was written already.'],
  ]);
  expect(await message('cancel', idOf(done))).toEqual([
    ['CONFLICT', 'This import is DONE and cannot be cancelled any more; undoImport takes it back.'],
  ]);
  expect(await message('undo', idOf(await put(scene, { status: 'UNDONE' })))).toEqual([
    ['CONFLICT', 'This import is UNDONE and cannot be taken back: it was taken back already.'],
  ]);
  for (const id of [idOf(2 ** 31 - 1), idOf(2 ** 31), 'U2VyaWVzOjE', 'nothing', ''])
    for (const name of ['commit', 'cancel', 'undo'] as const)
      expect(await message(name, id)).toEqual([['NOT_FOUND', 'There is no import with this id.']]);
});
