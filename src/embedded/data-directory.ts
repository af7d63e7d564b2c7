import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { type Account, accountFor, canReach, isRoot, restoreOwner } from './account.ts';
import { unavailable } from './faults.ts';

/**
 * The directories of an installation. `parent` contains the data directory and the lock: the home, or a directory that
 * the account can reach.
 */
export interface DataDirectory {
  readonly home: string;
  readonly parent: string;
  readonly dataDir: string;
  readonly account: Account | undefined;
}

const reachableRoot = '/var/lib/tidemark';

/**
 * Finds the data directory of a home. If tidemark runs as root and only root can enter the home, PostgreSQL's user
 * could not reach it: then the data are in /var/lib/tidemark/<hash of the home>, and the file `postgres-at` in the home
 * points there.
 */
export function findDataDirectory(wantedHome: string): DataDirectory {
  const home = makeHome(resolve(wantedHome));
  const pointer = pointerOf(home);
  const elsewhere = pointer ?? join(reachableRoot, createHash('sha256').update(home).digest('hex').slice(0, 16));
  const dataAtHome = join(home, 'postgres');
  const account = accountFor(pointer === undefined ? dataAtHome : join(pointer, 'postgres'));
  if (pointer !== undefined && !existsSync(join(pointer, 'postgres'))) {
    throw unavailable(
      `The data of TIDEMARK_HOME (${home}) should be in ${pointer}, as its file postgres-at says, and are not there: bring them back, or remove that file to start with none.`,
    );
  }
  const parent = pointer === undefined && canReach(account, home, 1) ? home : elsewhere;
  if (parent !== home && pointer === undefined && existsSync(dataAtHome)) {
    throw unavailable(
      `The data in TIDEMARK_HOME (${dataAtHome}) are out of reach for the user ${account?.name}, as whom PostgreSQL runs: let it pass the directories above (chmod o+x), or set TIDEMARK_HOME to another directory.`,
    );
  }
  if (parent !== home) makeElsewhere(parent, home, account);
  return { home, parent, dataDir: join(parent, 'postgres'), account };
}

/** Written once the data exist, so a pointer to a missing directory means that data were lost. */
export function writePointer(place: DataDirectory): void {
  if (place.parent === place.home) return;
  const path = join(place.home, 'postgres-at');
  writeFileSync(path, `${place.parent}\n`, { mode: 0o600 });
  restoreOwner(path);
}

function makeHome(home: string): string {
  if (!existsSync(home)) {
    mkdirSync(home, { recursive: true });
    // Independent of the umask: PostgreSQL's user must be able to pass through, and needs no more rights.
    if (process.platform !== 'win32') chmodSync(home, 0o711);
  }
  if (!statSync(home).isDirectory()) {
    throw unavailable(`TIDEMARK_HOME (${home}) is not a directory: set TIDEMARK_HOME to another.`);
  }
  // An empty directory (mkdtemp creates them closed) is treated like a new one. Any other keeps its mode.
  if (isRoot() && statSync(home).uid === 0 && readdirSync(home).length === 0) chmodSync(home, 0o711);
  return realpathSync(home);
}

function makeElsewhere(parent: string, home: string, account: Account | undefined): void {
  try {
    mkdirSync(parent, { recursive: true });
    for (const path of [reachableRoot, parent]) if (!canReach(account, path, 1)) chmodSync(path, 0o711);
    if (canReach(account, parent, 1)) return;
  } catch {
    // The error message below says what to do.
  }
  throw unavailable(
    `PostgreSQL runs as ${account?.name}, who can reach neither TIDEMARK_HOME (${home}) nor ${parent}: set TIDEMARK_HOME to a directory that user can pass into, such as one below /var/lib.`,
  );
}

function pointerOf(home: string): string | undefined {
  try {
    const path = readFileSync(join(home, 'postgres-at'), 'utf8').trim();
    // Root follows no other pointer: a stranger could make it create and give away any directory.
    return /^\/var\/lib\/tidemark\/[0-9a-f]{16}$/.test(path) ? path : undefined;
  } catch {
    return undefined;
  }
}
