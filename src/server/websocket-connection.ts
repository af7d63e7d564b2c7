import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { SerializedEvent } from '../schema/serialized-event.ts';
import { SendBuffer } from './backpressure.ts';
import { requestIdOf } from './request-id.ts';

export type CloseReason =
  | 'badId'
  | 'restart'
  | 'tooManySockets'
  | 'tooManyOperations'
  | 'tooSlow'
  | 'silent'
  | 'failed';

/** Why the server closes a socket, beside the codes that graphql-ws gives; docs/protocol.md says what to do then. */
export const closeReasons: Readonly<Record<CloseReason, readonly [code: number, reason: string]>> = {
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

/** The longest reason that fits into a closing frame (RFC 6455, 5.5). */
const reasonBytesMax = 123;

/** A reason that quotes the client may be too long: it is cut, for ws throws at one. */
export function shortenCloseReason(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= reasonBytesMax) return reason;
  // A character that is cut in two is left out.
  let end = reasonBytesMax - Buffer.byteLength('…');
  while ((bytes[end] & 0xc0) === 0x80) end--;
  return `${bytes.toString('utf8', 0, end)}…`;
}

const text = { binary: false };

/** One socket: what is on its way to the client, and when the client was last heard. */
export class WebSocketConnection {
  readonly client: WebSocket;
  /** Who is at its other end. */
  readonly name: string;
  /** The id of the request that opened the socket. */
  readonly requestId: string;
  readonly #connection: Socket;
  readonly #outflow: SendBuffer;
  /** The system did not take all of what was written last. */
  #isFilling = false;
  #heardAt = performance.now();
  #pingedAt = 0;

  constructor(client: WebSocket, request: IncomingMessage, name: string) {
    this.client = client;
    this.#connection = request.socket;
    this.#outflow = new SendBuffer(request.socket);
    this.name = name;
    this.requestId = requestIdOf(request);
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
   * Sends an event behind what it begins with for this client, as one frame, written to the connection itself: ws writes
   * its head and its body apart, which takes half as long again, and of what many are told the sending is nearly all. A
   * long one is not copied: it may be on its way to thousands.
   */
  sendNext(before: string, told: SerializedEvent): void {
    if (told.text !== undefined) later(this, textFrame(before, told.text));
    else {
      later(this, textHead(before, told.bytes.length + after.length));
      later(this, told.bytes);
      later(this, afterBytes);
    }
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

  close(why: CloseReason): void {
    this.client.close(...closeReasons[why]);
  }

  /** Asks who was silent whether it is there. Returns why the socket is to be closed: nobody reads, or nobody is there. */
  attend(now: number, slowMillis: number): CloseReason | undefined {
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

/** What ends the message of an event. */
const after = '}';
const afterBytes = Buffer.from(after);

/** How long the head of a message of so many bytes is. */
function headBytes(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

/** The head of a whole text message as a server sends it (RFC 6455, 5.2): final, not masked, not compressed. */
function putHead(to: Buffer, length: number): void {
  to[0] = 0x81;
  if (length < 126) to[1] = length;
  else if (length < 65_536) {
    to[1] = 126;
    to.writeUInt16BE(length, 2);
  } else {
    to[1] = 127;
    to.writeBigUInt64BE(BigInt(length), 2);
  }
}

/** How a message begins that goes on for so many bytes. */
function textHead(before: string, more: number): Buffer {
  const length = Buffer.byteLength(before) + more;
  const head = Buffer.allocUnsafe(headBytes(length) + length - more);
  putHead(head, length);
  head.write(before, headBytes(length));
  return head;
}

let framed = { before: '', json: '', frame: Buffer.alloc(0) };

/** A message as a whole. Clients that gave their operations the same id are sent the same one. */
function textFrame(before: string, json: string): Buffer {
  if (framed.json === json && framed.before === before) return framed.frame;
  const text = before + json + after;
  const length = Buffer.byteLength(text);
  const head = headBytes(length);
  const frame = Buffer.allocUnsafe(head + length);
  putHead(frame, length);
  frame.write(text, head, length === text.length ? 'latin1' : 'utf8');
  framed = { before, json, frame };
  return frame;
}

let lines: WebSocketConnection[] = [];
let frames: Buffer[] = [];

/** Written one behind another when all is made ready: a client that is woken for each takes the processor meanwhile. */
function later(line: WebSocketConnection, bytes: Buffer): void {
  if (lines.length === 0) queueMicrotask(flush);
  lines.push(line);
  frames.push(bytes);
}

function flush(): void {
  const [to, all] = [lines, frames];
  [lines, frames] = [[], []];
  for (let i = 0; i < all.length; i++) to[i].write(all[i]);
}
