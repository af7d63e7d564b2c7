// Bundles the program's own code; packages stay in node_modules. Takes about 50 ms, so every script may run it.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const { dependencies, devDependencies, optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
/** Read from node_modules, it makes a start a quarter of a second longer. */
const bundled = ['chevrotain'];

rmSync('dist', { recursive: true, force: true });
await build({
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
  sourcemap: true,
  logLevel: 'warning',
});
