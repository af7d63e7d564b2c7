// The layering is a table: who may import whom, and which folder alone owns which package. Fails with the offending line.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** Folders of src/ from the bottom up, each with those it may import beside itself. */
const layers = {
  engine: [],
  concurrency: [],
  client: [],
  embedded: ['engine'],
  store: ['engine', 'concurrency'],
  bell: ['engine'],
  query: ['engine', 'store'],
  derive: ['engine', 'concurrency', 'store'],
  market: ['engine', 'store'],
  ingest: ['engine', 'concurrency', 'store'],
  imports: ['engine', 'concurrency', 'store', 'ingest', 'derive', 'bell'],
  recompute: ['engine', 'concurrency', 'store', 'derive', 'bell'],
  upkeep: ['engine', 'concurrency', 'store', 'bell'],
  feed: ['engine', 'concurrency', 'store', 'bell', 'query', 'market', 'derive'],
  schema: ['engine', 'concurrency', 'store', 'query', 'market', 'ingest', 'imports', 'derive', 'feed'],
  server: ['engine', 'concurrency', 'store', 'query', 'imports', 'schema'],
  run: [
    'engine',
    'concurrency',
    'embedded',
    'store',
    'bell',
    'ingest',
    'imports',
    'derive',
    'recompute',
    'upkeep',
    'feed',
    'schema',
    'server',
    '.',
  ],
  cli: ['engine', 'embedded', 'store', 'bell', 'imports', '.'],
  '.': ['engine', 'cli', 'run', 'schema'],
};

/** Packages that only some folders may name; a package that is not listed may be named by none. */
const owners = {
  graphql: ['schema', 'server'],
  '@pothos/core': ['schema'],
  dataloader: ['schema', 'store'],
  'graphql-yoga': ['server'],
  '@graphql-yoga/render-graphiql': ['server'],
  'graphql-ws': ['client', 'server'],
  // The client loads ws in Node 20, which has no WebSocket of its own: src/client/web-socket-node.ts.
  ws: ['client', 'server'],
  'drizzle-orm': ['store'],
  postgres: ['store'],
  pg: ['store', 'bell', 'embedded', 'run'],
  'pg-copy-streams': ['store'],
  chevrotain: ['engine'],
  bullmq: ['bell'],
  ioredis: ['bell'],
  '@tus/server': ['server'],
  '@fastify/busboy': ['server'],
  'tus-js-client': ['cli'],
  pino: ['run'],
};

const problems = [];
const graph = new Map();

function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : path.endsWith('.ts') ? [path] : [];
  });
}

function layerOf(path) {
  const [first, ...rest] = relative('src', path).split('/');
  return rest.length === 0 ? '.' : first;
}

const subpaths = JSON.parse(readFileSync('package.json', 'utf8')).imports;

/** The files that package.json's "imports" gives for a specifier like '#client/web-socket', one for each condition. */
function subpathImport(path, specifier) {
  const targets = Object.values(subpaths[specifier] ?? {});
  return targets.length > 0 ? targets.map((target) => `./${relative(dirname(path), target)}`) : [specifier];
}

function packageOf(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

for (const path of filesIn('src')) {
  const layer = layerOf(path);
  const text = readFileSync(path, 'utf8');
  if (!(layer in layers)) problems.push(`${path}: the folder ${layer} is not in the table of scripts/check-layers.js`);
  if (/\bprocess\.env\b/.test(text) && !['src/config.ts', 'src/main.ts'].includes(path))
    problems.push(`${path}: only config.ts reads process.env`);
  const imports = [
    ...text.matchAll(/^(?:import|export)\b[^'";]*from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm),
  ].map((match) => match[1] ?? match[2] ?? match[3]);
  graph.set(path, []);
  for (const specifier of imports.flatMap((specifier) => subpathImport(path, specifier))) {
    if (specifier.startsWith('node:')) {
      if (layer === 'engine') problems.push(`${path}: the engine does no I/O, so it imports no ${specifier}`);
    } else if (specifier.startsWith('.')) {
      const target = relative('.', resolve(dirname(path), specifier));
      if (!target.startsWith('src/')) continue;
      graph.get(path).push(target);
      const other = layerOf(target);
      if (other !== layer && !layers[layer]?.includes(other))
        problems.push(`${path}: ${layer} may not import ${other} (${specifier})`);
    } else if (!owners[packageOf(specifier)]?.includes(layer)) {
      problems.push(`${path}: ${layer} may not import the package ${packageOf(specifier)}`);
    }
  }
}

/** Import cycles, found by walking. */
const state = new Map();
function walk(path, trail) {
  if (state.get(path) === 'done') return;
  if (state.get(path) === 'open') {
    problems.push(`import cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' -> ')}`);
    return;
  }
  state.set(path, 'open');
  for (const next of graph.get(path) ?? []) walk(next, [...trail, path]);
  state.set(path, 'done');
}
for (const path of graph.keys()) walk(path, []);

for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? `layers: ${graph.size} files in order` : `layers: ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
