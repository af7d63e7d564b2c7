import { type SpawnOptions, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Account, giveOwnership } from './account.ts';
import { type Binaries, program } from './binaries.ts';
import { type DataDirectory, writePointer } from './data-directory.ts';
import { faultFromOutput, unavailable } from './faults.ts';

export const roleName = 'tidemark';
export const databaseName = 'tidemark';

/** initdb takes 0.6 s, and about twenty times that on the slowest disks. */
const programMillisMax = 120_000;

/** Starts PostgreSQL's programs as the account, from a directory that it can enter, without Tidemark's settings. */
export function spawnOptions(account: Account | undefined): SpawnOptions {
  const env = process.platform === 'win32' ? undefined : { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
  return {
    env,
    cwd: process.platform === 'win32' ? undefined : '/',
    uid: account?.uid,
    gid: account?.gid,
    windowsHide: true,
  };
}

/** Creates the data directory and its database. Returns false if it exists; throws if this process may not run it. */
export async function ensureCluster(place: DataDirectory, binaries: Binaries, password: string): Promise<boolean> {
  sweep(place.parent);
  const there = isThere(place, binaries);
  if (there) giveOwnership(place.account, place.dataDir);
  else await makeCluster(place, binaries, password);
  writePointer(place);
  return !there;
}

function isThere({ dataDir, home }: DataDirectory, binaries: Binaries): boolean {
  if (!existsSync(dataDir) || readdirSync(dataDir).length === 0) return false;
  const wanted = binaries.version.split('.')[0];
  const versionFile = join(dataDir, 'PG_VERSION');
  if (!existsSync(versionFile)) {
    throw unavailable(
      `TIDEMARK_HOME (${home}) has a directory ${dataDir} that holds something else than a PostgreSQL: move it away, or set TIDEMARK_HOME to another directory.`,
    );
  }
  const found = readFileSync(versionFile, 'utf8').trim();
  if (found === wanted) return true;
  throw unavailable(
    `TIDEMARK_HOME (${home}) holds data of PostgreSQL ${found} and this tidemark runs PostgreSQL ${wanted}: dump them with PostgreSQL ${found} (pg_dump) and load them into a new home, or set TIDEMARK_HOME to another directory.`,
  );
}

/** The directory has a temporary name until it is complete, so a kill leaves either all of it or nothing. */
async function makeCluster(place: DataDirectory, binaries: Binaries, password: string): Promise<void> {
  const { account, home, parent } = place;
  const fresh = join(parent, `postgres.new-${randomBytes(4).toString('hex')}`);
  const dataDir = join(fresh, 'data');
  const passwordFile = join(fresh, 'password');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (account !== undefined)
    for (const path of [fresh, dataDir, passwordFile]) chownSync(path, account.uid, account.gid);
  try {
    const locale = ['--locale-provider=builtin', '--locale=C', '--builtin-locale=C.UTF-8', '-E', 'UTF8'];
    const access = ['-U', roleName, `--pwfile=${passwordFile}`, '-A', 'scram-sha-256', '--no-instructions'];
    await run(program(binaries, 'initdb'), ['-D', dataDir, ...locale, ...access], '', account, home);
    await singleUser(place, binaries, dataDir, `CREATE DATABASE ${databaseName}`);
    if (existsSync(place.dataDir)) rmdirSync(place.dataDir);
    renameSync(dataDir, place.dataDir);
    settle(parent);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Replaces a lost password. The server must not be running. */
export async function setPassword(place: DataDirectory, binaries: Binaries, password: string): Promise<void> {
  await singleUser(place, binaries, place.dataDir, `ALTER ROLE ${roleName} PASSWORD '${password}'`);
}

async function singleUser(place: DataDirectory, binaries: Binaries, dataDir: string, statement: string): Promise<void> {
  const args = ['--single', '-D', dataDir, '-c', 'log_checkpoints=off', '-c', 'exit_on_error=on', 'postgres'];
  await run(program(binaries, 'postgres'), args, `${statement}\n`, place.account, place.home);
}

async function run(path: string, args: string[], input: string, account: Account | undefined, home: string) {
  const child = spawn(path, args, {
    ...spawnOptions(account),
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: programMillisMax,
  });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-10_000);
    });
  }
  // A program that fails early closes its input; `words` holds its error message.
  child.stdin?.on('error', () => undefined).end(input);
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.on('error', reject).on('close', (status, signal) => resolve(status ?? signal));
  });
  const what = `could not be set up (${args[0] === '--single' ? 'postgres --single' : 'initdb'}: ${code})`;
  if (code !== 0) throw faultFromOutput(what, words, home);
}

/** Removes the remains of killed set-ups. A directory to which an orphaned initdb still writes is removed next time. */
function sweep(parent: string): void {
  for (const name of readdirSync(parent).filter((name) => /^postgres\.new-[0-9a-f]{8}$/.test(name))) {
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {}
  }
}

/** A rename survives a power failure once its directory is synced. */
export function settle(dir: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
