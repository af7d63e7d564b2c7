import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { subscribeToImport } from '../../../src/feed/import-progress.ts';
import { FollowedImports } from '../../../src/feed/imports.ts';
import { notifyImport } from '../../../src/imports/notify.ts';
import { openBell } from '../../../src/run/bell.ts';
import { openLog } from '../../../src/run/log.ts';
import { type ImportRow, readImport } from '../../../src/store/imports/import-rows.ts';
import { ask, serverSent, socketClient } from '../../support/client.ts';
import { until } from '../../support/program.ts';
import { describeWithRedis, startRedis } from '../../support/redis.ts';
import { startServer } from '../../support/server.ts';
import { change, idOf, put, type Scene, startScene } from './api-harness.ts';

const query = 'subscription ($id: ID!) { importProgress(id: $id) { id status rows } }';

interface Shown {
  readonly importProgress: { readonly id: string; readonly status: string; readonly rows: number };
}

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene.stop());

/** What a subscription over a socket is told, until it completes. */
function follow(url: string, id: number) {
  const client = socketClient(url);
  const events = client.iterate<Shown>({ query, variables: { id: idOf(id) } });
  return {
    next: async () => {
      const { value, done } = await events.next();
      if (done) return undefined;
      if (value.errors) throw new Error(JSON.stringify(value.errors));
      return value.data?.importProgress;
    },
    close: () => client.dispose(),
  };
}

it('tells at once how an import stands, then whatever it shows new, and ends with it; a preview is not the end', async () => {
  const id = await put(scene, { status: 'QUEUED' });
  const told = follow(scene.url, id);
  expect(await told.next()).toEqual({ id: idOf(id), status: 'QUEUED', rows: 0 });
  for (const [set, status] of [
    [`status = 'RUNNING', rows = 5`, 'RUNNING'],
    [`status = 'PREVIEWED', rows = 9`, 'PREVIEWED'],
    [`status = 'QUEUED'`, 'QUEUED'],
    [`status = 'DONE'`, 'DONE'],
  ] as const) {
    await change(scene, id, set);
    expect((await told.next())?.status).toBe(status);
  }
  expect(await told.next()).toBeUndefined();
  await told.close();
});

it('of one that has ended it tells so and ends; over server-sent events too', async () => {
  for (const status of ['DONE', 'FAILED', 'CANCELLED', 'UNDONE'] as const) {
    const id = await put(scene, { status });
    const gone = new AbortController();
    const told = [];
    for await (const { data } of serverSent<Shown>(scene.url, query, { id: idOf(id) }, gone.signal)) told.push(data);
    expect(told).toEqual([{ importProgress: { id: idOf(id), status, rows: 0 } }]);
  }
});

it('an id that is none is NOT_FOUND', async () => {
  const told = follow(scene.url, 2_000_000);
  await expect(told.next()).rejects.toThrow('NOT_FOUND');
  await told.close();
});

it('what other processes change is told without a notice, and sooner with one; what one shows that stands for another too', async () => {
  const other = await startServer({ databaseUrl: scene.databaseUrl });
  const id = await put(scene, { status: 'RUNNING' });
  const same = await put(scene, { status: 'QUEUED', sameAs: id });
  const followers = [follow(scene.url, id), follow(other.url, id), follow(other.url, same)];
  for (const each of followers) expect((await each.next())?.status).toBe('RUNNING');
  expect(await ask(other.url, '{ health { subscribers } }')).toEqual({ health: { subscribers: 2 } });
  await change(scene, id, 'rows = 7');
  for (const each of followers) expect((await each.next())?.rows).toBe(7);
  await ask(scene.url, 'mutation ($id: ID!) { cancelImport(id: $id) { status } }', { id: idOf(id) });
  await change(scene, id, `status = 'CANCELLED'`);
  for (const each of followers) {
    // That it was asked for may be told by itself.
    let last = await each.next();
    while (last && last.status !== 'CANCELLED') last = await each.next();
    expect(last?.status).toBe('CANCELLED');
    expect(await each.next()).toBeUndefined();
    await each.close();
  }
  await until(() => other.app.followedImports.subscribers === 0);
  await other.stop();
});

it('a notice is enough: nobody need look', async () => {
  const { database } = scene.app;
  const bell = await openBell(database, undefined, openLog({ logLevel: 'info' }));
  const followed = new FollowedImports(database, { lookMillis: 1_000_000 });
  const listening = await bell.listen((notice) => {
    if (notice && 'import' in notice) followed.hear(notice.import);
  });
  const id = await put(scene, { status: 'RUNNING' });
  const same = await put(scene, { status: 'QUEUED', sameAs: id });
  const following = await Promise.all(
    [id, same].map(async (each) => {
      const row = (await readImport(database, each)) as ImportRow;
      return subscribeToImport(followed, row)[Symbol.asyncIterator]();
    }),
  );
  for (const events of following) expect((await events.next()).value?.changes[0].status).toBe('RUNNING');
  await change(scene, id, `status = 'DONE'`);
  await notifyImport(database, bell, id);
  for (const events of following) {
    expect((await events.next()).value?.changes[0].status).toBe('DONE');
    expect((await events.next()).done).toBe(true);
  }
  await listening.stop();
  await bell.stop();
  await followed.stop();
});

