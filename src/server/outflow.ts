import type { Socket } from 'node:net';

/** No more events are made ready for a client while so many bytes are on their way to it. */
const unflushedMax = 64_000;

/** What is on its way to one client: bytes that the system has not taken. */
export class Outflow {
  readonly #connection: Socket;
  #taken = 0;
  #movedAt = 0;
  #drained: Promise<void> | undefined;

  constructor(connection: Socket) {
    this.#connection = connection;
  }

  get isEmpty(): boolean {
    return this.#connection.writableLength === 0;
  }

  /** Whether more may be sent: undefined, or a promise of when it may. */
  ready(): Promise<void> | undefined {
    const connection = this.#connection;
    // It tells that it has drained only when it said that it needs to.
    if (connection.writableLength < unflushedMax || !connection.writableNeedDrain) return undefined;
    this.#drained ??= new Promise((resolve) =>
      connection.once('drain', () => {
        this.#drained = undefined;
        resolve();
      }),
    );
    return this.#drained;
  }

  /** For how long nothing was taken of what is on its way, as far as it was asked. */
  stuckFor(now: number): number {
    const { writableLength, bytesWritten } = this.#connection;
    const taken = bytesWritten - writableLength;
    if (writableLength === 0 || taken !== this.#taken || this.#movedAt === 0) {
      this.#taken = taken;
      this.#movedAt = now;
    }
    return now - this.#movedAt;
  }
}
