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

/** What every tick costs at least that others hear of: a request, a commit, a publication, a message to a socket. */
export async function serveFloor(databaseUrl = '', redisUrl = ''): Promise<void> {
  const { WebSocketServer } = await import('ws');
  const { default: pg } = await import('pg');
  const { Redis } = await import('ioredis');
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 8 });
  await pool.query('CREATE TABLE floor_ticks (t float8, value float8)');
  // One that is seldom used is not to be closed just when it is.
  const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const ticks: readonly { t: number; value: number }[] = JSON.parse(String(Buffer.concat(chunks))).variables.input
        .ticks;
      const [t, value] = [ticks.map((tick) => tick.t), ticks.map((tick) => tick.value)];
      await pool.query('INSERT INTO floor_ticks SELECT * FROM unnest($1::float8[], $2::float8[])', [t, value]);
      void publish(JSON.stringify(ticks));
      response.writeHead(200, { 'content-length': 2 }).end('{}');
    });
  });
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  let turn = 0;
  // A message to a socket for each tick, as each is of a series of its own.
  const tell = (text: string) => {
    const all = [...sockets.clients];
    for (const { t, value } of JSON.parse(text) as readonly { t: number; value: number }[])
      all[turn++ % all.length]?.send(JSON.stringify({ t: [t], value: [value] }));
  };
  let publish = async (text: string) => tell(text);
  if (redisUrl !== '') {
    const [publisher, listener] = [new Redis(redisUrl), new Redis(redisUrl)];
    await listener.subscribe('floor');
    listener.on('message', (_, text) => tell(text));
    publish = async (text) => void (await publisher.publish('floor', text));
  } else {
    const listener = new pg.Client({ connectionString: databaseUrl });
    await listener.connect();
    await listener.query('LISTEN floor');
    listener.on('notification', ({ payload }) => tell(payload ?? ''));
    publish = async (text) => void (await pool.query(`SELECT pg_notify('floor', $1)`, [text]));
  }
  server.listen(0, '127.0.0.1', () => console.log(`listening on ${(server.address() as AddressInfo).port}`));
}

/** From a request for /go to one for /halt it sends the same ready-made bytes to all sockets, again as soon as they have taken them. */
export async function serveBroadcast(count = '230'): Promise<void> {
  const { WebSocketServer } = await import('ws');
  let isOn = false;
  const server = createServer((request, response) => {
    const wasOn = isOn;
    isOn = request.url === '/go';
    if (isOn && !wasOn) round();
    response.end();
  });
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  const bytes = Buffer.alloc(Number(count), 'x');
  const options = { binary: false };
  const round = () => {
    let waiting = 1;
    const taken = () => {
      if (--waiting === 0 && isOn) setImmediate(round);
    };
    for (const socket of sockets.clients) {
      waiting++;
      socket.send(bytes, options, taken);
    }
    taken();
  };
  server.listen(0, '127.0.0.1', () => console.log(`listening on ${(server.address() as AddressInfo).port}`));
}
