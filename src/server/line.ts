import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { Outflow } from './outflow.ts';

export type Closing = 'badId' | 'restart' | 'tooManySockets' | 'tooManyOperations' | 'tooSlow' | 'silent' | 'failed';

/** Why the server closes a socket, beside the codes that graphql-ws gives; docs/protocol.md says what to do then. */
export const closing: Readonly<Record<Closing, readonly [code: number, reason: string]>> = {
  badId: [4400, 'The id of an operation is longer than 1,000 characters'],
  restart: [1012, 'The server restarts: connect again, with after'],
  tooManySockets: [4430, 'Too many sockets of one client'],
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
  /** Who is at its other end. */
  readonly name: string;
  readonly #connection: Socket;
  readonly #outflow: Outflow;
  /** The system did not take all of what was written last. */
  #isFilling = false;
  #heardAt = performance.now();
  #pingedAt = 0;

  constructor(client: WebSocket, request: IncomingMessage, name: string) {
    this.client = client;
    this.#connection = request.socket;
    this.#outflow = new Outflow(request.socket);
    this.name = name;
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
    if (!this.isOpen) return Promise.resolve();
    return new Promise((resolve) => this.client.send(data, text, () => resolve()));
  }

  /**
   * Sends a text of three parts as one frame, written to the connection itself: ws writes its head and its body apart,
   * which takes half as long again, and of what many are told the sending is nearly all. A long middle is not copied: it
   * may be on its way to thousands.
   */
  sendJoined(first: Buffer, middle: Buffer, last: Buffer): void {
    if (middle.length < sharedMin) {
      later(this, textFrame(first, middle, last));
      return;
    }
    later(this, Buffer.concat([textHead(first.length + middle.length + last.length), first]));
    later(this, middle);
    later(this, last);
  }

  write(bytes: Buffer): void {
    if (this.isOpen && !this.#connection.write(bytes)) this.#isFilling = true;
  }

  /** Whether more may be sent: undefined, or a promise of when it may. Asked for each event, it mostly looks at nothing. */
  ready(): Promise<void> | undefined {
    if (!this.#isFilling) return undefined;
    const busy = this.isOpen ? this.#outflow.ready() : undefined;
    if (!busy) this.#isFilling = false;
    return busy;
  }

  close(why: Closing): void {
    this.client.close(...closing[why]);
  }

  /** Asks who was silent whether it is there. Returns why the socket is to be closed: nobody reads, or nobody is there. */
  attend(now: number, slowMillis: number): Closing | undefined {
    if (!this.isOpen) return undefined;
    const stuckFor = this.#outflow.stuckFor(now);
    if (!this.#outflow.isEmpty) return stuckFor > slowMillis ? 'tooSlow' : undefined;
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

let framed: { first: Buffer; middle: Buffer; frame: Buffer } = {
  first: Buffer.alloc(0),
  middle: Buffer.alloc(0),
  frame: Buffer.alloc(0),
};

/** One frame as a whole. Clients that gave their operations the same id are sent the same one. */
function textFrame(first: Buffer, middle: Buffer, last: Buffer): Buffer {
  if (framed.middle === middle && framed.first === first) return framed.frame;
  const length = first.length + middle.length + last.length;
  const head = textHead(length);
  const frame = Buffer.allocUnsafe(head.length + length);
  frame.set(head);
  frame.set(first, head.length);
  frame.set(middle, head.length + first.length);
  frame.set(last, frame.length - last.length);
  framed = { first, middle, frame };
  return frame;
}

let lines: Line[] = [];
let frames: Buffer[] = [];

/** Written one behind another when all is made ready: a client that is woken for each takes the processor meanwhile. */
function later(line: Line, bytes: Buffer): void {
  if (lines.length === 0) queueMicrotask(flush);
  lines.push(line);
  frames.push(bytes);
}

function flush(): void {
  const [to, all] = [lines, frames];
  [lines, frames] = [[], []];
  for (let i = 0; i < all.length; i++) to[i].write(all[i]);
}