it('a client that is slow is told how things stand when it can take more, not all that was in between', async () => {
  const { database } = scene.app;
  const id = await put(scene, { status: 'RUNNING' });
  const followed = new FollowedImports(database, { lookMillis: 5 });
  const sent: number[] = [];
  let isReady: (() => void) | undefined;
  const shared = subscribeToImport(followed, (await readImport(database, id)) as ImportRow).shared({
    render: ({ changes: [row] }) => row.rows,
    onEmpty: () => undefined,
  });
  const leave = shared.join(
    {
      ready: () =>
        new Promise<void>((resolve) => {
          isReady = resolve;
        }),
      send: (rows: number) => sent.push(rows),
      end: () => sent.push(-1),
    },
    undefined,
  );
  for (let rows = 1; rows <= 50; rows++) await change(scene, id, `rows = ${rows}`);
  await until(() => followed.row(id)?.rows === 50);
  expect(sent).toEqual([]);
  isReady?.();
  await until(() => sent.length === 1);
  expect(sent).toEqual([50]);
  leave();
  expect(followed.subscribers).toBe(0);
  await followed.stop();
});

it('those who follow cost one statement a look, however many they are', async () => {
  const { database } = scene.app;
  const asked = vi.fn(database.query);
  const followed = new FollowedImports({ ...database, query: asked as typeof database.query }, { lookMillis: 5 });
  const ids = await Promise.all(Array.from({ length: 20 }, () => put(scene, { status: 'RUNNING' })));
  const seen = new Map<number, number>();
  const leaves = await Promise.all(
    ids.map(async (id) => {
      const row = (await readImport(database, id)) as ImportRow;
      return followed.watch(row, () => seen.set(id, followed.row(id)?.rows ?? 0));
    }),
  );
  const before = asked.mock.calls.length;
  await until(() => asked.mock.calls.length >= before + 5);
  expect(new Set(asked.mock.calls.map(([text]) => text)).size).toBe(1);
  await Promise.all(ids.map((id) => change(scene, id, 'rows = 3')));
  await until(() => seen.size === ids.length);
  expect(new Set(seen.values())).toEqual(new Set([3]));
  for (const leave of leaves) leave();
  await followed.stop();
});

it('a server that stops sends its subscribers away to come back', async () => {
  const server = await startServer({ databaseUrl: scene.databaseUrl });
  const id = await put(scene, { status: 'RUNNING' });
  const socket = new WebSocket(server.url.replace('http', 'ws'), 'graphql-transport-ws');
  const heard: string[] = [];
  socket.on('message', (data) => heard.push(JSON.parse(String(data)).type));
  socket.on('open', () => socket.send('{"type":"connection_init"}'));
  await until(() => heard.includes('connection_ack'));
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query, variables: { id: idOf(id) } } }));
  await until(() => heard.includes('next'));
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  await server.stop();
  expect(await closed).toBe(1012);
  expect(heard).toEqual(['connection_ack', 'next']);
});

describeWithRedis('over Redis', () => {
  it('a bell that dies and comes again loses nothing', async () => {
    const redis = await startRedis();
    const own = await startScene({ redisUrl: redis.url });
    const id = await put(own, { status: 'RUNNING' });
    const told = follow(own.url, id);
    expect((await told.next())?.status).toBe('RUNNING');
    await redis.kill();
    await change(own, id, 'rows = 1');
    expect((await told.next())?.rows).toBe(1);
    await redis.restart();
    await change(own, id, `rows = 2, status = 'DONE'`);
    expect((await told.next())?.rows).toBe(2);
    expect(await told.next()).toBeUndefined();
    await told.close();
    await own.stop();
    await redis.stop();
  });

  it('a step is answered while the bell is away', async () => {
    const redis = await startRedis();
    const own = await startScene({ redisUrl: redis.url });
    const id = await put(own, { status: 'PREVIEWED' });
    await redis.kill();
    const answer = await ask(own.url, 'mutation ($id: ID!) { commitImport(id: $id) { status } }', { id: idOf(id) });
    expect(answer).toEqual({ commitImport: { status: 'QUEUED' } });
    await redis.restart();
    await own.stop();
    await redis.stop();
  });
});
