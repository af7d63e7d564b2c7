import type { IncomingMessage } from 'node:http';

/** Names who sent a request: for limits, and for what is noted with what was asked. */
export type NameClient = (request: IncomingMessage) => string;

const nameCharsMax = 200;

/**
 * By a header that a proxy sets, if there is one: of several names in it the last counts, which the nearest proxy has added
 * itself. By the address of the connection otherwise.
 */
export function clientNames(header: string | undefined): NameClient {
  const addressOf: NameClient = ({ socket }) => socket.remoteAddress ?? '';
  if (header === undefined) return addressOf;
  return (request) => {
    const said = request.headers[header];
    const last = (typeof said === 'string' ? said : '').split(',').at(-1)?.trim();
    return last ? last.slice(0, nameCharsMax) : addressOf(request);
  };
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
