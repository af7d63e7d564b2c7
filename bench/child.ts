import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { World } from './world.ts';

const startMillisMax = 30_000;
const stopMillisMax = 12_000;

/** Ends a child by its own id; resolves when it is gone. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMillisMax);
  await gone;
  clearTimeout(timer);
}

/** A server that runs as a process of its own. */
export interface RunningServer {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

async function portFrom(child: ChildProcess, pattern: RegExp): Promise<number> {
  let said = '';
  const port = new Promise<number>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-10_000);
      const match = pattern.exec(said);
      if (match) resolve(Number(match[1]));
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`a server under test did not start: ${said}`)));
    setTimeout(() => reject(new Error(`a server under test took too long to start: ${said}`)), startMillisMax).unref();
  });
  return port;
}

async function startServer(world: World, args: readonly string[], env: NodeJS.ProcessEnv, pattern: RegExp) {
  const profile = world.profileDir === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', world.profileDir];
  const child = spawn(process.execPath, [...profile, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = () => stopChild(child);
  world.defer(stop);
  return { port: await portFrom(child, pattern), pid: child.pid ?? 0, stop };
}

/** Where a program keeps things: files that come lie in the folder of this run. */
function placesOf({ folder }: World, url: string): NodeJS.ProcessEnv {
  return { DATABASE_URL: url, TIDEMARK_HOME: join(folder, 'program') };
}

/** The program as users run it. */
export function startProgram(
  world: World,
  url: string,
  role: 'api' | 'all' = 'api',
  redisUrl = '',
): Promise<RunningServer> {
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  return startServer(
    world,
    [main, 'serve', '--role', role, '--port', '0'],
    { ...placesOf(world, url), REDIS_URL: redisUrl, SOCKETS_PER_CLIENT: '100000' },
    /http:\/\/localhost:(\d+)\/graphql[\s\S]*Try it/,
  );
}

/** A worker as users run it, on a database that another program serves. */
export function startWorker(world: World, url: string): Promise<RunningServer> {
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  return startServer(world, [main, 'serve', '--role', 'worker'], placesOf(world, url), /worker is ready()/);
}

const self = fileURLToPath(new URL('bench.js', import.meta.url));

export function startPeer(
  world: World,
  name: 'yoga' | 'mercurius' | 'broadcast' | 'floor',
  ...words: readonly string[]
): Promise<RunningServer> {
  return startServer(world, [self, '--child', name, ...words], {}, /listening on (\d+)/);
}

/** Another process of this program that is talked to by messages. */
export function startSelf(
  world: World,
  name: 'load' | 'subscribers' | 'pace' | 'parsing',
  ...words: readonly string[]
): ChildProcess {
  const child = spawn(process.execPath, [self, '--child', name, ...words], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  world.defer(() => stopChild(child));
  return child;
}
