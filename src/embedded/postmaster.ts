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
import { faultFromWords, unavailable } from './faults.ts';
import { birthOf, until } from './living.ts';
import { findPostmaster, isAlive, type Postmaster, readPidFile } from './pid-file.ts';
import type { Place } from './place.ts';

/** Coming up after a crash replays up to max_wal_size of log. */
const startMillisMax = 300_000;
/** How long the last server's children may hold its shared memory after it was killed. */
const predecessorMillisMax = 10_000;
const fastStopMillisMax = 5_000;
const immediateStopMillisMax = 2_000;
const killMillisMax = 500;
const answerMillisMax = 2_000;
const logBytesMax = 16 * 1024 * 1024;
const portTriesMax = 50;

export interface Launch {
  readonly place: Place;
  readonly binaries: Binaries;
  /** Asked again after each collision; undefined: there is no other. */
  readonly choosePort: (attempt: number) => number | undefined;
  readonly settings: readonly string[];
  readonly log: (line: string) => void;
}

/** Starts a postmaster and resolves once it takes connections. The caller holds the lock and knows that none runs. */
export async function startPostmaster(launch: Launch): Promise<Postmaster> {
  const { place } = launch;
  const end = performance.now() + predecessorMillisMax;
  // Stale, or a copy of another's: PostgreSQL would take whoever has that pid now for its predecessor.
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
    else throw faultFromWords(`did not start (see ${join(place.home, 'postgres.log')})`, outcome, place.home);
  }
}

/** The postmaster, or the last words of one that gave up. */
async function tryPort(launch: Launch, port: number): Promise<Postmaster | string> {
  const { place, binaries, log } = launch;
  const logFile = openLog(place.home);
  const wordsFrom = fstatSync(logFile).size;
  // A session of its own: Ctrl-C in the terminal reaches us alone, and we stop it after the last write.
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
  const came = await until(() => {
    const file = readPidFile(place.dataDir);
    ready = file !== undefined && file.pid === child.pid && file.status === 'ready';
    return ready || ended !== undefined;
  }, startMillisMax);
  if (ended instanceof Error) throw ended;
  const postmaster = { pid: child.pid!, birth: birthOf(child.pid!) ?? 'gone', port };
  if (ready) return postmaster;
  if (!came) await stopPostmaster(postmaster, binaries);
  return readFileSync(join(place.home, 'postgres.log')).subarray(wordsFrom).toString() || `${ended ?? 'too slow'}`;
}

/** The server that a killed tidemark left behind, if it is just as we would start it; any other one is stopped. */
export async function adoptPostmaster(launch: Launch, port: number | undefined): Promise<Postmaster | undefined> {
  const { place, log } = launch;
  const found = findPostmaster(place.dataDir);
  if (found === undefined) return undefined;
  const status = () => readPidFile(place.dataDir)?.status;
  await until(() => !isAlive(found) || status() === 'ready' || status() === 'stopping', startMillisMax);
  const adopted = { ...found, port: readPidFile(place.dataDir)?.port ?? found.port };
  const alike = sameArguments(place, serverArguments(place, port ?? adopted.port, launch.settings));
  if (status() === 'ready' && alike && (await answers(adopted.port))) return adopted;
  log(`PostgreSQL (pid ${found.pid}) of an earlier run was started otherwise or does not answer; starting it anew`);
  await stopPostmaster(found, launch.binaries);
  return undefined;
}

/** Fast, then immediate (the next start recovers), then killed; resolves once it is gone. */
export async function stopPostmaster(postmaster: Postmaster, binaries: Binaries): Promise<void> {
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
      // It went by itself just now.
    }
    if (await until(() => !isAlive(postmaster), boundMillis)) return;
  }
}

/** Windows knows no signals: PostgreSQL has its own, which pg_ctl sends. */
function send(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL', pid: number, binaries: Binaries): void {
  if (process.platform !== 'win32' || signal === 'SIGKILL') process.kill(pid, signal);
  else execFileSync(program(binaries, 'pg_ctl'), ['kill', signal.slice(3), String(pid)], { windowsHide: true });
}

function serverArguments(place: Place, port: number, settings: readonly string[]): string[] {
  return ['-D', place.dataDir, '-c', `port=${port}`, ...settings];
}

/** postmaster.opts holds the command line of the last start, each argument in quotes. */
function sameArguments(place: Place, args: readonly string[]): boolean {
  try {
    const line = readFileSync(join(place.dataDir, 'postmaster.opts'), 'utf8').trim();
    return line.endsWith(args.map((arg) => `"${arg}"`).join(' '));
  } catch {
    return false;
  }
}

/** Whether a PostgreSQL answers there: to the question for TLS it says one letter, whoever asks. */
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

/** Ours to open, so it may lie where PostgreSQL's user cannot write. A link is not followed: root would write there. */
function openLog(home: string): number {
  const path = join(home, 'postgres.log');
  if ((lstatSync(path, { throwIfNoEntry: false })?.size ?? 0) > logBytesMax) renameSync(path, `${path}.1`);
  const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW = 0 } = constants;
  const fd = openSync(path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o600);
  const owner = statSync(home);
  if (isRoot()) fchownSync(fd, owner.uid, owner.gid);
  return fd;
}
