// Makes test/store/fixtures/<number>-<commit>: the database that the program of a commit leaves, and what it answered about it.
//   DATABASE_URL=postgres://postgres@127.0.0.1:5432/postgres node scripts/make-fixture.js <commit>...
// The URL is that of a superuser on a scratch server of the oldest supported version (PostgreSQL 15), with its pg_dump in the PATH.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import pg from 'pg';
import { readEverything, writeEverything } from './fixture-data.js';

const folder = 'test/store/fixtures';
const admin = process.env.DATABASE_URL;
if (admin === undefined) throw new Error('DATABASE_URL is not set');
const commits = process.argv.slice(2);
if (commits.length === 0) throw new Error('give the commits to make fixtures of');

const git = (...words) => execFileSync('git', words, { encoding: 'utf8' }).trim();

function compressed(text) {
  return brotliCompressSync(text, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 },
  });
}

/** A server of the commit, built in a scratch worktree, on a new database. */
async function withServer(commit, run) {
  const scratch = mkdtempSync(join(tmpdir(), 'tidemark-fixture-'));
  const tree = join(scratch, 'tree');
  const database = `fixture_${randomBytes(4).toString('hex')}`;
  const client = new pg.Client({ connectionString: admin });
  await client.connect();
  await client.query(`CREATE DATABASE ${database}`);
  const databaseUrl = new URL(admin);
  databaseUrl.pathname = `/${database}`;
  let server;
  try {
    git('worktree', 'add', '--detach', '--force', tree, commit);
    symlinkSync(resolve('node_modules'), join(tree, 'node_modules'));
    execFileSync(process.execPath, ['build.js'], { cwd: tree });
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    server = spawn(process.execPath, ['bin/tidemark.js', 'serve'], {
      cwd: tree,
      env: {
        PATH: process.env.PATH,
        HOME: scratch,
        DATABASE_URL: databaseUrl.href,
        PORT: String(port),
        TIDEMARK_HOME: scratch,
        UPLOADS: join(scratch, 'uploads'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [server.stdout, server.stderr]) stream.on('data', (chunk) => (output += chunk));
    const ended = new Promise((end) => server.on('close', end));
    const base = `http://127.0.0.1:${port}`;
    for (;;) {
      if (server.exitCode !== null) throw new Error(`the server of ${commit} has ended: ${output}`);
      if (
        await fetch(`${base}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        break;
      await new Promise((next) => setTimeout(next, 100));
    }
    const query = async (text) => {
      const own = new pg.Client({ connectionString: databaseUrl.href });
      await own.connect();
      try {
        return (await own.query(text)).rows;
      } finally {
        await own.end();
      }
    };
    const stop = async () => {
      server.kill('SIGTERM');
      await ended;
    };
    return await run({ base, query, stop, databaseUrl: databaseUrl.href });
  } finally {
    if (server?.exitCode === null) server.kill('SIGKILL');
    execFileSync('git', ['worktree', 'remove', '--force', tree]);
    await client.query(`DROP DATABASE ${database} WITH (FORCE)`);
    await client.end();
    rmSync(scratch, { recursive: true, force: true });
  }
}

function dump(databaseUrl) {
  const options = [
    '--schema=public',
    '--schema=tidemark_migrations',
    '--no-owner',
    '--no-privileges',
    '--no-toast-compression',
    '--inserts',
    '--rows-per-insert=500',
  ];
  return execFileSync('pg_dump', [...options, databaseUrl], { encoding: 'utf8', maxBuffer: 2 ** 28 });
}

mkdirSync(folder, { recursive: true });
for (const name of commits) {
  const commit = git('rev-parse', '--short=7', name);
  const number = git('rev-list', '--count', commit).padStart(4, '0');
  await withServer(commit, async ({ base, query, stop, databaseUrl }) => {
    await writeEverything(base, query);
    const answers = await readEverything(base);
    const { entries } = JSON.parse(git('show', `${commit}:drizzle/meta/_journal.json`));
    await stop();
    const path = join(folder, `${number}-${commit}`);
    writeFileSync(`${path}.sql.br`, compressed(dump(databaseUrl)));
    writeFileSync(`${path}.json.br`, compressed(JSON.stringify({ migration: entries.at(-1).tag, ...answers })));
    const bytes = (end) => readFileSync(path + end).length;
    console.log(`${path}: ${bytes('.sql.br')} and ${bytes('.json.br')} bytes`);
  });
}
