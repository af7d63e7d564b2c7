import { Fault } from '../engine/fault.ts';

/** Turns an error of the disk or of PostgreSQL into one sentence with a remedy. */
export function faultFrom(error: unknown, home: string): unknown {
  if (error instanceof Fault) return error;
  const { code, path, dest } = error as NodeJS.ErrnoException & { dest?: string };
  const where = dest ?? path ?? home;
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(home);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return unavailable(
      `No right to write ${where} (${code}) for TIDEMARK_HOME (${home}): give this user the right, or set TIDEMARK_HOME to another directory.`,
    );
  }
  if (code === 'ENOTDIR' || code === 'EEXIST') {
    return unavailable(
      `TIDEMARK_HOME (${home}) cannot be used as a directory, ${where} is a file (${code}): set TIDEMARK_HOME to another directory.`,
    );
  }
  return error;
}

/** `words` is the output of a PostgreSQL program before it failed. */
export function faultFromOutput(what: string, words: string, home: string): Fault {
  if (/No space left on device|Disk quota exceeded/.test(words)) return diskFull(home);
  const nameless = /could not look up effective user ID (\d+)/.exec(words);
  if (nameless !== null) {
    return unavailable(
      `The embedded PostgreSQL needs a user with a name, and user id ${nameless[1]} has no line in /etc/passwd: add one, run as another user, or set DATABASE_URL.`,
    );
  }
  const lines = words.split('\n').map((line) => line.trim());
  const telling =
    lines.findLast((line) => /\b(FATAL|PANIC|error):/.test(line)) ?? lines.findLast(Boolean) ?? 'no message';
  return unavailable(`The embedded PostgreSQL in TIDEMARK_HOME (${home}) ${what}: ${telling}`);
}

export function unavailable(sentence: string): Fault {
  return new Fault('UNAVAILABLE', sentence);
}

function diskFull(home: string): Fault {
  return unavailable(
    `The disk of TIDEMARK_HOME (${home}) is full: make room, or set TIDEMARK_HOME to a directory on another disk.`,
  );
}
