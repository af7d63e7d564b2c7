import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { flagOf, readConfig, settings } from '../../src/config.ts';
import { createDatabase } from '../support/database.ts';
import { freePort, scratch, tidemark } from '../support/program.ts';

async function run(words: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const program = tidemark(words, env);
  const { code } = await program.ended;
  return { code, output: program.output() };
}

/** Runs the program in a process that claims to be another version of Node. */
async function runInNode(node: string, words: readonly string[]) {
  const { folder, remove } = scratch();
  const claim = join(folder, 'claim.cjs');
  writeFileSync(
    claim,
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${node}' } });`,
  );
  const result = await run(words, { NODE_OPTIONS: `--require ${claim}` });
  remove();
  return result;
}

/** One line that names the setting, and exit code 1. */
async function refusal(env: NodeJS.ProcessEnv, words: readonly string[] = ['serve']): Promise<string> {
  const { code, output } = await run(words, { PORT: '0', ...env });
  const lines = output
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('tidemark: '));
  expect({ code, lines: lines.length, output }).toMatchObject({ code: 1, lines: 1 });
  return lines[0];
}

describe('the command line', () => {
  test('--help lists every command and every setting', async () => {
    const { code, output } = await run(['--help']);
    expect(code).toBe(0);
    for (const entry of settings) expect(output).toContain(`${flagOf(entry)} <`);
    for (const command of ['serve', 'migrate', 'doctor', 'print-schema'])
      expect(output).toMatch(new RegExp(`^  ${command} `, 'm'));
  });

  test('print-schema prints schema.graphql', async () => {
    expect((await run(['print-schema'])).output).toBe(readFileSync('schema.graphql', 'utf8'));
  });

  test('no command, an unknown one, an unknown option, a missing value: exit 2, with a suggestion', async () => {
    expect((await run([])).code).toBe(2);
    expect(await run(['serv'])).toMatchObject({ code: 2, output: expect.stringContaining('Did you mean serve?') });
    expect(await run(['serve', '--prot', '1'])).toMatchObject({
      code: 2,
      output: expect.stringContaining('Did you mean --port?'),
    });
    expect(await run(['serve', '--port'])).toMatchObject({ code: 2, output: expect.stringContaining('needs a value') });
    expect(await run(['serve', '--port', 'many'])).toMatchObject({
      code: 2,
      output: expect.stringContaining('--port must be'),
    });
    expect(await run(['serve'], { PORT: '70000' })).toMatchObject({
      code: 2,
      output: expect.stringContaining('PORT must be'),
    });
  });

  test.each(['18.20.8', '20.18.3', '4.9.1'])('Node %s is refused before anything is loaded', async (node) => {
    const least = /\d+\.\d+/.exec(JSON.parse(readFileSync('package.json', 'utf8')).engines.node)?.[0];
    const output = `tidemark: Node ${node} is too old. Install Node ${least} or later.\n`;
    for (const command of ['serve', 'doctor', '--version'])
      expect(await runInNode(node, [command])).toEqual({ code: 1, output });
  });

  test.each(['20.19.0', '22.0.0', '100.0.0'])('Node %s is not refused', async (node) => {
    expect(await runInNode(node, ['--version'])).toMatchObject({ code: 0 });
  });

  test('migrate makes the tables, and again changes nothing', async () => {
    const database = await createDatabase({ empty: true });
    const first = await run(['migrate'], { DATABASE_URL: database.url });
    expect(first).toMatchObject({ code: 0, output: expect.stringContaining('up to date') });
    expect((await run(['migrate'], { DATABASE_URL: database.url })).code).toBe(0);
    await database.drop();
  });

  test('doctor says what is well and what is not', async () => {
    const { folder, remove } = scratch();
    const well = await run(['doctor'], { TIDEMARK_HOME: folder, PORT: String(await freePort()) });
    expect(well.output).not.toContain('fail');
    expect(well.output).toMatch(new RegExp(`^ok {4}uploads: ${folder}/uploads, \\d+ GB free$`, 'm'));
    expect(well.code).toBe(0);
    const ill = await run(['doctor'], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', PORT: '0' });
    expect(ill).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^fail {2}PostgreSQL: DATABASE_URL.*127\.0\.0\.1:1/m),
    });
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    for (const uploads of [file, join(file, 'uploads')]) {
      const { code, output } = await run(['doctor'], { TIDEMARK_HOME: folder, UPLOADS: uploads, PORT: '0' });
      expect({ code, output }).toMatchObject({
        code: 1,
        output: expect.stringContaining(`fail  uploads: UPLOADS: ${file} `),
      });
    }
    remove();
  });
});

