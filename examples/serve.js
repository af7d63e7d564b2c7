// Serves the pages of this folder, to this machine only: node examples/serve.js [PORT]
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const types = { html: 'text/html', js: 'text/javascript', mjs: 'text/javascript', jsx: 'text/javascript' };
const served = /^\/(?:examples|dist|node_modules)\/[\w@./-]+\.(html|js|mjs|jsx)$/;

/** Browsers know no JSX; it is bundled with all that it imports. */
async function contents(path) {
  if (!path.endsWith('.jsx')) return readFile(path);
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    write: false,
  });
  return outputFiles[0].contents;
}

const server = createServer(async (request, response) => {
  try {
    const { pathname } = new URL(request.url, 'http://localhost');
    const [, type] = served.exec(pathname) ?? [];
    const body = await contents(fileURLToPath(new URL(type ? `..${pathname}` : 'nothing', import.meta.url)));
    response.writeHead(200, { 'content-type': `${types[type]}; charset=utf-8` }).end(body);
  } catch {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('There is nothing here.\n');
  }
});
server.listen(process.argv[2] ?? 8000, '127.0.0.1', () => {
  const site = `http://localhost:${server.address().port}/examples`;
  // The series of npm run demo.
  console.log(`${site}/chart.html?series=SIM01-USD,SIM01-USD.mean&bucket=1m
${site}/react.html?series=SIM01-USD,SIM01-EUR
${site}/upload.html`);
});
