import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { Readable } from 'node:stream';
import type { GraphError } from './client.ts';

/** A request for a stream, as a program writes it that knows nothing of GraphQL. */
export interface StreamRequest {
  readonly url: string;
  /** Sent by POST as JSON; else it is a GET. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface StreamEvent<T> {
  readonly event: string;
  /** undefined where the event has none. */
  readonly data: { readonly data?: T | null; readonly errors?: readonly GraphError[] } | undefined;
}

/** What comes over a connection, block by block: comments too. */
export interface Stream {
  block(): Promise<string>;
  /** The next event; comments are passed over. */
  event<T>(): Promise<StreamEvent<T>>;
  close(): Promise<void>;
  /** Resolves when the server has ended it: with what curl says of that. */
  readonly ended: Promise<number | null>;
}

const accept = 'text/event-stream';

export const hasCurl = spawnSync('curl', ['--version']).status === 0;

/** By curl as a process of its own. */
export function curl({ url, body }: StreamRequest): Stream {
  const post = ['-H', 'content-type: application/json', '--data-binary', JSON.stringify(body)];
  // Another status than 200 is a failure, as it is to an EventSource.
  const words = ['-sS', '-f', '-N', '-H', `accept: ${accept}`, ...(body === undefined ? [] : post), url];
  const child = spawn('curl', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const close = async () => {
    child.kill();
    await ended;
  };
  return streamOf(Promise.resolve(child.stdout), close, ended);
}

/** By a raw request. */
export function plainRequest({ url, body, headers: more }: StreamRequest): Stream {
  const headers = { accept, ...more, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  const asking = request(url, { method: body === undefined ? 'GET' : 'POST', headers, agent: false });
  asking.end(body === undefined ? undefined : JSON.stringify(body));
  asking.on('error', () => undefined);
  let received: IncomingMessage | undefined;
  const answer = once(asking, 'response').then(([response]: IncomingMessage[]) => {
    if (response.statusCode !== 200) throw new Error(`the status is ${response.statusCode}`);
    received = response;
    return response;
  });
  const ended = once(asking, 'close').then(() => (received?.complete ? 0 : null));
  const close = async () => {
    asking.destroy();
    await ended;
  };
  return streamOf(answer, close, ended);
}

function streamOf(output: Promise<Readable>, close: () => Promise<void>, ended: Promise<number | null>): Stream {
  const blocks = blocksOf(output);
  const block = async () => {
    const { value, done } = await blocks.next();
    if (done) throw new Error('the stream has ended');
    return value;
  };
  return {
    block,
    event: async () => {
      for (;;) {
        const lines = (await block()).split('\n').filter((line) => !line.startsWith(':'));
        if (lines.length === 0) continue;
        const fieldOf = (name: string) =>
          lines
            .find((line) => line.startsWith(`${name}:`))
            ?.slice(name.length + 1)
            .trim();
        const data = fieldOf('data');
        return { event: fieldOf('event') ?? 'message', data: data ? JSON.parse(data) : undefined };
      }
    },
    close,
    ended,
  };
}

async function* blocksOf(output: Promise<Readable>): AsyncGenerator<string, void> {
  let rest = '';
  for await (const chunk of (await output).setEncoding('utf8')) {
    rest += chunk;
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      yield rest.slice(0, end);
      rest = rest.slice(end + 2);
    }
  }
}
