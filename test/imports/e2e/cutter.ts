import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** What lies between a client and a server, and loses so many connections, each when it has carried some bytes. */
export interface Cutter {
  readonly url: string;
  readonly cuts: number;
  /** Bytes that went to the server. */
  readonly bytes: number;
  stop(): Promise<void>;
}

export async function startCutter(port: number, cutsMax: number, bytesOf: () => number): Promise<Cutter> {
  const open = new Set<Socket>();
  let [cuts, bytes, left] = [0, 0, bytesOf()];
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
    near.on('data', (chunk) => {
      bytes += chunk.length;
      left -= chunk.length;
      if (left > 0 || cuts === cutsMax) return;
      cuts++;
      left = bytesOf();
      near.resetAndDestroy();
      far.resetAndDestroy();
    });
    near.pipe(far);
    far.pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    get cuts() {
      return cuts;
    },
    get bytes() {
      return bytes;
    },
    stop: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
