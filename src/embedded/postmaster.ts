import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isRoot } from './account.ts';
import { type Binaries, program } from './binaries.ts';
import { spawnOptions } from './cluster.ts';
import type { DataDirectory } from './data-directory.ts';
import { faultFromOutput, unavailable } from './faults.ts';
import { findPostmaster, isAlive, type RunningPostmaster, readPidFile } from './pid-file.ts';
import { pollUntil, processStartTime } from './process-identity.ts';

/** After a crash, PostgreSQL replays up to max_wal_size of log before it accepts connections. */
const startMillisMax = 300_000;
/** The time for which the child processes of a killed server can hold its shared memory. */
const predecessorMillisMax = 10_000;
const fastStopMillisMax = 5_000;
const immediateStopMillisMax = 2_000;
const killMillisMax = 500;
const answerMillisMax = 2_000;
const logBytesMax = 16 * 1024 * 1024;
const portTriesMax = 50;

export interface Launch {
  readonly place: DataDirectory;
  readonly binaries: Binaries;
  /** Called again after each collision; undefined when no port is left. */
  readonly choosePort: (attempt: number) => number | undefined;
  readonly settings: readonly string[];
  readonly log: (line: string) => void;
}

/**
 * Starts a postmaster and resolves once it accepts connections. The caller holds the lock and knows that none is
 * running.
 */
export async function startPostmaster(launch: Launch): Promise<RunningPostmaster> {
  const { place } = launch;
  const end = performance.now() + predecessorMillisMax;
  // The file is stale or a copy: PostgreSQL would mistake the process that now has this pid for its predecessor.
  rmSync(join(place.dataDir, 'postmaster.pid'), { force: true });
  let attempt = 0;
  let port = launch.choosePort(attempt);
  for (;;) {
    if (port === undefined) throw unavailable('No port was given to start the embedded PostgreSQL on.');
    const outcome = await tryPort(launch, port);
    if (typeof outcome !== 'string') return outcome;
    if (/could not bind|could not create any TCP\/IP sockets/.test(outcome)) {
      attempt++;
      const next = attempt < portTriesMax ? launch.choosePort(attempt) : undefined;
      if (next === undefined) {
        throw unavailable(
          `Port ${port} of 127.0.0.1 is taken by another program, so the embedded PostgreSQL cannot listen on it: free it, choose another, or give none.`,
        );
      }
      launch.log(`Port ${port} of 127.0.0.1 is taken: PostgreSQL tries port ${next}`);
      port = next;
    } else if (/pre-existing shared memory block/.test(outcome) && performance.now() < end) await wait(50);
    else throw faultFromOutput(`did not start (see ${join(place.home, 'postgres.log')})`, outcome, place.home);
  }
}

/** The postmaster, or the error message of one that failed. */
async function tryPort(launch: Launch, port: number): Promise<RunningPostmaster | string> {
  const { place, binaries, log } = launch;
  const logFile = openLog(place.home);
  const wordsFrom = fstatSync(logFile).size;
  // In a session of its own: Ctrl-C in the terminal reaches only tidemark, which stops PostgreSQL after the last write.
  const child = spawn(program(binaries, 'postgres'), serverArguments(place, port, launch.settings), {
    ...spawnOptions(place.account),
    detached: true,
    stdio: ['ignore', logFile, logFile],
  });
  closeSync(logFile);
  child.unref();
  let ready = false;
  let ended: Error | string | undefined;
  child.once('error', (error) => {
    ended = error;
  });
  child.once('exit', (code, signal) => {
    ended = `exit ${code ?? signal}`;
    if (ready) log(`PostgreSQL (pid ${child.pid}) has ended: ${ended}`);
  });
  const came = await pollUntil(() => {
    const file = readPidFile(place.dataDir);
    ready = file !== undefined && file.pid === child.pid && file.status === 'ready';
    return ready || ended !== undefined;
  }, startMillisMax);
  if (ended instanceof Error) throw ended;
  const postmaster = { pid: child.pid!, birth: processStartTime(child.pid!) ?? 'gone', port };
  if (ready) return postmaster;
  if (!came) await stopPostmaster(postmaster, binaries);
  return readFileSync(join(place.home, 'postgres.log')).subarray(wordsFrom).toString() || `${ended ?? 'too slow'}`;
}

