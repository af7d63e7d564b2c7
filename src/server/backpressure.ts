import type { Socket } from 'node:net';

/** The limit of unsent bytes per client. Above it, no more events are prepared for the client. */
const unflushedMax = 64_000;

/** Tracks the bytes for one client that the operating system has not accepted yet. */
export class SendBuffer {
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

  /** Undefined when more can be sent; otherwise a promise for that moment. */
  ready(): Promise<void> | undefined {
    const connection = this.#connection;
    // A stream emits 'drain' only after a write that returned false.
    if (connection.writableLength < unflushedMax || !connection.writableNeedDrain) return undefined;
    this.#drained ??= new Promise((resolve) =>
      connection.once('drain', () => {
        this.#drained = undefined;
        resolve();
      }),
    );
    return this.#drained;
  }

  /** The time for which the client has read nothing of the unsent bytes. */
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
