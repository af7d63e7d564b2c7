import { expect, it, onTestFailed, onTestFinished } from 'vitest';
import { ingest } from '../support/client.ts';
import { createDatabase } from '../support/database.ts';
import { tidemark, until } from '../support/program.ts';
import { freePort } from '../support/redis.ts';
import { startBalancer } from './balancer.ts';
import { eventStream, line, rawSocket } from './handover-clients.ts';

const t = Date.parse('2026-01-05T09:30:00Z');
const key = 'HANDED';

it('a server that is told to stop while ticks come hands its clients over: they hear of every tick once, and nothing anew', async () => {
  const database = await createDatabase();
  onTestFinished(() => database.drop());
  const ports = [await freePort(), await freePort()];
  const programs = ports.map((port) =>
    tidemark(['serve', '--role', 'api', '--port', String(port)], { DATABASE_URL: database.url }),
  );
  onTestFinished(async () => {
    for (const { process, ended } of programs) {
      process.kill('SIGTERM');
      await ended;
    }
  });
  onTestFailed(() => void process.stderr.write(programs.map((each) => each.output()).join('')));
  await Promise.all(programs.map((each) => each.says('Try it:')));
  const urls = ports.map((port) => `http://127.0.0.1:${port}/graphql`);
  const balancer = await startBalancer(ports);
  onTestFinished(() => balancer.stop());
  let revision = 0;
  let written = 0;
  let writesTo = urls[0];
  const write = async () => {
    const url = writesTo;
    ({ revision } = await ingest(url, [{ series: key, t: t + written, value: written }]));
    written++;
  };
  await write();
  const clients = [line, rawSocket, eventStream].flatMap((open) => [open(balancer.url, key), open(balancer.url, key)]);
  onTestFinished(async () => {
    for (const client of clients) await client.close();
  });
  await until(() => clients.every(({ events }) => events.length === 1));
  let isOver = false;
  const writing = (async () => {
    while (!isOver) await write();
  })();
  await until(() => clients.every(({ events }) => events.length > 10));

  const [first] = programs;
  writesTo = urls[1];
  first.process.kill('SIGTERM');
  expect(await first.ended).toEqual({ code: 0, signal: null });
  const soFar = clients.map(({ events }) => events.length);
  await until(() => clients.every(({ events }, i) => events.length > soFar[i] + 10));
  isOver = true;
  await writing;
  await until(() => clients.every(({ events }) => (events.at(-1)?.cursor ?? 0) >= revision));

  const every = Array.from({ length: written }, (_, i) => i);
  for (const { name, events, ends } of clients) {
    expect(ends, name).toEqual([name === 'a stream' ? 'cut' : 1012]);
    const [snapshot, ...others] = events;
    expect(snapshot, name).toMatchObject({ kind: 'SNAPSHOT', changes: [{ points: { value: [0] } }] });
    expect(others.filter(({ kind }) => kind === 'SNAPSHOT')).toEqual([]);
    const values = events.flatMap(({ changes }) => changes.flatMap(({ points }) => points.value));
    expect(values, name).toEqual(every);
  }
  expect(first.output()).not.toMatch(/error|failed/i);
});
