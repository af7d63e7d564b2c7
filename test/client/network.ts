import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** What lies between a client and a server, and can fail. */
export interface Network {
  readonly url: string;
  /** How many connections there have been. */
  readonly connections: number;
  /** Every connection is reset. */
  cut(): void;
  /** Connections stay open, and nothing comes through those there are; given back, they go on with what was held back. */
  stall(): () => void;
  stop(): Promise<void>;
}

export async function startNetwork(port: number): Promise<Network> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let connections = 0;
  const server = createServer((near) => {
    connections++;
    const far = connect(port, '127.0.0.1');
    const pair = [near, far] as const;
    pairs.add(pair);
    near.pipe(far);
    far.pipe(near);
    for (const [one, other] of [pair, [far, near]] as const) {
      one.on('error', () => undefined);
      one.on('close', () => {
        pairs.delete(pair);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const cut = () => {
    for (const [near, far] of pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  };
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/graphql`,
    get connections() {
      return connections;
    },
    cut,
    stall: () => {
      const stalled = [...pairs];
      for (const [near, far] of stalled) {
        near.unpipe(far);
        far.unpipe(near);
        near.pause();
        far.pause();
      }
      return () => {
        for (const [near, far] of stalled) {
          near.pipe(far);
          far.pipe(near);
        }
      };
    },
    stop: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
