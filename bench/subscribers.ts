import WebSocket from 'ws';

/** Clients of one server, each on a socket of its own, that only count what they get. */
export interface SubscribersRequest {
  readonly port: number;
  /** What each one subscribes to; undefined: the server sends without being asked. */
  readonly keys: readonly (string | undefined)[];
}

export type SubscribersAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'count'; readonly messages: number; readonly bytes: number; readonly millis: number };

export const subscription =
  'subscription ($series: [String!]!) { changes(series: $series) { kind cursor changes { series span { from to } points { t value } } } }';

/** Resolves when the first event has come. */
export function open(port: number, key: string | undefined, onMessage: (message: Buffer) => void): Promise<WebSocket> {
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
        const payload = { query: subscription, variables: { series: [key] } };
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
      } else if (first && key !== undefined) {
        first = false;
        resolve(socket);
      } else onMessage(message);
    });
  });
}

/** Opens the subscribers it is told of, then answers each question with how many messages came since the last one. */
export function serveSubscribers(): void {
  let messages = 0;
  let bytes = 0;
  let since = performance.now();
  const hear = (message: Buffer) => {
    messages++;
    bytes += message.length;
  };
  process.on('message', (wanted: SubscribersRequest | 'count') => {
    const say = (answer: SubscribersAnswer | { failure: string }) => process.send?.(answer);
    if (wanted === 'count') {
      const now = performance.now();
      say({ kind: 'count', messages, bytes, millis: now - since });
      messages = 0;
      bytes = 0;
      since = now;
      return;
    }
    Promise.all(wanted.keys.map((key) => open(wanted.port, key, hear))).then(
      () => say({ kind: 'ready' }),
      (error: unknown) => say({ failure: String(error) }),
    );
  });
  process.on('disconnect', () => process.exit());
}
