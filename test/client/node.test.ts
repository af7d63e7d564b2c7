import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ingest } from '../support/client.ts';
import { type Program, program } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { snippets, type UserProject, userProject } from '../support/snippets.ts';
import { t } from './following.ts';

let server: TestServer;
let user: UserProject;

beforeAll(async () => {
  server = await startServer();
  user = userProject({ 'node_modules/tidemark': '.' });
  await ingest(server.url, [{ series: 'BTC-USD', t, value: 65_000.5 }]);
});
afterAll(async () => {
  user?.remove();
  await server?.stop();
});

async function withProgram(path: string, run: (running: Program) => Promise<void>): Promise<void> {
  const running = program(process.execPath, [path]);
  try {
    await run(running);
  } finally {
    running.process.kill();
    await running.ended;
  }
}

/** Of the snippet only the address is another one. */
const snippet = () => {
  const [text] = snippets('README.md', 'A first subscription', 'js');
  expect(text).toContain('http://localhost:4000/graphql');
  return text.replace('http://localhost:4000/graphql', server.url);
};

it("the README's client runs as it is where only tidemark is installed, and prints what is there and what comes", async () => {
  await withProgram(user.write('follow.mjs', snippet()), async (running) => {
    await running.says('1 points, last 65000.5');
    const { revision } = await ingest(server.url, [{ series: 'BTC-USD', t: t + 1000, value: 65_012 }]);
    await running.says(`revision ${revision}: 2 points, last 65012`);
  });
});

it('so does a program in CommonJS, and one that a bundler made of it', async () => {
  const required = snippet()
    .replace(/^import (.*) from 'tidemark\/client';/m, "const $1 = require('tidemark/client');")
    .replace(/^(for await .*)$/ms, '(async () => {\n$1\n})();');
  await withProgram(user.write('follow.cjs', required), (running) => running.says('points, last'));
  const path = user.write(
    'source.mjs',
    `${required.replace(/^const (.*) = require.*$/m, "import $1 from 'tidemark/client';")}`,
  );
  const options = { bundle: true, platform: 'node', target: 'node20', logLevel: 'silent' } as const;
  for (const [format, name] of [
    ['cjs', 'bundled.cjs'],
    ['esm', 'bundled.mjs'],
  ] as const) {
    const banner = {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    };
    const outfile = `${user.folder}/${name}`;
    await build({ ...options, entryPoints: [path], outfile, format, ...(format === 'esm' && { banner }) });
    await withProgram(outfile, (running) => running.says('points, last'));
  }
});

it('what a bundler makes for a browser contains nothing of ws', async () => {
  const path = user.write('page.mjs', snippet());
  const { metafile } = await build({
    entryPoints: [path],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    metafile: true,
    logLevel: 'silent',
    absWorkingDir: user.folder,
  });
  const inputs = Object.keys(metafile.inputs);
  expect(inputs.filter((input) => /node_modules\/ws\/|client-node/.test(input))).toEqual([]);
  expect(inputs.some((input) => input.endsWith('dist/client.js'))).toBe(true);
});
