import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Config, readConfig } from '../../src/config.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { type RunningApi, startApi } from '../../src/run/api.ts';
import { startWorker } from '../../src/run/worker.ts';
import { migrate } from '../../src/store/migrate.ts';
import { ask, ingest } from '../support/client.ts';
import { admin, createDatabase, urlOf } from '../support/database.ts';
import { copyHome } from '../support/home.ts';
import { clustersFolder } from '../support/in-memory.ts';
import { scratch } from '../support/program.ts';
import { schemaFolders } from '../support/schema-folders.ts';
import { startServer } from '../support/server.ts';

const password = 'correct-horse-battery';
const t = Date.parse('2026-01-05T09:30:00Z');

function config(settings: Partial<Config>): Config {
  return { ...readConfig(new Map(), {}), port: 0, databaseConnections: 4, ...settings };
}

async function connected(url: string, user: string, own = password, database = 'tidemark'): Promise<pg.Client> {
  const { hostname, port } = new URL(url);
  const client = new pg.Client({ host: hostname, port: Number(port), user, password: own, database });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

describe('with the embedded PostgreSQL', () => {
  const { folder, remove } = scratch(clustersFolder());
  let url: string;
  let api: RunningApi | undefined;
  let reader: pg.Client | undefined;

  /** As `serve` does it, on the same home each time. */
  async function start(settings: Partial<Config>): Promise<RunningApi> {
    const given = config({ home: folder, ...settings });
    const running = await startApi(given, async () => {
      const embedded = await startEmbeddedPostgres({ home: folder });
      await migrate({ url: embedded.url, ...schemaFolders });
      url = embedded.url;
      return { url, kind: 'embedded', where: 'a test', stop: () => embedded.stop() };
    });
    api = { ...running, stop: () => running.stop().finally(() => running.store.stop()) };
    return api;
  }

  const stop = async () => {
    await reader?.end();
    await api?.stop();
    [reader, api] = [undefined, undefined];
  };

  beforeAll(() => copyHome(folder));
  afterEach(stop);
  afterAll(remove);

  it('the role reads the current points of source and derived series, and nothing else', async () => {
    const { port } = await start({ sqlReader: 'reader', sqlReaderPassword: password });
    const endpoint = `http://127.0.0.1:${port}/graphql`;
    const worker = await startWorker(config({ home: folder }), url);
    await ingest(
      endpoint,
      [0, 1, 2].map((i) => ({ series: 'A', t: t + i * 1000, value: i })),
    );
    await ask(
      endpoint,
      'mutation { defineSeries(input: { key: "A.twice", formula: "A * 2", await: DERIVED }) { key } }',
    );
    await worker.stop();
    reader = await connected(url, 'reader');
    const { rows } = await reader.query("SELECT key, t, value FROM points WHERE key LIKE 'A%' ORDER BY key, t");
    expect(rows).toEqual(
      ['A', 'A.twice'].flatMap((key, i) =>
        [0, 1, 2].map((n) => ({ key, t: new Date(t + n * 1000), value: n * (i + 1) })),
      ),
    );

    const relations = await reader.query(
      `SELECT format('%I.%I', nspname, relname) AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
       WHERE relkind IN ('r', 'v', 'm', 'p', 'S') AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND relname <> 'points'`,
    );
    expect(relations.rows.length).toBeGreaterThan(20);
    // A client may switch its transactions to read-write: the rights must refuse by themselves.
    await reader.query('SET default_transaction_read_only = off');
    const statements = [
      ...relations.rows.map(({ name }) => `SELECT * FROM ${name} LIMIT 1`),
      'UPDATE series SET name = NULL',
      'DELETE FROM fresh_blocks',
      'TRUNCATE commits',
      'SELECT * FROM tidemark_versions(1)',
      'CREATE TABLE mine (n int)',
      'CREATE TEMPORARY TABLE mine (n int)',
      'CREATE VIEW mine AS SELECT 1',
      'CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
      'CREATE SCHEMA mine',
      'CREATE ROLE mine',
      'SET ROLE tidemark',
      'ALTER ROLE reader CONNECTION LIMIT 1000',
      "SET temp_file_limit = '100GB'",
      'SELECT lo_create(0)',
      "SELECT lo_from_bytea(0, 'x')",
      'SELECT pg_advisory_lock(7421, 1)',
      'SELECT pg_try_advisory_xact_lock(7421, 1)',
      "SELECT pg_notify('tidemark', '{}')",
      "COPY (SELECT 1) TO PROGRAM 'cat'",
      "SELECT pg_read_file('PG_VERSION')",
    ];
    const allowed: unknown[] = [];
    for (const statement of statements) {
      const code = await reader.query(statement).then(
        () => 'allowed',
        (error) => error.code,
      );
      if (code !== '42501') allowed.push([statement, code]);
    }
    expect(allowed).toEqual([]);
    // The view takes no rows from anybody.
    await expect(reader.query("INSERT INTO points (key, t, value) VALUES ('A', now(), 1)")).rejects.toThrow(
      'cannot insert into view',
    );
    await expect(connected(url, 'reader', password, 'postgres')).rejects.toMatchObject({ code: '42501' });
    await expect(connected(url, 'reader', 'another password')).rejects.toMatchObject({ code: '28P01' });
  });

  it('its statements and connections have limits, and its password is in no log', async () => {
    await start({ sqlReader: 'reader', sqlReaderPassword: password });
    reader = await connected(url, 'reader');
    const show = async (name: string) => Object.values((await reader!.query(`SHOW ${name}`)).rows[0])[0];
    expect(await show('statement_timeout')).toBe('30s');
    expect(await show('idle_in_transaction_session_timeout')).toBe('1min');
    expect(await show('default_transaction_read_only')).toBe('on');
    expect(await show('temp_file_limit')).toBe('1GB');
    const others = await Promise.all(Array.from({ length: 9 }, () => connected(url, 'reader')));
    await expect(connected(url, 'reader')).rejects.toMatchObject({ code: '53300' });
    for (const other of others) await other.end();
    const log = readFileSync(join(folder, 'postgres.log'), 'utf8');
    expect(log).toContain('reader');
    expect(log).not.toContain(password);
  });

  it('a restart takes a new password; another name, or none, closes the role', async () => {
    await start({ sqlReader: 'reader', sqlReaderPassword: 'another-password' });
    await (await connected(url, 'reader', 'another-password')).end();
    await expect(connected(url, 'reader')).rejects.toMatchObject({ code: '28P01' });
    await stop();

    await start({ sqlReader: 'grafana', sqlReaderPassword: password });
    reader = await connected(url, 'grafana');
    await reader.query('SELECT FROM points LIMIT 1');
    await expect(connected(url, 'reader', 'another-password')).rejects.toMatchObject({ code: '28000' });
    await stop();

    await start({});
    await expect(connected(url, 'grafana')).rejects.toMatchObject({ code: '28000' });
    const owner = new pg.Client({ connectionString: url });
    await owner.connect();
    const { rows } = await owner.query("SELECT has_table_privilege('grafana', 'points', 'SELECT') AS reads");
    await owner.end();
    expect(rows).toEqual([{ reads: false }]);
  });

  it('a role that it did not make is left alone, and one without a password is refused', async () => {
    const given = { sqlReader: 'tidemark', sqlReaderPassword: password };
    await expect(start(given)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('SQL_READER: PostgreSQL has a role tidemark that was not made for this setting'),
    });
    await expect(start({ sqlReader: 'reader' })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining('set SQL_READER_PASSWORD'),
    });
  });
});

