import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { transform } from 'esbuild';
import { buildSchema, isScalarType, isSpecifiedScalarType } from 'graphql';
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithBrowser, openPage, startBrowser } from '../support/browser.ts';
import { ingest } from '../support/client.ts';
import { describeWith, installed } from '../support/installed.ts';
import { type Program, program, until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { snippets, type UserProject, userProject } from '../support/snippets.ts';

const t = Date.parse('2026-01-05T09:30:00Z');
const modules = 'test/docs/project/node_modules';

let server: TestServer;
let user: UserProject;
let seconds = 0;

beforeAll(async () => {
  server = await startServer();
  user = userProject({ node_modules: modules, 'schema.graphql': 'schema.graphql' });
  await ingest(server.url, [{ series: 'BTC-USD', t, value: 65_000.5 }]);
});
afterAll(async () => {
  user?.remove();
  await server?.stop();
});

/** The only snippet of a language in a section, with the address of the server of this test. */
function snippet(heading: string, language: string): string {
  const [text, ...others] = snippets('docs/clients.md', heading, language);
  expect(others).toEqual([]);
  return text.replaceAll('//localhost:4000/', `//127.0.0.1:${server.port}/`);
}

async function tick(value: number): Promise<void> {
  seconds++;
  await ingest(server.url, [{ series: 'BTC-USD', t: t + seconds * 1000, value }]);
}

async function running(command: string, path: string, run: (started: Program) => Promise<void>): Promise<void> {
  const started = program(command, [path]);
  try {
    await run(started);
  } finally {
    started.process.kill();
    await started.ended;
  }
}

const points = () => `${seconds + 1} points`;

it('fetch', async () => {
  await running(process.execPath, user.write('fetch.mjs', snippet('fetch', 'js')), async (started) => {
    expect(await started.ended).toEqual({ code: 0, signal: null });
    expect(started.output()).toMatch(new RegExp(`^[\\d.]+ at 2026-01-05T09:30:\\d\\dZ, ${points()}\n$`));
  });
});

it('the table names every scalar of the schema, and no other', () => {
  const scalars = Object.values(buildSchema(readFileSync('schema.graphql', 'utf8')).getTypeMap())
    .filter((type) => isScalarType(type) && !isSpecifiedScalarType(type))
    .map(({ name }) => name);
  const [, section] = readFileSync('docs/clients.md', 'utf8').split('\n## Scalars\n');
  const named = [...section.split('\n## ')[0].matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name);
  expect(named.sort()).toEqual(scalars.sort());
});

describeWith('python3', installed('python3'), 'python3', () => {
  it('Python', async () => {
    await running('python3', user.write('client.py', snippet('Python', 'python')), async (started) => {
      await started.says(points());
      await started.says('SNAPSHOT [');
      await tick(66_001);
      await started.says('CHANGE [66001]');
    });
  });
});

describeWithBrowser('EventSource', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  it('EventSource', async () => {
    const { page, faults } = await openPage(browser, `http://127.0.0.1:${server.port}/livez`);
    const lines: string[] = [];
    page.on('console', (message) => lines.push(message.text()));
    await page.evaluate(snippet('EventSource', 'js'));
    await until(() => lines.some((line) => line.startsWith('SNAPSHOT with ')));
    await tick(66_002);
    await until(() => lines.includes('CHANGE with 66002'));
    expect(faults).toEqual([]);
    await page.close();
  });
});

const project = existsSync(modules) ? modules : undefined;

