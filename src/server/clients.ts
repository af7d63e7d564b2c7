import type { IncomingMessage } from 'node:http';

/** Names who sent a request: for limits, and for what is noted with what was asked. */
export type NameClient = (request: IncomingMessage) => string;

const nameCharsMax = 200;

/** An address with the port of a connection, which says nothing of the client; one of IPv6 stands in brackets. */
const behindPort = /^(?:(\d+\.\d+\.\d+\.\d+)|\[([\da-f:.]+)\])(?::\d+)?$/i;

/**
 * By a header that a proxy sets, if there is one: of several names in it the last counts, which the nearest proxy has added
 * itself. By the address of the connection otherwise.
 */
export function clientNames(header: string | undefined): NameClient {
  if (header === undefined) return addressOf;
  return (request) => {
    const said = request.headers[header];
    const [last] = (typeof said === 'string' ? said : '').split(',').slice(-1);
    return textOf(last).trim().replace(behindPort, '$1$2').slice(0, nameCharsMax) || addressOf(request);
  };
}

/** One of IPv4 is written so, whether or not it came to a socket of IPv6. */
function addressOf({ socket }: IncomingMessage): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** What a header says: node reads each of its bytes as a character. */
function textOf(header: string): string {
  try {
    return utf8.decode(Buffer.from(header, 'latin1'));
  } catch {
    return header;
  }
}

/** How many connections each client holds open, and how many it may. */
export class Clients {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether there was room for one more; who got in is to leave. */
  enter(client: string): boolean {
    const count = (this.#counts.get(client) ?? 0) + 1;
    if (count > this.#most) return false;
    this.#counts.set(client, count);
    return true;
  }

  leave(client: string): void {
    const left = (this.#counts.get(client) ?? 1) - 1;
    if (left > 0) this.#counts.set(client, left);
    else this.#counts.delete(client);
  }
}
