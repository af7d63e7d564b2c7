import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { addressOf } from './addresses.ts';
import { Outflow } from './outflow.ts';

export type Closing = 'restart' | 'tooManySockets' | 'tooManyOperations' | 'tooSlow' | 'silent' | 'failed';

/** Why the server closes a socket, beside the codes that graphql-ws gives; docs/protocol.md says what to do then. */
export const closing: Readonly<Record<Closing, readonly [code: number, reason: string]>> = {
  restart: [1012, 'The server restarts: connect again, with after'],
  tooManySockets: [4430, 'Too many sockets from one address'],
  tooManyOperations: [4431, 'Too many operations at once on one socket'],
  tooSlow: [4432, 'Nothing was read for too long: connect again, with after'],
  silent: [4433, 'Pings were not answered'],
  failed: [4500, 'Something went wrong in the server'],
};

/** A client is asked this often whether it is still there, and has so long to answer. */
const pingMillis = 12_000;

/** Bodies of so many bytes are shared rather than copied. */
const sharedMin = 16_000;

const text = { binary: false };

/** One socket: what is on its way to the client, and when the client was last heard. */
export class Line {
  readonly client: WebSocket;
  readonly address: string;
  readonly #connection: Socket;
  readonly #outflow = new Outflow();
  #heardAt = performance.now();
  #pingedAt = 0;

  constructor(client: WebSocket, request: IncomingMessage) {
    this.client = client;
    this.#connection = request.socket;
    this.address = addressOf(request);
    client.on('pong', () => this.heard());
  }

  get isOpen(): boolean {
    return this.client.readyState === this.client.OPEN;
  }

  heard(): void {
    this.#heardAt = performance.now();
  }

  /** Resolves when the system has taken it, or nobody is there to take it. */
  send(data: string): Promise<void> {
    return new Promise((resolve) => this.sendBytes(Buffer.from(data), resolve));
  }

  sendBytes(bytes: Buffer, onTaken?: () => void): void {
    if (!this.isOpen) {
      onTaken?.();
      return;
    }
    const taken = this.#outflow.add(bytes.length);
    this.client.send(bytes, text, () => {
      taken();
      onTaken?.();
    });
  }

  /**
   * Sends a text of three parts as one frame, written to the connection itself: ws writes its head and its body apart,
   * which takes half as long again, and of what many are told the sending is nearly all. A long middle is not copied: it
   * may be on its way to thousands.
   */
  sendJoined(first: Buffer, middle: Buffer, last: Buffer): void {
    if (!this.isOpen) return;
    const head = textHead(first.length + middle.length + last.length);
    const taken = this.#outflow.add(head.length + first.length + middle.length + last.length);
    if (middle.length < sharedMin) {
      this.#connection.write(Buffer.concat([head, first, middle, last]), taken);
      return;
    }
    this.#connection.cork();
    this.#connection.write(Buffer.concat([head, first]));
    this.#connection.write(middle);
    this.#connection.write(last, taken);
    this.#connection.uncork();
  }

  /** Whether more may be sent: undefined, or a promise of when it may. */
  ready(): Promise<void> | undefined {
    return this.isOpen ? this.#outflow.ready() : undefined;
  }

  close(why: Closing): void {
    this.client.close(...closing[why]);
  }

  /** Asks who was silent whether it is there. Returns why the socket is to be closed: nobody reads, or nobody is there. */
  attend(now: number, slowMillis: number): Closing | undefined {
    if (!this.isOpen) return undefined;
    if (!this.#outflow.isEmpty) return this.#outflow.stuckFor(now) > slowMillis ? 'tooSlow' : undefined;
    if (this.#pingedAt > this.#heardAt) return now - this.#pingedAt > pingMillis ? 'silent' : undefined;
    if (now - this.#heardAt > pingMillis) {
      this.#pingedAt = now;
      this.client.ping();
    }
    return undefined;
  }
}

/** The head of a whole text message as a server sends it (RFC 6455, 5.2): final, not masked, not compressed. */
function textHead(length: number): Buffer {
  const head = Buffer.allocUnsafe(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x81;
  if (length < 126) head[1] = length;
  else if (length < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return head;
}
