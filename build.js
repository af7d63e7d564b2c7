// Bundles the program's own code; most packages stay in node_modules. Fast enough that every script may run it.
// --development adds dist-dev/: the benchmarks, and the modules that scripts/check-drift.js reads.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const { dependencies, devDependencies, optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
/**
 * Bundled, and therefore devDependencies: users of the package do not install them. These have many files, or bring
 * packages whose newest versions need a newer Node (docs/decisions/0014).
 */
const bundled = ['chevrotain', 'bullmq', 'drizzle-orm', 'graphql-yoga'];

/** 9 MB of text in two files: a copy takes less time than a bundle. */
const graphiql = {
  name: 'graphiql',
  setup: (build) =>
    build.onResolve({ filter: /^@graphql-yoga\/render-graphiql$/ }, () => ({
      path: './graphiql/index.js',
      external: true,
    })),
};

/** CommonJS packages among them load the others with `require`. */
const banner = {
  js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
};

/** The client's types: written by 'npm run prepare', because tsc takes longer. */
const types = 'client';

for (const folder of ['dist', 'dist-dev'].filter(existsSync))
  for (const name of readdirSync(folder)) if (name !== types) rmSync(`${folder}/${name}`, { recursive: true });

cpSync('node_modules/@graphql-yoga/render-graphiql/esm', 'dist/graphiql', { recursive: true });
// The program applies these files to the database when it starts.
cpSync('src/store/sql', 'dist/sql', { recursive: true });
const node = {
  bundle: true,
  plugins: [graphiql],
  external: Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(
    (name) => !bundled.includes(name),
  ),
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  splitting: true,
  banner,
  sourcemap: true,
  logLevel: 'warning',
};
/** Browsers get client.js. Node gets client-node.js, which can load the package ws: see "imports" in package.json. */
const clients = { 'client.js': 'neutral', 'client-node.js': 'node' };
const builds = [build({ ...node, entryPoints: { main: 'src/main.ts', jobs: 'src/run/jobs.ts' }, outdir: 'dist' })];
for (const [file, platform] of Object.entries(clients))
  builds.push(
    build({
      entryPoints: ['src/client/client.ts'],
      outfile: `dist/${file}`,
      bundle: true,
      external: ['graphql-ws', 'ws'],
      platform,
      target: 'es2022',
      format: 'esm',
      // Without the comment that names the map: the package does not contain it, and some bundlers warn.
      sourcemap: 'external',
      logLevel: 'warning',
    }),
  );
if (process.argv.includes('--development'))
  builds.push(
    build({
      ...node,
      entryPoints: {
        bench: 'bench/main.ts',
        help: 'src/cli/help.ts',
        formulas: 'src/engine/operators/document.ts',
        operators: 'src/engine/operators/registry.ts',
        schema: 'src/run/new-schema.ts',
      },
      outdir: 'dist-dev',
    }),
  );
await Promise.all(builds);