describe('with DATABASE_URL', () => {
  it('a user who may not create roles is told what an administrator can do; one who may creates the role', async () => {
    const { name, drop } = await createDatabase({ empty: true });
    const [user, reader] = [`${name}_owner`, `${name}_reader`];
    const own = new URL(urlOf(name));
    [own.username, own.password] = [user, password];
    const run = (statement: string) => admin(async (client) => void (await client.query(statement)));
    try {
      await run(`CREATE ROLE ${user} LOGIN PASSWORD '${password}'`);
      await run(`ALTER DATABASE ${name} OWNER TO ${user}`);
      await migrate({ url: own.toString(), ...schemaFolders });
      const settings = { databaseUrl: own.toString(), sqlReader: reader, sqlReaderPassword: password };
      await expect(startServer(settings)).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringMatching(
          /^SQL_READER: the user test_\w+_owner may not create roles\. GRANT it CREATEROLE, or .* GRANT SELECT ON points TO name\.$/,
        ),
      });
      await run(`ALTER ROLE ${user} CREATEROLE`);
      for (let i = 0; i < 2; i++) {
        const server = await startServer(settings);
        const client = await connected(own.toString(), reader, password, name);
        expect((await client.query('SELECT * FROM points')).rows).toEqual([]);
        await expect(client.query('SELECT * FROM series')).rejects.toMatchObject({ code: '42501' });
        await client.end();
        await server.stop();
      }
      await (await startServer({ databaseUrl: own.toString() })).stop();
      await expect(connected(own.toString(), reader, password, name)).rejects.toMatchObject({ code: '28000' });
    } finally {
      await drop();
      await run(`DROP ROLE IF EXISTS ${reader}`);
      await run(`DROP ROLE IF EXISTS ${user}`);
    }
  });
});
