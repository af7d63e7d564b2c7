import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';

/** Makes a complete copy in one step. Everybody can read it, and only this user could have written it. */
export function ensureCopy(from: string, to: string): void {
  const there = lstatSync(to, { throwIfNoEntry: false });
  if (there !== undefined) {
    const ours = there.isDirectory() && there.uid === (process.getuid?.() ?? there.uid) && (there.mode & 0o022) === 0;
    if (!ours) throw new Error(`${to} was made by somebody else, remove it`);
    // Cleaners of temporary directories remove single files.
    if (sameFiles(from, to)) return;
    rmSync(to, { recursive: true });
  }
  const fresh = mkdtempSync(`${to}.`);
  try {
    copyTree(from, fresh);
    renameSync(fresh, to);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    // Another process of this user may have been faster.
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY' || !sameFiles(from, to)) throw error;
  }
}

const unneeded = (name: string) => name.endsWith('.a') || name === 'pkgconfig';

function copyTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  chmodSync(to, 0o755);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (unneeded(entry.name)) continue;
    if (entry.isDirectory()) copyTree(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else {
      copyFileSync(source, target, constants.COPYFILE_FICLONE);
      chmodSync(target, (statSync(source).mode & 0o100) === 0 ? 0o644 : 0o755);
    }
  }
}

function sameFiles(from: string, to: string): boolean {
  return readdirSync(from, { withFileTypes: true }).every((entry) => {
    if (unneeded(entry.name) || entry.isSymbolicLink()) return true;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) return existsSync(target) && sameFiles(source, target);
    return statSync(target, { throwIfNoEntry: false })?.size === statSync(source).size;
  });
}
