import { afterAll, beforeAll, expect, it } from 'vitest';
import { ingest } from '../support/client.ts';
import { program } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { t } from './following.ts';
import { type Network, startNetwork } from './network.ts';

let server: TestServer;
let network: Network;

beforeAll(async () => {
  server = await startServer();
  network = await startNetwork(server.port);
  await ingest(server.url, [{ series: 'X', t, value: 1 }]);
});
afterAll(async () => {
  await network.stop();
  await server.stop();
});

it('examples/follow.js follows over a cut, and ends when it is told to', async () => {
  const follow = program(process.execPath, ['examples/follow.js', 'X', network.url]);
  await follow.says('X has 1 points, new from 0 on; last 1 at 2026-01-05T09:30:00.000Z');
  network.cut();
  const { revision } = await ingest(server.url, [{ series: 'X', t: t + 1, value: 2 }]);
  await follow.says(`revision ${revision}: X has 2 points, new from 1 on; last 2`);
  follow.process.kill('SIGINT');
  expect((await follow.ended).code).toBe(0);
  const refused = program(process.execPath, ['examples/follow.js', 'NOPE', network.url]);
  expect((await refused.ended).code).toBe(1);
  expect(refused.output()).toContain('NOT_FOUND: ');
});

it('examples/sse.sh follows with curl alone, over a cut, from its cursor on', async () => {
  const follow = program('bash', ['examples/sse.sh', 'X', network.url], {}, true);
  await follow.says('"kind":"SNAPSHOT"');
  network.cut();
  const { revision } = await ingest(server.url, [{ series: 'X', t: t + 2, value: 65_000.5 }]);
  await follow.says(`"cursor":${revision}`);
  expect(follow.output()).toContain('65000.5');
  expect(follow.output().match(/SNAPSHOT/g)).toHaveLength(1);
  process.kill(-follow.pid, 'SIGTERM');
  await follow.ended;
  const refused = program('bash', ['examples/sse.sh', 'NOPE', network.url]);
  expect((await refused.ended).code).toBe(1);
  expect(refused.output()).toContain('NOT_FOUND');
});
