import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase } from './support/database.ts';

/** No container engine is needed for this: the last stage's file list is laid out in a folder, and its command run there. */
const dockerfile = readFileSync('Dockerfile', 'utf8');
const lastStage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));

function instruction(name: string): string[] {
  const [, list] = new RegExp(`^${name}.*?(\\[.*\\])$`, 'm').exec(lastStage) ?? [];
  return JSON.parse(list ?? '[]');
}

const copies = [...lastStage.matchAll(/^COPY (?:--from=\S+ )?(.+) \S+$/gm)]
  .flatMap((match) => match[1].split(' '))
  .map((path) => path.replace(/^\/app\//, ''));

let folder: string;
let database: Awaited<ReturnType<typeof createDatabase>>;
let server: ChildProcess | undefined;

beforeAll(async () => {
  database = await createDatabase({ empty: true });
  folder = mkdtempSync(join(tmpdir(), 'tidemark-container-'));
  for (const path of copies) {
    if (path === 'node_modules') symlinkSync(resolve('node_modules'), join(folder, path));
    else cpSync(path, join(folder, path), { recursive: true });
  }
});

afterAll(async () => {
  if (server && server.exitCode === null) {
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

function run(words: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const [program, ...rest] = words;
  return spawn(program === 'node' ? process.execPath : program, rest, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

test('the image holds all that its command needs: it serves, is healthy, and ends on SIGTERM', async () => {
  const env = {
    NODE_ENV: 'production',
    HOST: '0.0.0.0',
    PORT: String(21_000 + (process.pid % 9_000)),
    DATABASE_URL: database.url,
  };
  server = run([...instruction('ENTRYPOINT'), ...instruction('CMD')], env);
  let output = '';
  for await (const chunk of server.stdout ?? []) {
    output += chunk;
    if (output.includes('Try it:')) break;
  }
  expect(output).toContain('is ready');

  const healthy = run(instruction('HEALTHCHECK'), env);
  expect(await once(healthy, 'exit')).toEqual([0, null]);

  server.kill('SIGTERM');
  expect(await once(server, 'exit')).toEqual([0, null]);
  const ended = run(instruction('HEALTHCHECK'), env);
  expect(await once(ended, 'exit')).toEqual([1, null]);
});

test('API and workers share the folder of uploads: a volume, whose place belongs to their user', () => {
  const [, uploads] = /^ENV .*\bUPLOADS=(\S+)/m.exec(lastStage) ?? [];
  const made = lastStage.indexOf(`\nRUN install -d -o node -g node ${uploads}\n`);
  expect(made).toBeGreaterThan(-1);
  expect(made).toBeLessThan(lastStage.indexOf('\nUSER node\n'));
  const compose = readFileSync('compose.yaml', 'utf8').split(/^ {2}(?=\w+:$)/m);
  const service = (name: string) => compose.find((text) => text.startsWith(`${name}:\n`));
  expect(service('api')).toContain(`volumes: &uploads ["uploads:${uploads}"]`);
  expect(service('worker')).toContain('volumes: *uploads');
  expect(service('uploads')).toBeDefined();
});

test('what the build stages copy is in the repository and not left out by .dockerignore', () => {
  const ignored = readFileSync('.dockerignore', 'utf8').split('\n');
  const wanted = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) => match[1].split(' '));
  expect(wanted.length).toBeGreaterThan(8);
  for (const path of wanted) {
    expect(existsSync(path), path).toBe(true);
    expect(ignored).toContain(`!${path}`);
  }
});
