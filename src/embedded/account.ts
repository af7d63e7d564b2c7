import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Fault } from '../engine/fault.ts';

/** The operating system account that runs PostgreSQL. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * PostgreSQL refuses to run as root. Then it runs as the owner of its data, else as `postgres`, else as `nobody`:
 * initdb needs an account with a name. Undefined: PostgreSQL runs as the present user.
 */
export function accountFor(dataDir: string): Account | undefined {
  if (!isRoot()) return undefined;
  const owner = statSync(dataDir, { throwIfNoEntry: false });
  const known = knownAccounts();
  if (owner !== undefined && owner.uid !== 0) {
    return (
      known.find((account) => account.uid === owner.uid) ?? { uid: owner.uid, gid: owner.gid, name: `${owner.uid}` }
    );
  }
  const found = ['postgres', 'nobody'].map((name) => known.find((account) => account.name === name)).find(Boolean);
  if (found !== undefined) return found;
  throw new Fault(
    'UNAVAILABLE',
    'The embedded PostgreSQL does not run as root and there is neither a user postgres nor nobody: start tidemark as another user, or set DATABASE_URL.',
  );
}

function knownAccounts(): Account[] {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  return lines
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 4)
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}

/**
 * True when the account can reach the path: it may pass all parent directories and has these rights (4 read, 1 run) on
 * the path.
 */
export function canReach(account: Account | undefined, path: string, rights: number): boolean {
  if (account === undefined) return true;
  const start = existsSync(path) ? realpathSync(path) : path;
  for (let at = start, wanted = rights; ; at = dirname(at), wanted = 1) {
    const stat = statSync(at, { throwIfNoEntry: false });
    // Missing directories are created later by this process, for the account.
    if (stat !== undefined) {
      const shift = stat.uid === account.uid ? 6 : stat.gid === account.gid ? 3 : 0;
      if (((stat.mode >> shift) & wanted) !== wanted) return false;
    }
    if (dirname(at) === at) return true;
  }
}

/** Files that root creates in another user's home belong to that user, who may run tidemark without root next time. */
export function restoreOwner(path: string): void {
  if (!isRoot()) return;
  const { uid, gid } = statSync(dirname(path));
  lchownSync(path, uid, gid);
}

/** PostgreSQL must own its data, and nobody else may read them. A copy or a volume may have changed both. */
export function giveOwnership(account: Account | undefined, dataDir: string): void {
  if (account !== undefined && statSync(dataDir).uid !== account.uid) own(account, dataDir);
  else if (process.getuid !== undefined && !isRoot() && statSync(dataDir).uid !== process.getuid()) {
    throw new Fault(
      'UNAVAILABLE',
      `The data in TIDEMARK_HOME (${dataDir}) belong to another user: start tidemark as that user, or set TIDEMARK_HOME to another directory.`,
    );
  }
  if (process.platform !== 'win32' && (statSync(dataDir).mode & 0o077) !== 0) chmodSync(dataDir, 0o700);
}

function own(account: Account, path: string): void {
  const stat = lstatSync(path);
  if (stat.isDirectory()) for (const name of readdirSync(path)) own(account, join(path, name));
  if (stat.isSymbolicLink()) lchownSync(path, account.uid, account.gid);
  else chownSync(path, account.uid, account.gid);
}
