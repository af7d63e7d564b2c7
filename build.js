// Bundles the program's own code; packages stay in node_modules. Takes about 50 ms, so every script may run it.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const { dependencies, devDependencies, optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
/** Of many files each: read from node_modules, they make the start of a server twice as long. */
const bundled = ['chevrotain', 'bullmq', 'drizzle-orm', 'graphql-yoga'];

/** What is CommonJS among them asks for the rest by name. */
const banner = {
  js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
};

/** The client's types: written by 'npm run prepare', for that takes longer. */
const types = 'client';

if (existsSync('dist'))
  for (const name of readdirSync('dist')) if (name !== types) rmSync(`dist/${name}`, { recursive: true });
const program = build({
  // An image is built without the benchmarks.
  entryPoints: {
    main: 'src/main.ts',
    jobs: 'src/run/jobs.ts',
    help: 'src/cli/help.ts',
    formulas: 'src/engine/operators/document.ts',
    operators: 'src/engine/operators/registry.ts',
    ...(existsSync('bench') && { bench: 'bench/main.ts' }),
  },
  outdir: 'dist',
  bundle: true,
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
});
const client = build({
  entryPoints: ['src/client/client.ts'],
  outfile: 'dist/client.js',
  bundle: true,
  external: ['graphql-ws'],
  platform: 'neutral',
  target: 'es2022',
  format: 'esm',
  sourcemap: true,
  logLevel: 'warning',
});
await Promise.all([program, client]);
