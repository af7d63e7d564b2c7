import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ensureCopy } from '../../src/embedded/copy-binaries.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { afterwards, cleanUp, isRoot, makeApp, query, runApp, type Started, temporary } from './embedded-harness.ts';

afterEach(cleanUp);

const nobody = {
  uid: Number(spawnSync('id', ['-u', 'nobody']).stdout),
  gid: Number(spawnSync('id', ['-g', 'nobody']).stdout),
};

test('missing links of the npm package are made', async () => {
  const dir = temporary();
  const runner = runApp(await makeApp(dir, 'copied, without links'), { home: join(dir, 'home') });
  expect(await query((await runner.said<Started>('started')).url, 'SELECT 1')).toEqual([1]);
});

describe.runIf(isRoot)('as root', () => {
  test('a home below a closed directory points to data where their user can get', async () => {
    const closed = join(temporary(), 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const home = join(closed, 'home');
    const lines: string[] = [];
    const first = await startEmbeddedPostgres({ home, log: (line) => lines.push(line) });
    afterwards(() => first.stop());
    const parent = dirname(first.dataDir);
    afterwards(() => rmSync(parent, { recursive: true, force: true }));
    expect(first.dataDir).toMatch(/^\/var\/lib\/tidemark\/[0-9a-f]{16}\/postgres$/);
    expect(lines.join()).toContain(first.dataDir);
    expect(readFileSync(join(home, 'postgres-at'), 'utf8')).toBe(`${parent}\n`);
    await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
    await first.stop();

    chmodSync(closed, 0o755);
    const second = await startEmbeddedPostgres({ home });
    afterwards(() => second.stop());
    expect(second.dataDir).toBe(first.dataDir);
    expect(await query(second.url, 'SELECT n FROM kept')).toEqual([7]);
    await second.stop();

    rmSync(parent, { recursive: true });
    await expect(startEmbeddedPostgres({ home })).rejects.toThrow(/bring them back/);
  });

  test('an empty home that is closed is opened just so far that PostgreSQL can pass', async () => {
    const home = temporary();
    chmodSync(home, 0o700);
    const postgres = await startEmbeddedPostgres({ home });
    await postgres.stop();
    expect(postgres.dataDir).toBe(join(home, 'postgres'));
    expect(statSync(home).mode & 0o777).toBe(0o711);
  });

  test('binaries below a closed directory are copied to where they can be run', async () => {
    const dir = temporary();
    const closed = join(dir, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const home = join(dir, 'home');
    const app = await makeApp(closed, 'copied, without links');
    const runner = runApp(app, { home });
    expect(await query((await runner.said<Started>('started')).url, 'SELECT 1')).toEqual([1]);
    await runner.stop();
    const again = runApp(app, { home });
    await again.said<Started>('started');
  });

  test('a home is run as the owner of its data, whatever was root’s in it becomes theirs', async () => {
    const home = temporary();
    chownSync(home, nobody.uid, nobody.gid);
    const first = await startEmbeddedPostgres({ home });
    await first.stop();
    for (const name of ['postgres-password', 'postgres-port', 'postgres.log', 'lock'])
      expect(statSync(join(home, name)).uid).toBe(nobody.uid);
    spawnSync('chown', ['-R', `${nobody.uid}:${nobody.gid}`, first.dataDir]);
    const second = await startEmbeddedPostgres({ home });
    await second.stop();
    expect(statSync(join(home, 'postgres', 'postmaster.opts')).uid).toBe(nobody.uid);
    // And data that came with root as their owner are given away.
    spawnSync('chown', ['-R', '0:0', first.dataDir]);
    chmodSync(first.dataDir, 0o755);
    const third = await startEmbeddedPostgres({ home });
    await third.stop();
    expect(statSync(first.dataDir)).toMatchObject({ mode: 0o40700 });
    expect(statSync(first.dataDir).uid).not.toBe(0);
  });

  test('a copy somebody else could have written is not used', () => {
    const dir = temporary();
    const [from, to] = [join(dir, 'from'), join(dir, 'to')];
    mkdirSync(join(from, 'bin'), { recursive: true });
    mkdirSync(to);
    chownSync(to, nobody.uid, nobody.gid);
    expect(() => ensureCopy(from, to)).toThrow(/somebody else/);
    chownSync(to, 0, 0);
    chmodSync(to, 0o777);
    expect(() => ensureCopy(from, to)).toThrow(/somebody else/);
    chmodSync(to, 0o755);
    ensureCopy(from, to);
    expect(existsSync(join(to, 'bin'))).toBe(true);
  });
});

describe.runIf(isRoot)('as a user without rights', () => {
  test('it runs from a project of which nothing can be written, with its binaries in the home', async () => {
    const dir = temporary();
    const app = await makeApp(dir, 'copied, without links');
    const home = join(dir, 'home');
    mkdirSync(home);
    chownSync(home, nobody.uid, nobody.gid);
    const runner = runApp(app, { home }, nobody);
    const { url, dataDir } = await runner.said<Started>('started');
    expect(await query(url, 'SELECT 1')).toEqual([1]);
    expect(lstatSync(dataDir).uid).toBe(nobody.uid);
    await runner.kill();
    const next = runApp(app, { home }, nobody);
    expect(await next.said<Started>('started')).toMatchObject({ adopted: true, url });
    await next.stop();
    // Root next, and then the user again.
    const asRoot = runApp(app, { home });
    expect(await query((await asRoot.said<Started>('started')).url, 'SELECT 1')).toEqual([1]);
    await asRoot.stop();
    const last = runApp(app, { home }, nobody);
    await last.said<Started>('started');
  });

  test('a home that may not be made or written is named, and so are data of another user', async () => {
    const dir = temporary();
    const app = await makeApp(dir);
    await expect(runApp(app, { home: join(dir, 'home') }, nobody).said('started')).rejects.toThrow(
      `TIDEMARK_HOME (${join(dir, 'home')})`,
    );
    mkdirSync(join(dir, 'theirs'));
    await expect(runApp(app, { home: join(dir, 'theirs') }, nobody).said('started')).rejects.toThrow(
      'No right to write',
    );
    const home = join(dir, 'mixed');
    const first = await startEmbeddedPostgres({ home });
    await first.stop();
    spawnSync('chown', ['-R', `${nobody.uid}:${nobody.gid}`, home]);
    chownSync(join(home, 'postgres'), 1, 1);
    chmodSync(join(home, 'postgres'), 0o755);
    await expect(runApp(app, { home }, nobody).said('started')).rejects.toThrow('belong to another user');
  });
});
