import { afterAll, beforeAll, expect, test } from 'vitest';
import { sealWhole } from '../../../src/upkeep/upkeep.ts';
import { idOf } from '../../store/world.ts';
import { csv, openScene, type Scene } from './import-harness.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.stop());

test('hundreds of series are compared, and taken back, in few statements', async () => {
  const keys = Array.from({ length: 600 }, (_, i) => `MANY${i}`);
  const rows = (value: (i: number) => number) =>
    csv(keys.flatMap((key, i) => [[key, 1, i] as const, [key, 2, value(i)] as const]));
  await scene.worker().jobs.take(await scene.queue(rows((i) => i)));
  for (const key of keys.slice(0, 50)) await sealWhole(scene.process.database, await idOf(scene.process, key));
  // A worker that may ask so often, and dies of more.
  const fewStatements = () => scene.worker({ fate: { statements: 150, lastIsMade: false, end: 'dies' } });
  const id = await scene.queue(rows((i) => (i % 3 === 0 ? -1 : i)));
  await fewStatements().jobs.take(id);
  expect(await scene.read(id)).toMatchObject({ status: 'DONE', rows: 1_200, unchanged: 1_000, changed: 200 });
  await scene.process.database.query(
    `UPDATE imports SET task = 'UNDO', status = 'QUEUED', place = NULL WHERE id = $1`,
    [id],
  );
  await fewStatements().jobs.take(id);
  expect(await scene.read(id)).toMatchObject({ status: 'UNDONE', restored: 200, kept: 0 });
});
