import { accessSync, constants, statfsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';

const shared = '/dev/shm';
const freeBytesMin = 4 * 2 ** 30;

/**
 * Where clusters of tests lie: in memory where there is plenty of it. A database is a thousand files, and to make and
 * remove them takes several times longer on a disk.
 */
export function clustersFolder(): string {
  try {
    accessSync(shared, constants.W_OK);
    const { bavail, bsize } = statfsSync(shared);
    return Math.min(bavail * bsize, freemem()) < freeBytesMin ? tmpdir() : shared;
  } catch {
    return tmpdir();
  }
}
