// Checks names and words: an exported name stands once in src, the glossary defines each term once, and comments name their subject.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const problems = [];

function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : /\.tsx?$/.test(path) ? [path] : [];
  });
}

/** Comments that begin like this hide their subject, and these phrases have no measure. */
const vague = [
  [/(?:\/\*\*|\/\/|^\s*\*)\s*(?:What|Who|Whoever|Whose|Whatever)\b/, 'begins with its object: name the actor'],
  [/\b[Ss]o (?:many|long|much)\b(?! as\b)/, 'says "so many", "so long" or "so much": give the number or its name'],
];

const files = filesIn('src');
const exporters = new Map();
for (const path of files) {
  const text = readFileSync(path, 'utf8');
  for (const [, name] of text.matchAll(/^export (?:declare )?(?:abstract )?(?:interface|class|type|enum) (\w+)/gm)) {
    exporters.set(name, [...(exporters.get(name) ?? []), path]);
  }
  for (const [i, line] of text.split('\n').entries()) {
    for (const [pattern, problem] of vague) if (pattern.test(line)) problems.push(`${path}:${i + 1}: ${problem}`);
  }
}
for (const [name, paths] of exporters)
  if (paths.length > 1) problems.push(`the type ${name} is exported by ${paths.join(' and ')}: give each its own name`);

const defined = new Set();
for (const [, term] of readFileSync('docs/glossary.md', 'utf8').matchAll(/^\| ([^|]+?) \| /gm)) {
  if (term === 'term' || /^-+$/.test(term)) continue;
  if (defined.has(term)) problems.push(`docs/glossary.md defines '${term}' twice`);
  defined.add(term);
}

for (const problem of problems) console.error(problem);
console.log(
  problems.length === 0
    ? `names: ${exporters.size} types, ${defined.size} terms`
    : `names: ${problems.length} problems`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
