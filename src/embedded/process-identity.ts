import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

/**
 * The start time of a process in the system's notation, or undefined if it no longer runs. The system reuses pids; pid
 * and start time together identify a process. A zombie counts as dead: in a container without an init process it keeps
 * its pid for ever.
 */
export function processStartTime(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (process.platform === 'linux') return birthFromProc(pid);
  if (!takesSignals(pid)) return undefined;
  try {
    // Windows offers no cheap start time. The program's name excludes most processes that reuse a pid.
    if (process.platform === 'win32') return imageOf(pid);
    const line = execFileSync('/bin/ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    if (line.startsWith('Z')) return undefined;
    return line.slice(line.indexOf(' ')).replace(/[^0-9A-Za-z]+/g, '');
  } catch {
    return undefined;
  }
}

function birthFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses can contain spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function imageOf(pid: number): string | undefined {
  const line = execFileSync('tasklist', ['/FI', `PID eq ${pid}`, '/FO', 'CSV', '/NH'], { encoding: 'utf8' });
  return /^"([^"]+)"/m.exec(line)?.[1]?.replace(/[^0-9A-Za-z]+/g, '');
}

function takesSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Polls every few milliseconds until the answer is true. Returns false after the time limit. */
export async function pollUntil(answer: () => boolean, boundMillis: number, everyMillis = 5): Promise<boolean> {
  const end = performance.now() + boundMillis;
  while (!answer()) {
    if (performance.now() > end) return false;
    await wait(everyMillis);
  }
  return true;
}