describe('what cannot be used at start is named in one line', () => {
  test('a port that is taken', async () => {
    const holder = createServer();
    holder.listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    const port = typeof address === 'object' && address ? String(address.port) : '';
    expect(await refusal({ PORT: port, DATABASE_URL: inject('serverUrl') })).toMatch(
      new RegExp(`PORT: 127.0.0.1:${port} is taken`),
    );
    holder.close();
  });

  test('a folder for uploads that is a file', async () => {
    const { folder, remove } = scratch();
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    const env = { UPLOADS: join(file, 'uploads'), DATABASE_URL: inject('serverUrl') };
    expect(await refusal(env)).toBe(`tidemark: UPLOADS: ${file} is a file, not a folder. Set UPLOADS to another one.`);
    remove();
  });

  test('a TIDEMARK_HOME that is a file, with an embedded PostgreSQL and with another one', async () => {
    const { folder, remove } = scratch();
    const home = join(folder, 'a-file');
    writeFileSync(home, '');
    const wanted = `TIDEMARK_HOME: ${home} is a file, not a folder. Set TIDEMARK_HOME to another one.`;
    expect(await refusal({ TIDEMARK_HOME: home })).toBe(`tidemark: ${wanted}`);
    expect(await refusal({ TIDEMARK_HOME: home, DATABASE_URL: inject('serverUrl') })).toBe(`tidemark: ${wanted}`);
    const { code, output } = await run(['doctor'], { TIDEMARK_HOME: home, PORT: '0' });
    expect(code).toBe(1);
    for (const what of ['home', 'uploads']) expect(output).toContain(`fail  ${what}: ${wanted}`);
    expect(output).not.toContain('UPLOADS');
    remove();
  });

  test('no PostgreSQL there, a wrong password, no such database, a user without rights', async () => {
    expect(await refusal({ DATABASE_URL: 'postgres://a@127.0.0.1:1/x' })).toMatch(
      /DATABASE_URL: no answer from PostgreSQL at 127.0.0.1:1/,
    );
    const wrong = new URL(inject('serverUrl'));
    wrong.password = 'wrong';
    expect(await refusal({ DATABASE_URL: wrong.toString() })).toMatch(/DATABASE_URL: .* refuses this user or password/);
    const nowhere = new URL(inject('serverUrl'));
    nowhere.pathname = '/nowhere';
    expect(await refusal({ DATABASE_URL: nowhere.toString() })).toMatch(/DATABASE_URL: .* has no such database/);
    const database = await createDatabase({ empty: true });
    const powerless = new URL(database.url);
    powerless.username = 'powerless';
    powerless.password = 'powerless';
    const { admin } = await import('../support/database.ts');
    await admin((client) =>
      client.query(
        "DO $$ BEGIN CREATE ROLE powerless LOGIN PASSWORD 'powerless'; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
      ),
    );
    expect(await refusal({ DATABASE_URL: powerless.toString() })).toMatch(/DATABASE_URL: .* may not create tables/);
    await database.drop();
  });

  test('no Redis there', async () => {
    const database = await createDatabase();
    expect(await refusal({ DATABASE_URL: database.url, REDIS_URL: 'redis://127.0.0.1:1' })).toMatch(
      /REDIS_URL: no answer from Redis at 127.0.0.1:1/,
    );
    await database.drop();
  });

  test('a worker that is not told of its database', async () => {
    expect(await refusal({ ROLE: 'worker' })).toMatch(/DATABASE_URL: a worker/);
  });
});

describe('settings', () => {
  test('every default is one that its setting takes', () => {
    const config = readConfig(new Map(), {});
    for (const entry of settings) {
      if (entry.fallback !== undefined)
        expect(config[entry.name], entry.env).toStrictEqual(entry.parse(entry.fallback));
      else expect(config[entry.name], entry.env).toBeUndefined();
    }
  });

  test('every setting refuses what it cannot be, by the name that it was given under', () => {
    for (const entry of settings) {
      const wrong =
        entry.name === 'home' || entry.name === 'uploads'
          ? ''
          : entry.name === 'host'
            ? 'two words'
            : '\u0000 not this';
      if (wrong === '') continue;
      expect(() => readConfig(new Map(), { [entry.env]: wrong }), entry.env).toThrow(
        new RegExp(`^${entry.env} must be `),
      );
      expect(() => readConfig(new Map([[flagOf(entry), wrong]]), {}), entry.env).toThrow(
        new RegExp(`^${flagOf(entry)} must be `),
      );
    }
  });

  test('an option wins over the environment, an empty variable is none', () => {
    expect(readConfig(new Map([['--port', '5']]), { PORT: '6' }).port).toBe(5);
    expect(readConfig(new Map(), { PORT: '6' }).port).toBe(6);
    expect(readConfig(new Map(), { PORT: '' }).port).toBe(4000);
  });
});
