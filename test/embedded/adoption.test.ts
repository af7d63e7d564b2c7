import { spawn } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type EmbeddedPostgresOptions, startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import {
  afterwards,
  cleanUp,
  isRunning,
  makeApp,
  postmasterPid,
  query,
  runApp,
  type Started,
  temporary,
  usedHome,
} from './embedded-harness.ts';

afterEach(cleanUp);

async function start(options: EmbeddedPostgresOptions) {
  const postgres = await startEmbeddedPostgres(options);
  afterwards(() => postgres.stop());
  return postgres;
}

/** A home whose tidemark was killed while its PostgreSQL runs on, with a row in it. */
async function orphan(): Promise<{ home: string; before: Started; pid: number }> {
  const dir = temporary();
  const home = usedHome(dir);
  const runner = runApp(await makeApp(dir), { home });
  const before = await runner.said<Started>('started');
  await query(before.url, 'CREATE TABLE kept AS SELECT 7 AS n');
  await runner.kill();
  const pid = postmasterPid(before.dataDir);
  expect(isRunning(pid)).toBe(true);
  return { home, before, pid };
}

test('after kill -9 the next start adopts the server', async () => {
  const { home, before, pid } = await orphan();
  const after = await start({ home });
  expect(after).toMatchObject({ adopted: true, url: before.url });
  expect(postmasterPid(after.dataDir)).toBe(pid);
  expect(await query(after.url, 'SELECT n FROM kept')).toEqual([7]);
  await after.stop();
  expect(isRunning(pid)).toBe(false);
  expect((await start({ home })).port).toBe(before.port);
});

test('a server that was started with other settings is started anew', async () => {
  const { home, pid } = await orphan();
  const after = await start({ home, settings: { work_mem: '9MB' } });
  expect(after.adopted).toBe(false);
  expect(isRunning(pid)).toBe(false);
  expect(await query(after.url, 'SHOW work_mem')).toEqual(['9MB']);
  expect(await query(after.url, 'SELECT n FROM kept')).toEqual([7]);
});

test('a server that hangs is replaced, and recovers what was committed', async () => {
  const { home, pid } = await orphan();
  process.kill(pid, 'SIGSTOP');
  const after = await start({ home });
  expect(after.adopted).toBe(false);
  expect(await query(after.url, 'SELECT n FROM kept')).toEqual([7]);
});

test('after a power cut nothing has to be cleaned up, even where the pid is now another program', async () => {
  const { home, before, pid } = await orphan();
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => isRunning(pid)).toBe(false);
  const first = await start({ home });
  expect(first.adopted).toBe(false);
  const stale = readFileSync(join(before.dataDir, 'postmaster.pid'), 'utf8');
  await first.stop();

  const bystander = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  afterwards(() => bystander.kill());
  writeFileSync(join(before.dataDir, 'postmaster.pid'), stale.replace(/^\d+/, `${bystander.pid}`));
  const second = await start({ home });
  expect(second.adopted).toBe(false);
  expect(await query(second.url, 'SELECT n FROM kept')).toEqual([7]);
  expect(isRunning(bystander.pid!)).toBe(true);
  await second.stop();

  writeFileSync(join(before.dataDir, 'postmaster.pid'), '');
  expect(await query((await start({ home })).url, 'SELECT n FROM kept')).toEqual([7]);
});

test('a lost password does not lock the orphan up', async () => {
  const { home, before } = await orphan();
  rmSync(join(home, 'postgres-password'));
  const after = await start({ home });
  expect(after.url).not.toBe(before.url);
  expect(await query(after.url, 'SELECT n FROM kept')).toEqual([7]);
});

test('a copy of a home that is in use leaves the server of the original alone', async () => {
  const home = usedHome(temporary());
  const original = await start({ home });
  await query(original.url, 'CREATE TABLE kept AS SELECT 7 AS n');
  await query(original.url, 'CHECKPOINT');
  const copied = `${home}-copied`;
  cpSync(home, copied, { recursive: true });
  const copy = await start({ home: copied });
  expect(copy).toMatchObject({ adopted: false, dataDir: join(copied, 'postgres') });
  expect(copy.port).not.toBe(original.port);
  await query(copy.url, 'UPDATE kept SET n = 8');
  expect(await query(original.url, 'SELECT n FROM kept')).toEqual([7]);
});

test('Ctrl-C in the terminal reaches the program and not the server', async () => {
  const dir = temporary();
  const runner = runApp(await makeApp(dir), { home: usedHome(dir) });
  const { url, dataDir } = await runner.said<Started>('started');
  process.kill(-runner.child.pid!, 'SIGINT');
  await runner.said('interrupted');
  expect(await query(url, 'SELECT 1')).toEqual([1]);
  const pid = postmasterPid(dataDir);
  await runner.stop();
  expect(isRunning(pid)).toBe(false);
});
