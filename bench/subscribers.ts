import WebSocket from 'ws';
import { wallMillis } from './pace.ts';

/** Clients of one server, each on a socket of its own, that only count what they get. */
export interface SubscribersRequest {
  readonly port: number;
  /** What each one subscribes to; undefined: the server sends without being asked. */
  readonly keys: readonly (string | undefined)[];
  /** What they ask for; what is usual when left out. */
  readonly query?: string;
  /** They read nothing from then on. */
  readonly stalled?: boolean;
}

export type SubscribersAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'count'; readonly messages: number; readonly bytes: number; readonly millis: number }
  | { readonly kind: 'latencies'; readonly latencies: readonly number[] };

const subscription =
  'subscription ($series: [String!]!) { changes(series: $series) { kind cursor changes { series span { from to } points { t value } } } }';

/** Resolves when the first event has come. */
export function open(
  port: number,
  key: string | undefined,
  onMessage: (message: Buffer) => void,
  query = subscription,
): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws', { perMessageDeflate: false });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', (code) => reject(new Error(`a subscriber was closed with ${code}`)));
    socket.once('open', () => {
      if (key === undefined) resolve(socket);
      else socket.send('{"type":"connection_init"}');
    });
    let greeted = key === undefined;
    let first = true;
    socket.on('message', (message: Buffer) => {
      if (!greeted) {
        greeted = true;
        const payload = { query, variables: { series: [key] } };
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
      } else if (first && key !== undefined) {
        first = false;
        resolve(socket);
      } else onMessage(message);
    });
  });
}

/** So many are opened at a time. */
const openedAtOnce = 200;

/** For each tick that a message tells of, how long ago it was sent: its instant says when. */
function latenciesOf(message: Buffer, now: number): number[] {
  const [, list] = /"t":\[([^\]]*)\]/.exec(message.toString('latin1')) ?? [];
  return list ? list.split(',').map((t) => now - Number(t)) : [];
}

/**
 * Opens the subscribers it is told of, then answers each question: how many messages came since the last one, or how old
 * what they told was.
 */
export function serveSubscribers(): void {
  let messages = 0;
  let bytes = 0;
  let since = performance.now();
  let latencies: number[] | undefined;
  const hear = (message: Buffer) => {
    messages++;
    bytes += message.length;
    if (latencies) for (const latency of latenciesOf(message, wallMillis())) latencies.push(latency);
  };
  const openAll = async ({ port, keys, query, stalled }: SubscribersRequest) => {
    for (let i = 0; i < keys.length; i += openedAtOnce) {
      const some = keys.slice(i, i + openedAtOnce).map((key) => {
        if (stalled) return openStalled(port, key ?? '', query);
        return open(port, key, hear, query);
      });
      await Promise.all(some);
    }
  };
  process.on('message', (wanted: SubscribersRequest | 'count' | 'latencies') => {
    const say = (answer: SubscribersAnswer | { failure: string }) => process.send?.(answer);
    if (wanted === 'count') {
      const now = performance.now();
      say({ kind: 'count', messages, bytes, millis: now - since });
      messages = 0;
      bytes = 0;
      since = now;
    } else if (wanted === 'latencies') {
      say({ kind: 'latencies', latencies: latencies ?? [] });
      latencies = [];
    } else {
      openAll(wanted).then(
        () => say({ kind: 'ready' }),
        (error: unknown) => say({ failure: String(error) }),
      );
    }
  });
  process.on('disconnect', () => process.exit());
}

/** One that subscribes and reads nothing of what comes. */
async function openStalled(port: number, key: string, query = subscription): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws', { perMessageDeflate: false });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('open', () => socket.send('{"type":"connection_init"}'));
    socket.once('message', () => {
      socket.pause();
      const payload = { query, variables: { series: [key] } };
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }), () => resolve());
    });
  });
}
