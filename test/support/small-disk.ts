import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWhere } from './installed.ts';

/** Runs a command as root; users who are not root need a sudo that asks for no password. */
function asRoot(...words: readonly string[]): string | undefined {
  const [command, ...rest] = process.getuid?.() === 0 ? words : ['sudo', '-n', ...words];
  const { status, stderr, error } = spawnSync(command, rest, { encoding: 'utf8' });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}

function mount(folder: string, megabytes: number): string | undefined {
  const owner = process.getuid?.() === 0 ? '' : `,uid=${process.getuid?.()},gid=${process.getgid?.()}`;
  const options = `size=${megabytes}m,mode=0755${owner}`;
  return asRoot('mount', '-t', 'tmpfs', '-o', options, 'tidemark-test', folder);
}

/** Mounts a disk in memory at a folder. Returns how to unmount it. */
export function mountSmallDisk(folder: string, megabytes: number): () => void {
  const problem = mount(folder, megabytes);
  if (problem !== undefined) throw new Error(`no disk can be mounted at ${folder}: ${problem}`);
  return () => {
    asRoot('umount', '-l', folder);
  };
}

function whyNone(): string | undefined {
  if (process.platform !== 'linux') return `no small disk can be mounted on ${process.platform}`;
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-disk-'));
  const problem = mount(folder, 1);
  if (problem === undefined) asRoot('umount', folder);
  rmSync(folder, { recursive: true, force: true });
  return problem === undefined ? undefined : `no small disk can be mounted here (${problem})`;
}

/** Tests that need a disk that they can fill. */
export function describeWithSmallDisk(name: string, define: () => void): void {
  describeWhere(whyNone(), name, define);
}
