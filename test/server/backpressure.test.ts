import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { getDefaultHighWaterMark, setDefaultHighWaterMark } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SendBuffer } from '../../src/server/backpressure.ts';

const usual = getDefaultHighWaterMark(false);

let ours: Socket;
let theirs: Socket;
let end: () => void;

beforeEach(async () => {
  // As Node 22 and later have it.
  setDefaultHighWaterMark(false, 65_536);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  theirs = connect(port, '127.0.0.1').pause();
  [ours] = (await once(server, 'connection')) as [Socket];
  end = () => {
    ours.destroy();
    theirs.destroy();
    server.close();
  };
});
afterEach(() => {
  setDefaultHighWaterMark(false, usual);
  end();
});

it('whoever is told to wait is told when it is over, however much is on its way', async () => {
  const outflow = new SendBuffer(ours);
  let busy: Promise<void> | undefined;
  while (!busy) {
    ours.write(Buffer.alloc(1_000));
    busy = outflow.ready();
  }
  expect(outflow.ready(), 'all who wait share one listener').toBe(busy);
  theirs.resume();
  await busy;
  expect(outflow.ready()).toBeUndefined();
});
