import { join } from 'node:path';
import { expect, onTestFailed, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../recompute/seeded-random.ts';
import { ask } from '../../support/client.ts';
import { times } from '../../support/long.ts';
import { tidemark, until } from '../../support/program.ts';
import { startCutter } from './cutter.ts';
import { Place } from './e2e-harness.ts';
import { writeTicks } from './generate.ts';
import { asked, totalOf } from './rows.ts';

const isLong = times > 1;
const bytesMax = isLong ? 1 << 30 : 20 << 20;
const cutsMax = isLong ? 100 : 8;
/** Half of them of the API while bytes come, half of the worker while they are worked through. */
const killsMax = isLong ? 20 : 2;

test('connections are cut and API and worker are killed all the time: one command sends one file, and every row is there once', {
  timeout: isLong ? 1_800_000 : 180_000,
}, async ({ annotate }) => {
  const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
  await annotate(`CHAOS_SEED=${seed}`);
  if (isLong) process.stdout.write(`CHAOS_SEED=${seed}\n`);
  const random = seededRandom(seed);
  const place = await Place.start();
  onTestFinished(() => place.stop());
  onTestFailed(() => void process.stderr.write(place.api.output + place.worker.output));
  const file = writeTicks(join(place.folder, 'storm.csv'), bytesMax, 'STORM', 20);
  const cutter = await startCutter(place.port, cutsMax, () => random(Math.floor((1.6 * bytesMax) / cutsMax)));
  onTestFinished(() => cutter.stop());

  const command = tidemark(['import', file.path, '--create-missing', '--json', '--url', cutter.url]);
  onTestFailed(() => void process.stderr.write(command.output()));
  onTestFinished(() => void command.process.kill('SIGKILL'));
  let isOver = false;
  const ended = command.ended.finally(() => {
    isOver = true;
  });

  let kills = 0;
  const apiKills = killsMax / 2;
  for (let i = 0; i < apiKills; i++) {
    // Not before the first bytes of the file: a server that is gone when it is first asked is told of, not waited for.
    const bytes = Math.floor(((i + (1 + random(99)) / 100) * bytesMax) / apiKills);
    await until(() => isOver || cutter.bytes >= bytes);
    if (isOver) break;
    place.api.kill();
    kills++;
    await place.api.up();
  }
  const read = async () => {
    // The API may have been killed before there was an import.
    const [row]: ({ status: string; rows: string } | undefined)[] = await asked(
      place.databaseUrl,
      'SELECT status, rows FROM imports ORDER BY id LIMIT 1',
    );
    return row;
  };
  for (let i = 0; i < apiKills; i++) {
    const rows = i === 0 ? 0 : Math.floor(((i + random(100) / 100) * file.count) / apiKills);
    await until(async () => {
      const row = await read();
      return isOver || (row?.status === 'RUNNING' && Number(row.rows) >= rows) || row?.status === 'DONE';
    });
    if (isOver || (await read())?.status === 'DONE') break;
    place.worker.kill();
    kills++;
    await place.worker.up();
  }

  const { code } = await ended;
  const [{ total }] = await asked<{ total: number }>(place.databaseUrl, 'SELECT count(*)::int AS total FROM imports');
  expect({ code, total, output: command.output() }).toMatchObject({ code: 0, total: 1 });
  const { imports } = await ask<{ imports: { edges: { node: Record<string, unknown> }[] } }>(
    place.url,
    '{ imports { edges { node { status sha256 rows accepted rejectedCount unchanged } } } }',
  );
  expect(imports.edges.map(({ node }) => node)).toEqual([
    { status: 'DONE', sha256: file.sha256, rows: file.count, accepted: file.count, rejectedCount: 0, unchanged: 0 },
  ]);
  expect(await totalOf(place.databaseUrl, 'STORM')).toEqual({ count: file.count, sum: file.sum });
  const counts = `${cutter.cuts} cuts, ${kills} kills, ${cutter.bytes - file.bytes} bytes sent in vain`;
  await annotate(counts);
  if (isLong) process.stdout.write(`${counts}\n`);
  expect(cutter.cuts).toBeGreaterThan(cutsMax / 2);
});
