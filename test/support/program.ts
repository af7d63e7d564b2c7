import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

export function scratch(parent = tmpdir()): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(parent, 'tidemark-life-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface Program {
  readonly process: ChildProcess;
  readonly pid: number;
  /** All that it wrote, standard output and error in one. */
  output(): string;
  /** Resolves when the output holds the text; rejects when the program ends first. */
  says(text: string): Promise<void>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** The built program as a process of its own, with nothing in its environment but what is given. */
export function tidemark(words: readonly string[], env: NodeJS.ProcessEnv = {}, detached = false): Program {
  return program(process.execPath, ['bin/tidemark.js', ...words], env, detached);
}

export function program(
  command: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv = {},
  detached = false,
): Program {
  const child = spawn(command, words, {
    env: { PATH: process.env.PATH, HOME: tmpdir(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached,
  });
  let output = '';
  let heard: (() => void)[] = [];
  const hear = (chunk: Buffer) => {
    output += chunk.toString();
    for (const each of heard.splice(0)) each();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  let over = false;
  const ended = once(child, 'close').then(([code, signal]) => {
    over = true;
    for (const each of heard.splice(0)) each();
    return { code, signal };
  });
  return {
    process: child,
    pid: child.pid ?? 0,
    output: () => output,
    says: async (text) => {
      while (!output.includes(text)) {
        if (over) throw new Error(`it ended without saying '${text}': ${output}`);
        await new Promise<void>((resolve) => {
          heard = [...heard, resolve];
        });
      }
    },
    ended,
  };
}

/** Asks until the answer is yes; the test's own time limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

export function isAlive(pid: number): boolean {
  try {
    const [, state] = /^\d+ \(.*\) (\S)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return state !== 'Z';
  } catch {
    return false;
  }
}

/** The processes whose command line holds a text: pid and command. */
export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
