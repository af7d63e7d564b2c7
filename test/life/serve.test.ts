import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, describe, expect, onTestFailed, test } from 'vitest';
import WebSocket from 'ws';
import { ask, ingest } from '../support/client.ts';
import { createDatabase } from '../support/database.ts';
import { copyHome } from '../support/home.ts';
import { clustersFolder } from '../support/in-memory.ts';
import { childrenOf, freePort, isAlive, type Program, scratch, tidemark, until } from '../support/program.ts';

/** Processes are told apart by /proc, which is Linux. */
const onLinux = existsSync('/proc/self/stat');

interface Home {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly url: string;
  readonly port: number;
}

const left: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const clean of left.splice(0).reverse()) await clean();
});

async function home(options: { empty?: true } = {}): Promise<Home> {
  const { folder, remove } = scratch(clustersFolder());
  if (!options.empty) copyHome(folder);
  const port = await freePort();
  left.push(remove);
  return { folder, port, url: `http://127.0.0.1:${port}/graphql`, env: { TIDEMARK_HOME: folder, PORT: String(port) } };
}

async function start({ env }: Home, words: readonly string[] = [], detached = false): Promise<Program> {
  const program = tidemark(['serve', ...words], env, detached);
  left.push(async () => {
    program.process.kill('SIGTERM');
    await program.ended;
  });
  onTestFailed(() => {
    process.stderr.write(program.output());
  });
  await program.says('Try it:');
  return program;
}

