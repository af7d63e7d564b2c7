import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';

const bundle = readFileSync('dist/client.js', 'utf8');

it('the bundle is below 10,000 bytes when compressed', () => {
  expect(gzipSync(bundle).length).toBeLessThan(10_000);
});

it('the bundle imports the client of graphql-ws and nothing else, and names nothing that only Node has', () => {
  const imported = [...bundle.matchAll(/^\s*(?:import|export)\b[^'"]*?from\s*['"]([^'"]+)['"]/gm)].map(
    ([, name]) => name,
  );
  expect(imported).toEqual(['graphql-ws/client']);
  expect(bundle).not.toMatch(/\b(?:import|require)\(|\b(?:process|Buffer|global)\./);
});

it('package.json leads to it: tidemark/client', async () => {
  const name = 'tidemark/client';
  const { connect, TidemarkError } = await import(name);
  expect([typeof connect, typeof TidemarkError]).toEqual(['function', 'function']);
});
