import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { restoreOwner } from './account.ts';
import { settle } from './cluster.ts';

export interface Password {
  readonly text: string;
  /** True for a new password, which an existing server does not know yet. */
  readonly isNew: boolean;
}

export function passwordPath(home: string): string {
  return join(home, 'postgres-password');
}

export function findPassword(home: string): Password {
  const path = passwordPath(home);
  const kept = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  if (/^[\w-]{16,}$/.test(kept)) return { text: kept, isNew: false };
  return { text: randomBytes(24).toString('base64url'), isNew: true };
}

/** Call it once the server knows the password: a stored password is assumed to be valid. */
export function keepPassword(home: string, password: Password): void {
  if (!password.isNew) return;
  const path = passwordPath(home);
  rmSync(`${path}.new`, { force: true });
  writeFileSync(`${path}.new`, `${password.text}\n`, { mode: 0o600, flag: 'wx', flush: true });
  restoreOwner(`${path}.new`);
  renameSync(`${path}.new`, path);
  settle(home);
}
