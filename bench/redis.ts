import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { stopChild } from './child.ts';
import type { World } from './world.ts';

/** A Redis that keeps nothing; undefined where there is none: what needs one is then measured over PostgreSQL alone. */
export async function startRedis(world: World): Promise<string | undefined> {
  if (spawnSync('redis-server', ['--version']).status !== 0) return undefined;
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  const port = String(typeof address === 'object' && address ? address.port : 0);
  probe.close();
  await once(probe, 'close');
  const words = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', world.folder];
  const child = spawn('redis-server', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  world.defer(() => stopChild(child));
  for await (const line of createInterface({ input: child.stdout })) if (line.includes('Ready to accept')) break;
  child.stdout.resume();
  return `redis://127.0.0.1:${port}`;
}
