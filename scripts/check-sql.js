// The functions and views in src/store/sql/, and drizzle/schema.sql, the schema that they and the migrations make together.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const folder = 'src/store/sql';
const generationFile = `${folder}/generation.json`;
const schemaFile = 'drizzle/schema.sql';

const read = (file) => readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
const namesIn = (place, end) =>
  readdirSync(place)
    .filter((name) => name.endsWith(end))
    .sort();

function hashOf(files, more = '') {
  const hash = createHash('sha256').update(more);
  for (const file of files) hash.update(`${file}\n${read(file)}`);
  return hash.digest('hex');
}

const sqlFiles = namesIn(folder, '.sql').map((name) => `${folder}/${name}`);

/** Each file creates one object, named as the file, and does nothing else. */
function fileProblems() {
  return sqlFiles.flatMap((file) => {
    const name = file.slice(folder.length + 1, -'.sql'.length);
    const code = read(file).replaceAll(/--.*$/gm, '').trim();
    const [first] = code.split('\n', 1);
    if (!new RegExp(`^CREATE OR REPLACE (FUNCTION ${name}\\(|VIEW ${name} AS)`).test(first))
      return [
        `${file} must begin with CREATE OR REPLACE FUNCTION ${name}( or CREATE OR REPLACE VIEW ${name} AS, behind its comment`,
      ];
    // The body of a function stands between $$ and $$: outside of it, one statement.
    const statements = code
      .replaceAll(/\$\$[\s\S]*?\$\$/g, '')
      .split(';')
      .filter((part) => part.trim() !== '');
    return statements.length === 1 ? [] : [`${file} must hold one statement, and its body stand between $$ and $$`];
  });
}

/** The generation grows with every change, so that an older program knows a newer set of functions. */
function generationProblems(write) {
  const hash = hashOf(sqlFiles);
  const found = JSON.parse(read(generationFile));
  if (found.hash === hash) return [];
  if (!write) return [`${generationFile} has drifted from the SQL files: run 'npm run generate'`];
  writeFileSync(generationFile, `${JSON.stringify({ generation: found.generation + 1, hash }, null, 2)}\n`);
  return [];
}

function signaturesIn(schema) {
  const found = schema.matchAll(/^CREATE OR REPLACE FUNCTION public\.(\w+)\((.*)\)\n RETURNS (.*)$/gm);
  return Array.from(found, ([, name, parameters, result]) => ({
    name,
    signature: `(${parameters}) returns ${result}`,
  }));
}

function signatureProblems(before, after) {
  const old = new Map(signaturesIn(before).map(({ name, signature }) => [name, signature]));
  const problems = [];
  const seen = new Set();
  for (const { name, signature } of signaturesIn(after)) {
    if (seen.has(name)) problems.push(`the function ${name} exists with two signatures: give the new one a new name`);
    seen.add(name);
    if (!sqlFiles.includes(`${folder}/${name}.sql`))
      problems.push(
        `the migrations create ${name}, but ${folder}/${name}.sql does not exist: restore it, or drop the function in a migration if no running version calls it`,
      );
    if (old.has(name) && old.get(name) !== signature)
      problems.push(
        `${folder}/${name}.sql has another signature than ${schemaFile}: an old process may still call the old one. Keep that file and give the new function a new name (docs/store.md).`,
      );
  }
  return problems;
}

function textOf(inputs, body) {
  const hash = createHash('sha256').update(`${inputs}\n${body}`).digest('hex');
  return `-- The schema that the migrations and src/store/sql/ make, as PostgreSQL's catalogue gives it. Nothing runs this file.\n-- Written by 'npm run generate'. Hash of its sources and its text: ${hash}\n\n${body}`;
}

/** PostgreSQL is started only when the sources or the text have changed since the text was written. */
async function schemaProblems(write) {
  const migrations = namesIn('drizzle', '.sql')
    .map((name) => `drizzle/${name}`)
    .filter((file) => file !== schemaFile);
  const inputs = hashOf([...migrations, ...sqlFiles, 'drizzle/meta/_journal.json', 'src/store/schema-text.ts']);
  const before = existsSync(schemaFile) ? read(schemaFile) : '';
  const body = before.split('\n').slice(3).join('\n');
  if (before === textOf(inputs, body)) return [];
  if (!write) return [`${schemaFile} has drifted from the migrations or from ${folder}/: run 'npm run generate'`];
  const { newSchema } = await import(new URL('../dist-dev/schema.js', import.meta.url).href);
  const { text, hasLz4 } = await newSchema();
  if (hasLz4)
    return [
      `${schemaFile} is written with a PostgreSQL without lz4, as the embedded one on Linux is: columns differ with it`,
    ];
  const problems = signatureProblems(before, text);
  if (problems.length === 0) writeFileSync(schemaFile, textOf(inputs, text));
  return problems;
}

export async function sqlProblems(write) {
  const problems = [...fileProblems(), ...generationProblems(write)];
  return problems.length > 0 ? problems : schemaProblems(write);
}
