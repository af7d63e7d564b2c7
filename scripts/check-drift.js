// What is generated is committed: schema.graphql, the operations of the client, the table of settings in the README, docs/formulas.md, drizzle/. --write renews them.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrationProblems } from './check-migrations.js';
import { sqlProblems } from './check-sql.js';
import { clientOperations } from './client-operations.js';

const write = process.argv.includes('--write');
const problems = [];

function tidemark(...words) {
  return execFileSync(process.execPath, ['bin/tidemark.js', ...words], { encoding: 'utf8' });
}

function compare(file, wanted) {
  const found = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (found === wanted) return;
  if (write) writeFileSync(file, wanted);
  else problems.push(`${file} has drifted from the code: run 'npm run generate'`);
}

function formatted(file, text) {
  return execFileSync('npx', ['biome', 'format', `--stdin-file-path=${file}`], { input: text, encoding: 'utf8' });
}

function between(text, name, wanted) {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < 0) throw new Error(`README.md has no ${start} ... ${end}`);
  return `${text.slice(0, from + start.length)}\n${wanted}\n${text.slice(to)}`;
}

compare('schema.graphql', tidemark('print-schema'));
compare('src/client/operations.ts', formatted('src/client/operations.ts', clientOperations()));
const { settingsTable } = await import(new URL('../dist-dev/help.js', import.meta.url).href);
compare('README.md', between(readFileSync('README.md', 'utf8'), 'settings', settingsTable()));
const { formulasDocument } = await import(new URL('../dist-dev/formulas.js', import.meta.url).href);
const { operators } = await import(new URL('../dist-dev/operators.js', import.meta.url).href);
compare('docs/formulas.md', formulasDocument(operators));

// drizzle-kit writes a further migration when the tables in code say more than the migrations do.
const copy = mkdtempSync(join(tmpdir(), 'tidemark-drift-'));
cpSync('drizzle', copy, { recursive: true });
const before = readdirSync(copy).length;
execFileSync(
  'npx',
  ['drizzle-kit', 'generate', '--dialect', 'postgresql', '--schema', './src/store/tables.ts', '--out', copy],
  { stdio: 'pipe' },
);
if (readdirSync(copy).length !== before)
  problems.push("src/store/tables.ts says more than drizzle/ does: run 'npx drizzle-kit generate --name <what>'");
rmSync(copy, { recursive: true, force: true });
problems.push(...migrationProblems(write), ...(await sqlProblems(write)));

for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? 'drift: none' : `drift: ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
