import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { describeWith, installed } from './installed.ts';

const program = installed('redis-server');

export function describeWithRedis(name: string, define: () => void): void {
  describeWith('redis-server', program, name, define);
}

export interface TestRedis {
  readonly url: string;
  /** Closes the connections of those who listen. */
  cutSubscribers(): Promise<void>;
  keys(): Promise<string[]>;
  /** Takes away all that it holds. */
  empty(): Promise<void>;
  /** Ends it at once, and all that it held with it. */
  kill(): Promise<void>;
  /** One that was killed is there again, at the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A port that was free just now, below those from which the system takes ports for outgoing connections. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 8_000);
    const probe = createServer();
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

/** A Redis of this test's own, on this machine only, which keeps nothing. */
export async function startRedis(...settings: string[]): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-redis-'));
  for (;;) {
    const port = await freePort();
    const usual = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
    const begin = () =>
      spawn(program ?? 'redis-server', [...usual, ...settings], { stdio: ['ignore', 'pipe', 'inherit'] });
    let child = begin();
    if (!(await saysReady(child))) continue;
    const end = async (signal: NodeJS.Signals) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      await once(child, 'exit');
    };
    return {
      url: `redis://127.0.0.1:${port}`,
      cutSubscribers: () => told(port, async (client) => void (await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'))),
      keys: () => told(port, (client) => client.keys('*')),
      empty: () => told(port, async (client) => void (await client.flushall())),
      kill: () => end('SIGKILL'),
      restart: async () => {
        child = begin();
        if (!(await saysReady(child))) throw new Error(`Redis does not start again at port ${port}`);
      },
      stop: async () => {
        await end('SIGTERM');
        rmSync(folder, { recursive: true, force: true });
      },
    };
  }
}

async function told<T>(port: number, run: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(port, '127.0.0.1');
  try {
    return await run(client);
  } finally {
    client.disconnect();
  }
}

async function saysReady(child: ChildProcess): Promise<boolean> {
  for await (const line of createInterface({ input: child.stdout! })) {
    if (line.includes('Ready to accept connections')) {
      child.stdout!.resume();
      return true;
    }
  }
  return false;
}
