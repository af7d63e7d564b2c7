import type { IncomingMessage } from 'node:http';

/** Names the client of a request, for limits and for the log of requests. */
export type NameClient = (request: IncomingMessage) => string;

const nameCharsMax = 200;

/** Removes the port, which differs per connection, from an address. IPv6 addresses have brackets then. */
const behindPort = /^(?:(\d+\.\d+\.\d+\.\d+)|\[([\da-f:.]+)\])(?::\d+)?$/i;

/**
 * Takes the name from a proxy's header if one is configured: the last of several names, because the nearest proxy added
 * it. Otherwise the address of the connection.
 */
export function makeClientNamer(header: string | undefined): NameClient {
  if (header === undefined) return addressOf;
  return (request) => {
    const said = request.headers[header];
    const [last] = (typeof said === 'string' ? said : '').split(',').slice(-1);
    return textOf(last).trim().replace(behindPort, '$1$2').slice(0, nameCharsMax) || addressOf(request);
  };
}

/** Writes an IPv4 address in its own form, even on an IPv6 socket. */
function addressOf({ socket }: IncomingMessage): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Decodes a header as UTF-8: Node reads each byte as one character. */
function textOf(header: string): string {
  try {
    return utf8.decode(Buffer.from(header, 'latin1'));
  } catch {
    return header;
  }
}

/** Counts the open connections of each client and enforces the limit. */
export class ConnectionCounter {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Returns false when the client is at its limit. Otherwise the caller must call `leave` later. */
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
