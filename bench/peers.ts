import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Servers that answer a mutation which does nothing: what an HTTP layer costs by itself. */

const typeDefs = 'type Query { nothing: Boolean } type Mutation { nothing: Boolean }';
const resolvers = { Mutation: { nothing: () => true } };

export const noOpBody = '{"query":"mutation { nothing }"}';

export async function serveYoga(): Promise<void> {
  const { createSchema, createYoga } = await import('graphql-yoga');
  const server = createServer(createYoga({ schema: createSchema({ typeDefs, resolvers }) }));
  server.listen(0, '127.0.0.1', () => console.log(`listening on ${(server.address() as AddressInfo).port}`));
}

export async function serveMercurius(): Promise<void> {
  const { default: fastify } = await import('fastify');
  const { mercurius } = await import('mercurius');
  const app = fastify();
  await app.register(mercurius, { schema: typeDefs, resolvers });
  await app.listen({ host: '127.0.0.1', port: 0 });
  console.log(`listening on ${(app.server.address() as AddressInfo).port}`);
}

/** Sends the same ready-made bytes, so many, to all sockets there are, again as soon as they have taken them. */
export async function serveBroadcast(count = '230'): Promise<void> {
  const { WebSocketServer } = await import('ws');
  const server = createServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  const bytes = Buffer.alloc(Number(count), 'x');
  const options = { binary: false };
  const round = () => {
    let waiting = 1;
    const taken = () => {
      if (--waiting === 0) setImmediate(round);
    };
    for (const socket of sockets.clients) {
      waiting++;
      socket.send(bytes, options, taken);
    }
    taken();
  };
  round();
  server.listen(0, '127.0.0.1', () => console.log(`listening on ${(server.address() as AddressInfo).port}`));
}
