import { randomBytes, randomInt } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Fault } from '../engine/fault.ts';
import { restoreOwner } from './account.ts';
import { processStartTime } from './process-identity.ts';

/** The time that two processes which start at once may need to agree. */
const agreementMillisMax = 10_000;

/**
 * Locks the home for this process, or throws a fault that names the owner; returns a function that unlocks it. Each
 * contender writes an entry named pid-birth-place-nonce. If it then sees no other living entry, it marks its own as
 * held. Names are never reused, so any process may remove a dead entry. (With a single lock file, two processes could
 * take it over from a dead owner at the same moment.)
 */
export async function lockHome(parent: string, home: string): Promise<() => void> {
  const dir = join(parent, 'lock');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  restoreOwner(dir);
  const place = placeOf(dir);
  const mine = `${process.pid}-${processStartTime(process.pid)}-${place}-${randomBytes(4).toString('hex')}`;
  const end = performance.now() + agreementMillisMax;
  try {
    for (;;) {
      // The entry is written before the check, so at least one of two simultaneous contenders sees the other.
      writeFileSync(join(dir, mine), '', { mode: 0o600 });
      const others = livingEntries(dir).filter((entry) => entry.name !== mine);
      if (others.length === 0) break;
      const owner = others.find((entry) => entry.held);
      if (owner !== undefined || performance.now() > end) throw inUse(home, (owner ?? others[0]).pid);
      // Nobody holds the lock yet: the first name stays, the others withdraw and retry.
      if (others.some((entry) => entry.name < mine)) remove(dir, mine);
      await wait(randomInt(2, 20));
    }
    writeFileSync(join(dir, `${mine}.held`), '', { mode: 0o600 });
    return () => remove(dir, mine);
  } catch (error) {
    remove(dir, mine);
    throw error;
  }
}

interface Entry {
  readonly name: string;
  readonly pid: number;
  readonly held: boolean;
}

/**
 * Distinguishes a home from a copy of it, which contains the lock of the original. It does not change when a home is
 * moved.
 */
function placeOf(dir: string): string {
  return String(statSync(dir).ino);
}

function livingEntries(dir: string): Entry[] {
  const here = placeOf(dir);
  const names = readdirSync(dir);
  const entries: Entry[] = [];
  for (const name of names) {
    const [, pid, birth, place] = /^(\d+)-(\w+)-(\d+)-[0-9a-f]+$/.exec(name) ?? [];
    if (pid === undefined) continue;
    const alive = place === here && processStartTime(Number(pid)) === birth;
    if (alive) entries.push({ name, pid: Number(pid), held: names.includes(`${name}.held`) });
    else remove(dir, name);
  }
  return entries;
}

function remove(dir: string, name: string): void {
  rmSync(join(dir, `${name}.held`), { force: true });
  rmSync(join(dir, name), { force: true });
}

function inUse(home: string, pid: number): Fault {
  const who = pid === process.pid ? 'this very process' : `process ${pid}`;
  return new Fault(
    'UNAVAILABLE',
    `TIDEMARK_HOME (${home}) is in use by another tidemark (${who}, pid ${pid}): stop it, or set TIDEMARK_HOME to another directory.`,
  );
}
