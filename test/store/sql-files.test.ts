import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { migrate } from '../../src/store/migrate.ts';
import { inOrderOfNeed, readSqlFiles } from '../../src/store/sql-files.ts';
import { createDatabase } from '../support/database.ts';
import { schemaFolders } from '../support/schema-folders.ts';

const { migrations } = schemaFolders;
const { generation } = readSqlFiles(schemaFolders.functions);

let url: string;
let drop: () => Promise<void>;
let client: pg.Client;
let functions: string;

beforeAll(async () => {
  ({ url, drop } = await createDatabase());
  client = new pg.Client({ connectionString: url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await drop();
});
beforeEach(async () => {
  functions = mkdtempSync(join(tmpdir(), 'tidemark-sql-'));
  cpSync(schemaFolders.functions, functions, { recursive: true });
});
afterEach(async () => {
  rmSync(functions, { recursive: true });
  await client.query('DELETE FROM tidemark_migrations.functions');
  await migrate({ url, ...schemaFolders });
});

function write(name: string, text: string, newer = 0): void {
  writeFileSync(join(functions, `${name}.sql`), text);
  writeFileSync(join(functions, 'generation.json'), JSON.stringify({ generation: generation + newer }));
}

const instant = (result: string) =>
  `CREATE OR REPLACE FUNCTION tidemark_instant(micros bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT ${result} $$;`;

async function instantOf(): Promise<string> {
  const { rows } = await client.query<{ text: string }>(
    "SELECT prosrc AS text FROM pg_proc WHERE proname = 'tidemark_instant'",
  );
  return rows[0].text.trim();
}

/** Which rows of pg_proc a migration wrote: each CREATE OR REPLACE makes a new version of its row. */
async function written(run: () => Promise<void>): Promise<string[]> {
  const read = async () => {
    const { rows } = await client.query<{ proname: string; xmin: string }>(
      "SELECT proname, xmin::text FROM pg_proc WHERE proname LIKE 'tidemark%'",
    );
    return new Map(rows.map(({ proname, xmin }) => [proname, xmin]));
  };
  const before = await read();
  await run();
  return [...(await read())].filter(([name, xmin]) => before.get(name) !== xmin).map(([name]) => name);
}

test('a start applies the changed files alone, and the next start none', async () => {
  write('tidemark_instant', instant("'infinity'::timestamptz"), 1);
  expect(await written(() => migrate({ url, migrations, functions }))).toStrictEqual(['tidemark_instant']);
  expect(await instantOf()).toBe("SELECT 'infinity'::timestamptz");
  expect(await written(() => migrate({ url, migrations, functions }))).toStrictEqual([]);
});

test('an older program that starts later leaves the functions of a newer generation alone', async () => {
  write('tidemark_instant', instant("'infinity'::timestamptz"), 1);
  await migrate({ url, migrations, functions });
  expect(await written(() => migrate({ url, ...schemaFolders }))).toStrictEqual([]);
  expect(await instantOf()).toBe("SELECT 'infinity'::timestamptz");
});

test('a generation is remembered though it changed no text', async () => {
  write('tidemark_wave', readFileSync(join(functions, 'tidemark_wave.sql'), 'utf8'), 2);
  await migrate({ url, migrations, functions });
  write('tidemark_instant', instant("'infinity'::timestamptz"), 1);
  expect(await written(() => migrate({ url, migrations, functions }))).toStrictEqual([]);
});

test('a new file is applied, and a removed one leaves its function in place', async () => {
  const text = 'CREATE OR REPLACE FUNCTION tidemark_new() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;';
  write('tidemark_new', text, 1);
  expect(await written(() => migrate({ url, migrations, functions }))).toStrictEqual(['tidemark_new']);
  rmSync(join(functions, 'tidemark_new.sql'));
  write('tidemark_instant', instant("'infinity'::timestamptz"), 2);
  await migrate({ url, migrations, functions });
  expect((await client.query('SELECT tidemark_new() AS one')).rows).toStrictEqual([{ one: 1 }]);
  const listed = await client.query("SELECT FROM tidemark_migrations.functions WHERE name = 'tidemark_new'");
  expect(listed.rowCount).toBe(0);
  await client.query('DROP FUNCTION tidemark_new()');
});

test('a view or function that a migration dropped is made again, in a database that has run all files', async () => {
  await client.query('DROP VIEW points; DROP FUNCTION tidemark_versions(int)');
  expect(await written(() => migrate({ url, ...schemaFolders }))).toStrictEqual(['tidemark_versions']);
  await client.query('SELECT * FROM points');
});

test('a file that PostgreSQL refuses is named, and none of the others is applied', async () => {
  write('tidemark_instant', instant("'infinity'::timestamptz"), 1);
  write(
    'tidemark_wave',
    'CREATE OR REPLACE FUNCTION tidemark_wave(p_age_millis float8) RETURNS jsonb LANGUAGE sql AS $$ SELEC $$;',
    1,
  );
  const before = await instantOf();
  await expect(migrate({ url, migrations, functions })).rejects.toThrow(
    'DATABASE_URL: PostgreSQL refuses tidemark_wave.sql of this version (syntax error at or near "SELEC").',
  );
  expect(await instantOf()).toBe(before);
});

test('processes that start together apply the files one after another', async () => {
  write('tidemark_instant', instant("'infinity'::timestamptz"), 1);
  await Promise.all(
    [1, 2, 3, 4].map((n) => migrate({ url, ...(n % 2 === 0 ? schemaFolders : { migrations, functions }) })),
  );
  expect(await instantOf()).toBe("SELECT 'infinity'::timestamptz");
});

test('files follow the functions that they call; a name in a comment is no call; views come last', () => {
  const file = (name: string, body: string) => ({ name, text: `CREATE OR REPLACE ${body}` });
  const files = [
    file('a', 'FUNCTION a() ... SELECT z(1), b (2) -- as c() does'),
    file('b', 'FUNCTION b() ... SELECT z()'),
    file('c', 'FUNCTION c() ... SELECT a(), points FROM x'),
    file('points', 'VIEW points AS SELECT c()'),
    file('z', 'FUNCTION z() ... SELECT z()'),
  ];
  expect(inOrderOfNeed(files).map(({ name }) => name)).toStrictEqual(['z', 'b', 'a', 'c', 'points']);
  expect(() => inOrderOfNeed([file('a', 'FUNCTION a() b()'), file('b', 'FUNCTION b() a()')])).toThrow('a -> b -> a');
});
