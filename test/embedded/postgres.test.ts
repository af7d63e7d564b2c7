import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { usableBinaries } from '../../src/embedded/binaries.ts';
import { ensureCluster } from '../../src/embedded/cluster.ts';
import { findDataDirectory } from '../../src/embedded/data-directory.ts';
import { findPostmaster } from '../../src/embedded/pid-file.ts';
import {
  type EmbeddedPostgresOptions,
  embeddedPostgresAvailable,
  startEmbeddedPostgres,
} from '../../src/embedded/postgres.ts';
import { startPostmaster, stopPostmaster } from '../../src/embedded/postmaster.ts';
import { settingsArguments } from '../../src/embedded/settings.ts';
import {
  afterwards,
  cleanUp,
  isRoot,
  isRunning,
  postmasterPid,
  query,
  temporary,
  usedHome,
} from './embedded-harness.ts';

afterEach(cleanUp);

async function start(options: EmbeddedPostgresOptions) {
  const postgres = await startEmbeddedPostgres(options);
  afterwards(() => postgres.stop());
  return postgres;
}

async function takenPort(port = 0): Promise<number> {
  const server = createServer();
  afterwards(() => server.close());
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

test('the binaries of this platform are there', () => {
  expect(embeddedPostgresAvailable()).toBeUndefined();
});

test('a first start makes the home, the database and a password that only its owner can read', async () => {
  const home = join(temporary(), 'deep', 'home');
  const lines: string[] = [];
  const postgres = await start({ home, log: (line) => lines.push(line) });
  expect(postgres).toMatchObject({ adopted: false, dataDir: join(home, 'postgres') });
  expect(new URL(postgres.url)).toMatchObject({
    hostname: '127.0.0.1',
    pathname: '/tidemark',
    port: `${postgres.port}`,
  });
  expect(postgres.port).toBeGreaterThanOrEqual(20_000);
  expect(postgres.port).toBeLessThan(32_768);
  expect(statSync(join(home, 'postgres-password')).mode & 0o777).toBe(0o600);
  expect(new URL(postgres.url).password).toBe(readFileSync(join(home, 'postgres-password'), 'utf8').trim());
  expect(lines.join('\n')).toContain(`data in ${postgres.dataDir}`);
  expect(readFileSync(join(home, 'postgres.log'), 'utf8')).toContain('ready to accept connections');
  if (isRoot) expect(statSync(postgres.dataDir).uid).not.toBe(0);
  expect(
    await query(
      postgres.url,
      `SELECT concat_ws(' ', pg_encoding_to_char(encoding), datlocprovider, datlocale) FROM pg_database WHERE datname = current_database()`,
    ),
  ).toEqual(['UTF8 b C.UTF-8']);
  await expect(query(postgres.url.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1')).rejects.toThrow(/password/);
});

test('the settings are the usual ones and those given win', async () => {
  const home = usedHome(temporary());
  const { url } = await start({ home, settings: { max_wal_size: '3GB', work_mem: '9MB' } });
  const names = ['fsync', 'synchronous_commit', 'jit', 'shared_buffers', 'max_connections', 'listen_addresses'];
  const show = (name: string) => query(url, `SHOW ${name}`);
  expect(await Promise.all(names.map(show))).toEqual([['on'], ['on'], ['off'], ['128MB'], ['100'], ['127.0.0.1']]);
  expect(await show('max_wal_size')).toEqual(['3GB']);
  expect(await show('work_mem')).toEqual(['9MB']);
  expect(await show('unix_socket_directories')).toEqual(['']);
  expect(await query(url, `SELECT count(*) FROM pg_available_extensions WHERE name = 'btree_gist'`)).toEqual(['1']);
});

test('lz4 is asked for exactly where the build knows it', async () => {
  const { url } = await start({ home: usedHome(temporary()) });
  const [known] = await query(url, `SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'wal_compression'`);
  const expected = known ? ['lz4', 'lz4'] : ['off', 'pglz'];
  const text = `SELECT setting FROM pg_settings WHERE name IN ('wal_compression', 'default_toast_compression') ORDER BY name DESC`;
  expect(await query(url, text)).toEqual(expected);
});

test('a setting PostgreSQL refuses is named', async () => {
  const home = usedHome(temporary());
  await expect(start({ home, settings: { shared_bufers: '1GB' } })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringMatching(/shared_bufers/),
  });
  await expect(start({ home, settings: { port: '1' } })).rejects.toThrow(/port is not a setting/);
});

test('stop ends the server and frees the home; it may be called again', async () => {
  const home = usedHome(temporary());
  const postgres = await start({ home });
  const pid = postmasterPid(postgres.dataDir);
  await Promise.all([postgres.stop(), postgres.stop()]);
  expect(isRunning(pid)).toBe(false);
  expect(existsSync(join(postgres.dataDir, 'postmaster.pid'))).toBe(false);
  await postgres.stop();
});

test('stop does not wait for clients', async () => {
  const postgres = await start({ home: usedHome(temporary()) });
  const refused = expect(query(postgres.url, 'SELECT pg_sleep(60)')).rejects.toThrow();
  await expect
    .poll(() => query(postgres.url, `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sl%'`))
    .toEqual([1]);
  await postgres.stop();
  await refused;
});

test('a second start finds the data and the password of the first', async () => {
  const home = join(temporary(), 'home');
  const first = await start({ home });
  await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
  await first.stop();
  const second = await start({ home, port: first.port });
  expect(second).toMatchObject({ adopted: false, url: first.url });
  expect(await query(second.url, 'SELECT n FROM kept')).toEqual([7]);
});

test('the port is that of the last start; when another program has taken it, another one is chosen and kept', async () => {
  const home = usedHome(temporary());
  const first = await start({ home });
  await first.stop();
  const second = await start({ home });
  expect(second.port).toBe(first.port);
  await second.stop();

  await takenPort(first.port);
  const lines: string[] = [];
  const third = await start({ home, log: (line) => lines.push(line) });
  expect(third.port).not.toBe(first.port);
  expect(third.port).toBeLessThan(32_768);
  expect(lines.join('\n')).toContain(`Port ${first.port} of 127.0.0.1 is taken`);
  expect(await query(third.url, 'SELECT 1')).toEqual([1]);
  await third.stop();
  expect((await start({ home })).port).toBe(third.port);
});

test('a port that outgoing connections take, or none that is one, is not tried', async () => {
  const home = usedHome(temporary());
  for (const text of ['40000', '80', 'port', '']) {
    writeFileSync(join(home, 'postgres-port'), text);
    const postgres = await start({ home });
    expect(postgres.port).toBeGreaterThanOrEqual(20_000);
    expect(postgres.port).toBeLessThan(32_000);
    await postgres.stop();
    expect(readFileSync(join(home, 'postgres-port'), 'utf8')).toBe(`${postgres.port}\n`);
  }
});

test('a lost password file is made anew, and the server told', async () => {
  const home = usedHome(temporary());
  const first = await start({ home });
  await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
  await first.stop();
  writeFileSync(join(home, 'postgres-password'), '');
  const second = await start({ home });
  expect(new URL(second.url).password).not.toBe(new URL(first.url).password);
  expect(await query(second.url, 'SELECT n FROM kept')).toEqual([7]);
});

test('a port that was asked for and is taken is a fault, and none asked for is chosen again', async () => {
  const home = join(temporary(), 'home');
  const taken = await takenPort();
  await expect(start({ home, port: taken })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining(`Port ${taken}`),
  });
  const place = findDataDirectory(home);
  const binaries = usableBinaries(place.account, place.home);
  expect(await ensureCluster(place, binaries, 'unused')).toBe(false);
  const asked: number[] = [];
  const choosePort = (attempt: number) => {
    asked.push(attempt);
    return attempt < 2 ? taken : 19_000 + (process.pid % 1000);
  };
  const settings = settingsArguments(binaries, {});
  const postmaster = await startPostmaster({ place, binaries, choosePort, settings, log: () => undefined });
  expect(asked).toEqual([0, 1, 2]);
  expect(findPostmaster(place.dataDir)).toEqual(postmaster);
  await stopPostmaster(postmaster, binaries);
});

test('a set-up that was killed half-way leaves nothing in the way', async () => {
  const home = join(temporary(), 'home');
  mkdirSync(join(home, 'postgres.new-0123abcd', 'data'), { recursive: true });
  mkdirSync(join(home, 'postgres'));
  const { url } = await start({ home });
  expect(await query(url, 'SELECT 1')).toEqual([1]);
  expect(existsSync(join(home, 'postgres.new-0123abcd'))).toBe(false);
});
