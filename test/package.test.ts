import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

function npm(...words: string[]): string {
  return execFileSync('npm', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

const { name, bin, exports } = JSON.parse(readFileSync('package.json', 'utf8'));
/** Without scripts: they would rebuild dist/ while other tests read it. */
const [packed] = JSON.parse(npm('pack', '--dry-run', '--json', '--ignore-scripts'));
const paths: string[] = packed.files.map(({ path }: { path: string }) => path);

test('the package has the program, its migrations, the client, the documentation and the examples', () => {
  for (const path of [
    'README.md',
    'CHANGELOG.md',
    'LICENSE',
    'schema.graphql',
    'dist/main.js',
    'dist/jobs.js',
    'dist/graphiql/index.js',
    'drizzle/0000_tables.sql',
    'drizzle/meta/_journal.json',
    'docs/client.md',
    'docs/formulas.md',
    'docs/decisions/0001-columns-are-scalars-for-execution.md',
    'examples/chart.html',
    'examples/follow.js',
    bin[name],
    ...(Object.values(exports['./client']) as string[]),
    exports['./client'].node,
  ].map((path) => path.replace('./', ''))) {
    expect(paths).toContain(path);
  }
});

test('the package has no benchmarks, tests, sources or source maps, and stays small', () => {
  const unwanted = /^(src|test|bench|scripts|dist-dev|node_modules)\/|\.map$|bench|_snapshot\.json$|^\.|package-lock/;
  expect(paths.filter((path) => unwanted.test(path))).toEqual([]);
  expect(packed.size).toBeLessThan(5_000_000);
});

test('every file that a bundle of the package imports is in the package', () => {
  for (const path of paths.filter((path) => /^dist\/[^/]+\.js$/.test(path))) {
    const text = readFileSync(path, 'utf8');
    for (const [, specifier] of text.matchAll(
      /^(?:import|export)\b[^'";]*from "(\.[^"]+)"|\bimport\("(\.[^"]+)"\)/gm,
    )) {
      if (specifier !== undefined) expect(paths).toContain(join(dirname(path), specifier));
    }
  }
});

test('the documentation of the package links to files that exist', () => {
  for (const path of paths.filter((path) => path.endsWith('.md'))) {
    for (const [, target] of readFileSync(path, 'utf8').matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)[^)]*\)/g))
      expect(existsSync(join(dirname(path), target)), `${path} links to ${target}`).toBe(true);
  }
});

test('recipes and the page for contributors name files and scripts that exist', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  for (const page of ['docs/recipes.md', 'docs/contributing.md']) {
    const text = readFileSync(page, 'utf8');
    for (const [path] of text.matchAll(/\b(?:src|test|scripts|docs|drizzle|bin)\/[\w./-]+\.(?:ts|js|sql|md|json)\b/g))
      expect(existsSync(path), `${page} names ${path}`).toBe(true);
    for (const [, script] of text.matchAll(/\bnpm run (\w+)/g)) expect(scripts).toHaveProperty(script);
  }
});

test('the index of decisions lists each with its title, its date and its status', () => {
  const index = readFileSync('docs/decisions/README.md', 'utf8');
  for (const file of readdirSync('docs/decisions').filter((name) => /^\d{4}-/.test(name))) {
    const [, title] = /^# \d+\. (.+)/.exec(readFileSync(`docs/decisions/${file}`, 'utf8')) ?? [];
    const row = `\\| ${Number(file.slice(0, 4))} \\| \\[.+\\]\\(${file}\\) \\| \\d{4}-\\d\\d-\\d\\d \\| (accepted|superseded by \\d+) \\|`;
    expect(index).toMatch(new RegExp(row));
    expect(index).toContain(`[${title}]`);
  }
});

test('the lock file holds the versions that package.json and all packages ask for', () => {
  expect(() => npm('ls', '--all')).not.toThrow();
  expect(readFileSync('package.json', 'utf8')).not.toContain('"overrides"');
});
