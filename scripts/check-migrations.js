// A committed migration never changes: databases that have run it would not run it again. drizzle/hashes.json lists them.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const list = 'drizzle/hashes.json';
/** Functions and views of later migrations would be a second home beside src/store/sql/. */
const lastWithFunctions = 11;

/** Compares the migrations with the list; `write` adds those that it lacks, and changes no line. */
export function migrationProblems(write) {
  const { entries } = JSON.parse(readFileSync('drizzle/meta/_journal.json', 'utf8'));
  const hashes = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : {};
  const problems = [];
  const missing = [];
  for (const { idx, tag, when } of entries) {
    const file = `drizzle/${tag}.sql`;
    if (!existsSync(file)) {
      problems.push(`${file} is in drizzle/meta/_journal.json but does not exist: restore it from git`);
      continue;
    }
    const text = readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
    const hash = createHash('sha256').update(`${when}\n${text}`).digest('hex');
    if (!(tag in hashes)) missing.push([tag, hash]);
    else if (hashes[tag] !== hash) {
      problems.push(
        `${file} or its 'when' in the journal has changed since it was listed in ${list}. Databases that have run it would not run it again: restore it and write a new migration (npx drizzle-kit generate --name <what>). Only if it was never on main: delete its line in ${list} and run 'npm run generate'.`,
      );
    }
    const code = text.replaceAll(/--.*$/gm, '');
    if (idx > lastWithFunctions && /\bCREATE\s+(OR\s+REPLACE\s+)?(FUNCTION|PROCEDURE|VIEW)\b/i.test(code)) {
      problems.push(`${file} creates a function or a view: move it to a file of its own in src/store/sql/`);
    }
  }
  const tags = new Set(entries.map(({ tag }) => tag));
  for (const tag of Object.keys(hashes)) {
    if (!tags.has(tag))
      problems.push(
        `${tag} is listed in ${list} but not in the journal: restore drizzle/${tag}.sql and its entry from git`,
      );
  }
  if (missing.length > 0 && write) {
    writeFileSync(list, `${JSON.stringify({ ...hashes, ...Object.fromEntries(missing) }, null, 2)}\n`);
  } else {
    for (const [tag] of missing) problems.push(`drizzle/${tag}.sql is not listed in ${list}: run 'npm run generate'`);
  }
  return problems;
}
