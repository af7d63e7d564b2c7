import { readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { processStartTime } from './process-identity.ts';

/** A running postmaster. Its pid alone could belong to another process tomorrow. */
export interface RunningPostmaster {
  readonly pid: number;
  readonly birth: string;
  readonly port: number;
}

interface PidFile {
  readonly pid: number;
  readonly dataDir: string;
  readonly port: number;
  readonly status: string;
}

/** Parses postmaster.pid, which PostgreSQL writes line by line as it starts; the eighth line is its status. */
export function readPidFile(dataDir: string): PidFile | undefined {
  try {
    const lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), dataDir: lines[1], port: Number(lines[3]), status: (lines[7] ?? '').trim() };
  } catch {
    return undefined;
  }
}

/** The postmaster that runs on these data, even while it starts; undefined if the file is missing or stale. */
export function findPostmaster(dataDir: string): RunningPostmaster | undefined {
  const file = readPidFile(dataDir);
  if (file === undefined) return undefined;
  const birth = processStartTime(file.pid);
  if (birth === undefined || !worksIn(file, dataDir)) return undefined;
  return { pid: file.pid, birth, port: file.port };
}

export function isAlive(postmaster: RunningPostmaster): boolean {
  return processStartTime(postmaster.pid) === postmaster.birth;
}

/** A postmaster's working directory is its data directory, even after a move. A copied pid file names another one. */
function worksIn(file: PidFile, dataDir: string): boolean {
  if (process.platform !== 'linux') return file.dataDir === dataDir;
  try {
    const name = readFileSync(`/proc/${file.pid}/comm`, 'utf8').trim();
    return name === 'postgres' && readlinkSync(`/proc/${file.pid}/cwd`) === realpathSync(dataDir);
  } catch {
    return false;
  }
}
