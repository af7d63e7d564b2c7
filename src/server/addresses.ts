import type { IncomingMessage } from 'node:http';

export function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? '';
}

/** How many connections each address holds open, and how many it may. */
export class Addresses {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether there was room for one more; who got in is to leave. */
  enter(address: string): boolean {
    const count = (this.#counts.get(address) ?? 0) + 1;
    if (count > this.#most) return false;
    this.#counts.set(address, count);
    return true;
  }

  leave(address: string): void {
    const left = (this.#counts.get(address) ?? 1) - 1;
    if (left > 0) this.#counts.set(address, left);
    else this.#counts.delete(address);
  }
}
