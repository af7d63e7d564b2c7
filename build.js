// Bundles the program's own code; packages stay in node_modules. Takes about 50 ms, so every script may run it.
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints: { main: 'src/main.ts', help: 'src/cli/help.ts' },
  outdir: 'dist',
  bundle: true,
  packages: 'external',
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  splitting: true,
  sourcemap: true,
  logLevel: 'warning',
});
