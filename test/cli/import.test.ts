import { createHash } from 'node:crypto';
import { appendFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { importHelp, importOptions, parseImportCommand } from '../../src/cli/import-options.ts';
import { startNetwork } from '../client/network.ts';
import { importHere } from '../support/import-here.ts';
import { freePort, scratch, tidemark, until } from '../support/program.ts';
import { done, type StandIn, startStandIn } from './stand-in.ts';

const inputOf = (...words: string[]) => parseImportCommand(['a.csv', ...words]).input;

/** For every option something that it takes, what comes of it, and what it refuses. A new one needs a line here. */
const table: Record<string, { takes: string[]; gives: object; refuses: string[] }> = {
  '--url': { takes: ['http://h:1/graphql'], gives: {}, refuses: ['h:1', 'ftp://h', ''] },
  '--series': { takes: ['BTC-USD'], gives: { series: 'BTC-USD' }, refuses: [''] },
  '--map': {
    takes: ['a=b=value:X=T'],
    gives: { columns: [{ column: 'a=b', role: 'VALUE', series: 'X=T' }] },
    refuses: ['price', 'price=PRICE', '=T', 't=T:X', 'price=VALUE:'],
  },
  '--create-missing': { takes: [], gives: { createMissing: true }, refuses: [] },
  '--partial': { takes: [], gives: { partial: true }, refuses: [] },
  '--preview': { takes: [], gives: { previewOnly: true }, refuses: [] },
  '--note': { takes: ['from the archive'], gives: { note: 'from the archive' }, refuses: [''] },
  '--format': { takes: ['ndjson'], gives: { format: 'NDJSON' }, refuses: ['xlsx', ''] },
  '--delimiter': { takes: ['tab'], gives: { delimiter: '\t' }, refuses: ['', ';;'] },
  '--quote': { takes: ["'"], gives: { quote: "'" }, refuses: ['', '""'] },
  '--header': { takes: ['no'], gives: { header: false }, refuses: ['maybe', ''] },
  '--decimal-comma': { takes: ['yes'], gives: { decimalComma: true }, refuses: [','] },
  '--encoding': { takes: ['windows-1252'], gives: { encoding: 'windows-1252' }, refuses: [''] },
  '--time-format': { takes: ['dd.MM.yyyy'], gives: { timeFormat: 'dd.MM.yyyy' }, refuses: [''] },
  '--time-zone': { takes: ['Europe/Berlin'], gives: { timeZone: 'Europe/Berlin' }, refuses: [''] },
  '--json': { takes: [], gives: {}, refuses: [] },
  '--help': { takes: [], gives: {}, refuses: [] },
  '--commit': { takes: ['x'], gives: {}, refuses: [''] },
  '--undo': { takes: ['x'], gives: {}, refuses: [''] },
};

it('the table above has a line for every option, and help for each', () => {
  expect(Object.keys(table).sort()).toEqual(importOptions.map(({ flag }) => flag).sort());
  for (const { flag, meaning } of importOptions) {
    expect(importHelp()).toMatch(new RegExp(`^  ${flag}( |$)`, 'm'));
    expect(importHelp()).toContain(meaning);
  }
});

describe.each(Object.entries(table))('%s', (flag, { takes, gives, refuses }) => {
  const files = ['--commit', '--undo'].includes(flag) ? [] : ['a.csv'];

  it('takes its values', () => {
    expect(parseImportCommand([...files, flag, ...takes]).input).toEqual(gives);
    if (takes[0]) expect(parseImportCommand([`${flag}=${takes[0]}`, ...files]).input).toEqual(gives);
  });

  it('refuses others, and quotes them', () => {
    for (const wrong of refuses) expect(() => inputOf(flag, wrong)).toThrow(new RegExp(`^${flag} must be .*; it is '`));
    if (takes[0]) expect(() => inputOf(flag)).toThrow(`${flag} needs a value`);
    else expect(() => inputOf(`${flag}=yes`)).toThrow(`${flag} takes no value`);
  });
});

it('words that it cannot use are refused with what was meant', () => {
  expect(() => inputOf('--creat-missing')).toThrow('Did you mean --create-missing?');
  expect(() => parseImportCommand([])).toThrow('Which files?');
  expect(() => parseImportCommand(['-'])).toThrow('standard input (-) is not taken');
  expect(() => parseImportCommand(['a.csv', '--commit', 'x'])).toThrow('a call of their own');
  expect(parseImportCommand(['--json', '--', '-a.csv', '--b'])).toMatchObject({ files: ['-a.csv', '--b'], json: true });
  expect(parseImportCommand(['a', '--url', 'https://h/x/graphql']).server.href).toBe('https://h/x/');
});

describe('against a server', () => {
  const { folder, remove } = scratch();
  let server: StandIn;

  beforeAll(async () => {
    server = await startStandIn();
  });
  beforeEach(() => {
    server.imports.length = 0;
    server.offsets.length = 0;
    server.refuses = 0;
    server.outcome = () => done;
  });
  afterAll(async () => {
    await server.stop();
    remove();
  });

  const file = (name: string, bytes: string | Buffer = `series,t,value\nA,${name},1\nA,2,2\n`) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  const large = (name: string) => file(name, Buffer.alloc(40_000_000, name));
  const start = (words: string[], url = server.url) => {
    const program = tidemark(['import', ...words, '--url', url]);
    onTestFinished(() => void program.process.kill('SIGKILL'));
    return program;
  };
  const run = (words: string[], url = server.url) => importHere([...words, '--url', url]);

  it('sends the bytes and their hash, and says what became of them', async () => {
    const path = file('first.csv');
    server.outcome = (_, bytes) => ({ ...done, rows: bytes.toString().split('\n').length });
    const program = start([path, '--create-missing', '--map', 'value=VALUE', '--note', 'n']);
    const { code } = await program.ended;
    const output = program.output();
    const [{ id, input }] = server.imports;
    expect(output).toContain(`${path}: imported 4 rows (2 new, 0 changed, 0 as they were); revision 7 (import ${id})`);
    expect(code).toBe(0);
    expect(input).toEqual({
      filename: 'first.csv',
      size: 35,
      sha256: createHash('sha256').update('series,t,value\nA,first.csv,1\nA,2,2\n').digest('hex'),
      import: { createMissing: true, note: 'n', columns: [{ column: 'value', role: 'VALUE' }] },
    });
    expect((await run([path])).output).toContain(`${path}: was imported already (import ${id}, revision 7)`);
    expect(server.offsets).toEqual([0]);
  });

  it('several files go one after another in the order given; behind one that fails, none', async () => {
    const [one, two, three] = ['1.csv', '2.csv', '3.csv'].map((name) => file(name));
    server.outcome = ({ input }) => {
      if (input.filename === '1.csv') return done;
      const rejected = [{ line: 3, column: 'value', reason: "'x' is not a number" }];
      return { status: 'FAILED', problem: `Refused: ${rejected[0].reason}.`, rejectedCount: 12, rejected };
    };
    const { code, output } = await run([one, two, three]);
    expect(code).toBe(1);
    expect(server.imports.map(({ input }) => input.filename)).toEqual(['1.csv', '2.csv']);
    expect(output).toContain(
      '\n  12 rows are refused: correct the file, or leave out what is refused with --partial.\n',
    );
    expect(output).toContain("  line 3, column value: 'x' is not a number\n  and 11 more\n  all of them: ");
    expect(output).toContain(`${server.url}/imports/${server.imports[1].id}/rejects.csv`);
    expect(output).toContain(`not sent, as they come after it: ${three}`);
  });

  it('--preview shows how the file is read, and --commit writes it', async () => {
    const path = file('preview.csv');
    server.outcome = () => ({
      status: 'PREVIEWED',
      rows: 2,
      new: 2,
      createdSeries: ['A'],
      movedSeries: ['A.mean'],
      plan: {
        format: 'CSV',
        gzip: false,
        encoding: 'utf-8',
        delimiter: '\t',
        header: true,
        decimalComma: false,
        timeFormat: 'MILLIS',
        timeZone: 'UTC',
        columns: [
          { name: 't', role: 'T', series: null, examples: ['1', '2'] },
          { name: 'price', role: 'VALUE', series: 'A', examples: ['1.5'] },
        ],
      },
    });
    const { code, output } = await run([path, '--preview']);
    const [{ id }] = server.imports;
    expect(code).toBe(0);
    for (const line of [
      `${path}: not imported yet. It holds 2 rows (2 new, 0 changed, 0 as they were)`,
      '  CSV, utf-8; separated by tabs; with a header; instants as MILLIS, UTC where they name no zone',
      '  column  role   series  examples',
      '  t       T              1 | 2',
      '  price   VALUE  A       1.5',
      '  series that would be made: A',
      '  derived series that would move: A.mean',
      `  To import it: node bin/tidemark.js import --commit ${id} --url ${server.url}`,
    ])
      expect(output.split('\n')).toContain(line);
    const committed = await run(['--commit', id, '--partial']);
    expect(committed.output).toContain('preview.csv: imported 2 rows');
    expect(server.imports[0].seen.input).toEqual({ partial: true });
    expect((await run(['--undo', id])).output).toContain(
      'preview.csv: undone in revision 9: 2 points restored; 1 left',
    );
  });

  it.each([
    [
      "there is no series 'A'; create it, or set createMissing",
      ' --create-missing',
      "there is no series 'A'; create it, or set --create-missing",
    ],
    [
      "'1,5' is not a number: say decimalComma: true if",
      ' --partial',
      "'1,5' is not a number: say --decimal-comma yes if",
    ],
  ])('a preview of rows that are refused says how to import the others: %s', async (reason, option, told) => {
    const path = file(`refused${option}.csv`);
    const rejected = [{ line: 2, column: null, reason }];
    server.outcome = () => ({ status: 'PREVIEWED', rows: 2, new: null, changed: 1, rejectedCount: 1, rejected });
    const { output } = await run([path, '--preview']);
    expect(output).toContain('2 rows of several series (1 point changed, 0 as they were, others new, 1 refused)');
    expect(output).toContain(`\n  line 2: ${told}\n`);
    expect(output).toMatch(new RegExp(`: node bin/tidemark.js import --commit .*${option}$`, 'm'));
    const partial = await run([path, '--preview', '--partial']);
    expect(partial.output).toContain('\n  To import it: node ');
  });

  it('--json gives one line for each file, whatever becomes of it', async () => {
    const { code, output } = await run([file('json.csv'), '--json']);
    expect(code).toBe(0);
    const lines = output.split('\n').filter((line) => line.startsWith('{'));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ import: { status: 'DONE', toRevision: 7 } }]);
    const missing = await run([join(folder, 'none.csv'), '--json']);
    expect(missing.code).toBe(2);
    expect(JSON.parse(missing.output.split('\n')[0])).toMatchObject({ error: { code: 'BAD_USER_INPUT' } });
  });

  it('goes on by itself over lost connections and a server that is away', async () => {
    const network = await startNetwork(server.port);
    const path = large('cut.csv');
    const program = start([path], network.url);
    for (let cuts = 0; cuts < 5; cuts++) {
      const before = server.offsets.length;
      await until(() => server.offsets.length > before || server.imports[0]?.seen.status === 'DONE');
      network.cut();
      server.refuses = 2;
    }
    expect({ code: (await program.ended).code, output: program.output() }).toMatchObject({ code: 0 });
    expect(program.output()).toContain('; trying again');
    expect(server.imports).toHaveLength(1);
    expect(server.imports[0].seen).toEqual(done);
    await network.stop();
  });

  it('Ctrl-C ends it at once, and the same command goes on where it was', async () => {
    const path = large('stopped.csv');
    const program = start([path]);
    await until(() => server.offsets.length > 1);
    program.process.kill('SIGINT');
    expect((await program.ended).code).toBe(130);
    expect(program.output()).toContain('stopped. The same command goes on where it was.');
    const [sent] = [server.offsets.length];
    const { code, output } = await run([path]);
    expect(code).toBe(0);
    expect(output).toContain('are there already; it goes on behind them');
    expect(server.offsets[sent]).toBeGreaterThan(0);
    expect(server.imports[0].seen).toEqual(done);
  });

  it.each([
    ['grows', (path: string) => appendFileSync(path, 'more')],
    ['shrinks', (path: string) => truncateSync(path, 100)],
  ])('a file that %s while it is sent is noticed', async (_, change) => {
    const path = large(`changed-${_}.csv`);
    const running = run([path]);
    await until(() => server.offsets.length > 0);
    change(path);
    const { code, output } = await running;
    expect(code).toBe(1);
    expect(output).toContain(`tidemark: ${path} changed while it was being sent`);
    expect(server.imports[0].seen).toEqual({});
  });

  it('says what is wrong: no file, a folder, nobody there, what is no Tidemark, a setting', async () => {
    const path = file('wrong.csv');
    expect(await run([join(folder, 'none.csv')])).toMatchObject({ code: 2 });
    expect((await run([folder])).output).toContain('is no file. Name the files themselves.');
    const nobody = await run([path], `http://127.0.0.1:${await freePort()}`);
    expect(nobody.output).toMatch(/tidemark: No answer from http:.*ECONNREFUSED.* Is the server running\? See --url\./);
    expect(nobody.code).toBe(1);
    server.refuses = 1;
    expect((await run([path])).output).toContain('It stops.');
    const program = tidemark(['--port', '1', 'import', path]);
    expect((await program.ended).code).toBe(2);
    expect(program.output()).toContain('import takes no setting: leave out --port.');
  });
});