function postmasterOf({ folder }: Home): number {
  return Number(readFileSync(join(folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
}

/** Runs a statement as the psql of a command would, which need not be installed. */
async function asPsql(command: string, statement: string): Promise<unknown[]> {
  const words = execFileSync(
    'bash',
    ['-c', `psql() { printf '%s\n' "$PGPASSWORD" "$@"; }; ${command.replace(/^ +psql +/, '')}`],
    {
      encoding: 'utf8',
    },
  );
  const [password, , host, , port, , user, database] = words.trim().split('\n');
  const client = new pg.Client({ host, port: Number(port), user, password, database });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

/** With all its children; returns which it was. */
async function killPostgres(at: Home): Promise<number> {
  const postmaster = postmasterOf(at);
  for (const pid of [postmaster, ...childrenOf(postmaster)]) process.kill(pid, 'SIGKILL');
  await until(() => !isAlive(postmaster));
  return postmaster;
}

const last = '{ series(key: "A") { last { value } } revision }';

async function lastValue(url: string): Promise<number | undefined> {
  return (await ask<{ series: { last: { value: number } } | null }>(url, last)).series?.last.value;
}

async function write(url: string, value: number): Promise<void> {
  await ingest(url, [{ series: 'A', t: '2026-01-01T00:00:00Z', value }]);
}

describe.skipIf(!onLinux)('serve', () => {
  test('starts everything, says what and where, and its curl and psql lines work as printed', async () => {
    const at = await home({ empty: true });
    const program = await start(at);
    await program.says('curl');
    expect(program.output()).toContain(`http://localhost:${at.port}/graphql`);
    expect(program.output()).toContain(join(at.folder, 'postgres'));
    const [line] = /^ {2}curl .*$/m.exec(program.output()) ?? [''];
    expect(JSON.parse(execFileSync('bash', ['-c', line], { encoding: 'utf8' }))).toEqual({
      data: { ingestTicks: { revision: 1 } },
    });
    const [psql] = /^ {2}psql .*$/m.exec(program.output()) ?? [''];
    expect(await asPsql(psql, 'SELECT key, value FROM points')).toEqual([{ key: 'BTC-USD', value: 65000.5 }]);
    const readme = /^PGPASSWORD.*$/m.exec(readFileSync('README.md', 'utf8'))?.[0] ?? '';
    expect(await asPsql(readme.replaceAll('.tidemark', at.folder), 'SELECT revision FROM points')).toEqual([
      { revision: '1' },
    ]);
    expect(program.output()).not.toContain(readFileSync(join(at.folder, 'postgres-password'), 'utf8').trim());
    for (const path of ['livez', 'readyz'])
      expect((await fetch(`http://localhost:${at.port}/${path}`)).status).toBe(200);
  });

  test('SIGTERM: a request under way is answered, sockets are told to come back, all processes end, exit 0', async () => {
    const at = await home();
    const program = await start(at);
    await write(at.url, 1);
    const [worker] = childrenOf(program.pid).filter((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker'),
    );
    const postmaster = postmasterOf(at);
    const socket = new WebSocket(at.url.replace('http', 'ws'), 'graphql-transport-ws');
    await once(socket, 'open');
    const closed = once(socket, 'close');
    // A request whose body is still on its way when the signal comes.
    const underWay = fetch(at.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new ReadableStream({
        async start(controller) {
          const body = JSON.stringify({
            query: 'mutation ($i: IngestTicksInput!) { ingestTicks(input: $i) { accepted } }',
            variables: { i: { ticks: [{ series: 'A', t: '2026-01-01T00:00:00Z', value: 2 }] } },
          });
          controller.enqueue(Buffer.from(body.slice(0, 20)));
          await program.says('stopping');
          controller.enqueue(Buffer.from(body.slice(20)));
          controller.close();
        },
      }),
      duplex: 'half',
    } as RequestInit);
    // The server has the first part of that body once it answers a later request.
    await ask(at.url, '{ revision }');
    const signalledAt = performance.now();
    program.process.kill('SIGTERM');
    expect(await (await underWay).json()).toEqual({ data: { ingestTicks: { accepted: 1 } } });
    expect((await closed)[0]).toBe(1012);
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - signalledAt).toBeLessThan(10_000);
    expect([worker, postmaster].filter(isAlive)).toEqual([]);

    await start(at);
    expect(await lastValue(at.url)).toBe(2);
  });

  test('Ctrl-C in a terminal, which reaches every process of the group, ends all in good order', async () => {
    const at = await home();
    const program = await start(at, [], true);
    await write(at.url, 1);
    const postmaster = postmasterOf(at);
    process.kill(-program.pid, 'SIGINT');
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(isAlive(postmaster)).toBe(false);
    expect(readFileSync(join(at.folder, 'postgres.log'), 'utf8')).not.toContain('not properly shut down');
  });

  test('SIGTERM for the whole group while the worker starts: it is not started again, and nothing says so', async () => {
    const database = await createDatabase();
    const program = tidemark(['serve'], { DATABASE_URL: database.url, PORT: '0' }, true);
    const workers = () =>
      childrenOf(program.pid).filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker'));
    await until(() => workers().length > 0);
    process.kill(-program.pid, 'SIGTERM');
    expect({ ...(await program.ended), output: program.output() }).toMatchObject({ code: 0, signal: null });
    expect(program.output()).toContain('stopping: SIGTERM');
    expect(program.output()).not.toMatch(/started again|is ready/);
    await database.drop();
  });

  test('kill -9 of the program: the worker ends by itself, and a new start has all that was acknowledged', async () => {
    const at = await home();
    const program = await start(at);
    await write(at.url, 7);
    const workers = childrenOf(program.pid).filter((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker'),
    );
    expect(workers).toHaveLength(1);
    process.kill(program.pid, 'SIGKILL');
    await until(() => !isAlive(program.pid) && !workers.some(isAlive));
    const again = await start(at);
    expect(again.output()).toContain('adopted');
    expect(await lastValue(at.url)).toBe(7);
  });

  test('kill -9 of the worker: it is started again', async () => {
    const at = await home();
    const program = await start(at);
    const worker = () =>
      childrenOf(program.pid).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker'));
    const first = worker();
    process.kill(first ?? 0, 'SIGKILL');
    await program.says('is started again');
    await until(() => worker() !== undefined && worker() !== first);
    await write(at.url, 3);
    expect(await lastValue(at.url)).toBe(3);
  });

  test('kill -9 of PostgreSQL, all of it: what was acknowledged is there after a new start', async () => {
    const at = await home();
    const program = await start(at);
    await write(at.url, 5);
    await killPostgres(at);
    process.kill(program.pid, 'SIGKILL');
    await program.ended;
    await start(at);
    expect(await lastValue(at.url)).toBe(5);
  });

  test('kill -9 of PostgreSQL alone: it is started again, and requests wait for it', async () => {
    const at = await home();
    const program = await start(at);
    await write(at.url, 5);
    const postmaster = await killPostgres(at);
    await write(at.url, 6);
    expect(await lastValue(at.url)).toBe(6);
    expect(program.output()).toContain('it is started again');
    expect(postmasterOf(at)).not.toBe(postmaster);
  });

  test('kill -9 of a backend of PostgreSQL: the server goes on by itself', async () => {
    const at = await home();
    const program = await start(at);
    await write(at.url, 5);
    const backend = childrenOf(postmasterOf(at)).find((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('127.0.0.1'),
    );
    process.kill(backend ?? 0, 'SIGKILL');
    await write(at.url, 6);
    expect(await lastValue(at.url)).toBe(6);
    expect(program.output()).not.toMatch(/error:|"level":"error"/);
  });

  test('the demo writes 100 instruments a second, derives two series, and a worker seals what piles up', async () => {
    const at = await home();
    await start(at, ['--demo-instruments', '100']);
    const health = '{ health { seriesCount } allSeries(first: 1) { nodes { points(first: 3) { nodes { value } } } } }';
    interface Answer {
      health: { seriesCount: number };
      allSeries: { nodes: { points: { nodes: unknown[] } }[] };
    }
    await until(async () => {
      const { health: found, allSeries } = await ask<Answer>(at.url, health);
      return found.seriesCount === 102 && (allSeries.nodes[0]?.points.nodes.length ?? 0) >= 2;
    });
  });
});