/** Adopts the server that a killed tidemark left behind if its settings match. Otherwise it stops that server. */
export async function adoptPostmaster(
  launch: Launch,
  port: number | undefined,
): Promise<RunningPostmaster | undefined> {
  const { place, log } = launch;
  const found = findPostmaster(place.dataDir);
  if (found === undefined) return undefined;
  const status = () => readPidFile(place.dataDir)?.status;
  await pollUntil(() => !isAlive(found) || status() === 'ready' || status() === 'stopping', startMillisMax);
  const adopted = { ...found, port: readPidFile(place.dataDir)?.port ?? found.port };
  const alike = sameArguments(place, serverArguments(place, port ?? adopted.port, launch.settings));
  if (status() === 'ready' && alike && (await answers(adopted.port))) return adopted;
  log(`PostgreSQL (pid ${found.pid}) of an earlier run was started otherwise or does not answer; starting it anew`);
  await stopPostmaster(found, launch.binaries);
  return undefined;
}

/** Stops with the fast mode, then immediate (the next start recovers), then kill. Resolves once it is gone. */
export async function stopPostmaster(postmaster: RunningPostmaster, binaries: Binaries): Promise<void> {
  const steps = [
    ['SIGINT', fastStopMillisMax],
    ['SIGQUIT', immediateStopMillisMax],
    ['SIGKILL', killMillisMax],
  ] as const;
  for (const [signal, boundMillis] of steps) {
    if (!isAlive(postmaster)) return;
    try {
      send(signal, postmaster.pid, binaries);
    } catch {
      // The process ended by itself in the meantime.
    }
    if (await pollUntil(() => !isAlive(postmaster), boundMillis)) return;
  }
}

/** Windows has no signals: pg_ctl sends PostgreSQL's own. */
function send(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL', pid: number, binaries: Binaries): void {
  if (process.platform !== 'win32' || signal === 'SIGKILL') process.kill(pid, signal);
  else execFileSync(program(binaries, 'pg_ctl'), ['kill', signal.slice(3), String(pid)], { windowsHide: true });
}

function serverArguments(place: DataDirectory, port: number, settings: readonly string[]): string[] {
  return ['-D', place.dataDir, '-c', `port=${port}`, ...settings];
}

/** postmaster.opts holds the command line of the last start, with each argument in quotes. */
function sameArguments(place: DataDirectory, args: readonly string[]): boolean {
  try {
    const line = readFileSync(join(place.dataDir, 'postmaster.opts'), 'utf8').trim();
    return line.endsWith(args.map((arg) => `"${arg}"`).join(' '));
  } catch {
    return false;
  }
}

/** True when a PostgreSQL answers there: it answers a request for TLS with one letter, to any client. */
function answers(port: number): Promise<boolean> {
  const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(sslRequest));
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(answerMillisMax, () => finish(false));
    socket.on('error', () => finish(false)).on('close', () => finish(false));
    socket.on('data', (bytes) => finish(bytes[0] === 0x53 || bytes[0] === 0x4e));
  });
}

/**
 * This process opens the file, so it may be where PostgreSQL's user cannot write. It follows no link, because root
 * would write to its target.
 */
function openLog(home: string): number {
  const path = join(home, 'postgres.log');
  if ((lstatSync(path, { throwIfNoEntry: false })?.size ?? 0) > logBytesMax) renameSync(path, `${path}.1`);
  const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW = 0 } = constants;
  const fd = openSync(path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o600);
  const owner = statSync(home);
  if (isRoot()) fchownSync(fd, owner.uid, owner.gid);
  return fd;
}
