import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Fault } from '../engine/fault.ts';

/** The folder, or its nearest ancestor that exists. */
function existing(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : existing(dirname(folder));
}

/** Throws unless the process can write into the folder of a setting. Returns the part of its path that exists. */
export function requireFolder(setting: string, wanted: string): string {
  const folder = existing(resolve(wanted));
  if (!statSync(folder).isDirectory())
    throw new Fault('UNAVAILABLE', `${setting}: ${folder} is a file, not a folder. Set ${setting} to another one.`);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch {
    throw new Fault(
      'UNAVAILABLE',
      `${setting}: ${folder} cannot be written to. Give this user the right, or set ${setting} to another folder.`,
    );
  }
  return folder;
}
