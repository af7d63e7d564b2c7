import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Sends each new connection to the first of some ports at which somebody listens. */
export async function startBalancer(ports: readonly number[]): Promise<{ url: string; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer(async (near) => {
    keep(near);
    const far = await connectToAny(ports);
    if (!far || near.destroyed) {
      far?.destroy();
      near.destroy();
      return;
    }
    keep(far);
    near.pipe(far).on('close', () => near.destroySoon());
    far.pipe(near).on('close', () => far.destroySoon());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/graphql`,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function connectToAny(ports: readonly number[]): Promise<Socket | undefined> {
  for (const port of ports) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    if (isOpen) return socket;
  }
  return undefined;
}
