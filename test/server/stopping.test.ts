import { afterEach, expect, it, vi } from 'vitest';
import { ingest, serverSent, socketClient } from '../support/client.ts';
import { until } from '../support/program.ts';
import { startServer } from '../support/server.ts';

const t = Date.parse('2026-01-05T09:30:00Z');
const subscription = 'subscription ($series: [String!]!) { changes(series: $series) { cursor } }';

afterEach(() => vi.restoreAllMocks());

it('a server that stops while subscriptions read lets them end their reads: no client is told of a fault, none is logged', async () => {
  const logged: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((line) => {
    logged.push(String(line));
    return true;
  });
  const faults: unknown[] = [];
  for (let round = 0; round < 4; round++) {
    const server = await startServer();
    // What is read for one event is a long row of statements.
    const keys = Array.from({ length: 150 }, (_, i) => `S${i}`);
    const write = (i: number) =>
      ingest(
        server.url,
        keys.map((series) => ({ series, t: t + i, value: i })),
      );
    await write(0);
    let heard = 0;
    const hear = async (events: AsyncIterable<{ errors?: unknown }>) => {
      try {
        for await (const { errors } of events) {
          heard++;
          if (errors) faults.push(errors);
        }
      } catch {
        // The connection has ended.
      }
    };
    const gone = new AbortController();
    const client = socketClient(server.url);
    const variables = { series: keys };
    const following = [
      hear(client.iterate({ query: subscription, variables }) as AsyncIterable<{ errors?: unknown }>),
      hear(serverSent(server.url, subscription, variables, gone.signal)),
    ];
    await until(() => heard === following.length);
    await write(1);
    await server.stop();
    await Promise.all(following);
    gone.abort();
    await client.dispose();
  }
  expect(faults).toEqual([]);
  expect(logged).toEqual([]);
});