describeWith('test/docs/project (npm ci --prefix test/docs/project)', project, 'clients from npm', () => {
  it('graphql-sse', async () => {
    await running(process.execPath, user.write('sse.mjs', snippet('graphql-sse', 'js')), async (started) => {
      await started.says('BTC-USD is ');
      await tick(66_003);
      await started.says('BTC-USD is 66003');
    });
  });

  it.each([
    ['Apollo Client', 'apollo.mjs', 66_004],
    ['urql', 'urql.mjs', 66_005],
  ])('%s', async (heading, path, value) => {
    await running(process.execPath, user.write(path, snippet(heading, 'js')), async (started) => {
      await started.says(points());
      await started.says('SNAPSHOT of BTC-USD: ');
      await tick(value);
      await started.says(`CHANGE of BTC-USD: ${value}`);
    });
  });

  it('GraphQL Code Generator: the types of documents are those of the table', async () => {
    const { code } = await transform(snippet('GraphQL Code Generator', 'ts'), { loader: 'ts', format: 'esm' });
    user.write('codegen.mjs', code);
    user.write('chart.graphql', snippet('GraphQL Code Generator', 'graphql'));
    const generate = user.write('generate.mjs', generateScript);
    execFileSync(process.execPath, [generate], { cwd: user.folder });
    const compilerOptions = { strict: true, noEmit: true, module: 'nodenext', types: [], lib: ['ES2022', 'DOM'] };
    user.write('codegen/tsconfig.json', JSON.stringify({ compilerOptions }));
    user.write('codegen/use.ts', useOfTypes("import type { ChartQuery, ChartQueryVariables } from './tidemark.js';"));
    expect(typeErrors('codegen')).toBe('');
  });

  it('gql.tada: the types of documents are those of the table', () => {
    user.write('tada/tsconfig.json', snippet('gql.tada', 'json'));
    user.write('tada/schema.graphql', readFileSync('schema.graphql', 'utf8'));
    user.write('tada/chart.ts', snippet('gql.tada', 'ts'));
    const cli = `${modules}/gql.tada/bin/cli.js`;
    execFileSync(process.execPath, [`${process.cwd()}/${cli}`, 'generate-output'], { cwd: `${user.folder}/tada` });
    const names = 'import type { Chart as ChartQuery, ChartVariables as ChartQueryVariables }';
    user.write('tada/use.ts', useOfTypes(`${names} from './chart.js';`, 'string'));
    expect(typeErrors('tada')).toBe('');
  });

  it('Relay: the compiler accepts the document, and its types are those of the table', () => {
    user.write('relay/relay.config.json', snippet('Relay', 'json'));
    user.write('relay/schema.graphql', readFileSync('schema.graphql', 'utf8'));
    user.write('relay/src/chart.ts', snippet('Relay', 'ts'));
    const cli = `${process.cwd()}/${modules}/relay-compiler/cli.js`;
    execFileSync(process.execPath, [cli], { cwd: `${user.folder}/relay` });
    const types = readFileSync(`${user.folder}/relay/src/__generated__/chartQuery.graphql.ts`, 'utf8');
    expect(types).toContain('readonly t: ReadonlyArray<number>;');
    expect(types).toContain('readonly t: string;');
    expect(types).toContain('from?: string | null | undefined;');
  });
});

/** Runs the plugins that codegen.ts names, as the command line of the generator does. */
const generateScript = `
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import * as operations from '@graphql-codegen/typescript-operations';
import { parse } from 'graphql';
import settings from './codegen.mjs';

const known = { typescript, 'typescript-operations': operations };
const { plugins, config } = settings.generates['src/tidemark.ts'];
const text = await codegen({
  filename: 'tidemark.ts',
  schema: parse(readFileSync('schema.graphql', 'utf8')),
  documents: [{ location: 'chart.graphql', document: parse(readFileSync('chart.graphql', 'utf8')) }],
  plugins: plugins.map((name) => ({ [name]: {} })),
  pluginMap: Object.fromEntries(plugins.map((name) => [name, known[name]])),
  config,
});
mkdirSync('codegen', { recursive: true });
writeFileSync('codegen/tidemark.ts', text);
`;

/** A program that type-checks only when the types are those of the table: each expected error must be one. */
const useOfTypes = (imports: string, instant = 'string | number') => `${imports}

type Series = NonNullable<ChartQuery['series']>;
type Last = NonNullable<Series['last']>;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

export const lastIsText: Same<Last['t'], string> = true;
export const samplesAreNumbers: Same<Series['samples']['t'][number], number> = true;
export const from: Same<NonNullable<ChartQueryVariables['from']>, ${instant}> = true;
// @ts-expect-error a key is needed
export const variables: ChartQueryVariables = {};
`;

/** What the compiler says of a folder with a tsconfig.json. */
function typeErrors(folder: string): string {
  try {
    execFileSync(process.execPath, [`${modules}/typescript/bin/tsc`, '-p', `${user.folder}/${folder}`]);
    return '';
  } catch (error) {
    return String((error as { stdout: Buffer }).stdout);
  }
}
