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

/** The close codes of this server, in addition to those of graphql-ws; docs/protocol.md says what clients should do. */
export const closeReasons: Readonly<Record<CloseReason, readonly [code: number, reason: string]>> = {
  badId: [4400, 'The id of an operation is longer than 1,000 characters'],
  restart: [1012, 'The server restarts: connect again, with after'],
  tooManySockets: [4430, 'Too many sockets of one client'],
  tooManyOperations: [4431, 'Too many operations at once on one socket'],
  tooSlow: [4432, 'Nothing was read for too long: connect again, with after'],
  silent: [4433, 'Pings were not answered'],
  failed: [4500, 'Something went wrong in the server'],
};

/** The server pings a silent client at this interval, and closes the socket after the same time without an answer. */
const pingMillis = 12_000;

/** The longest reason that fits into a closing frame (RFC 6455, 5.5). */
const reasonBytesMax = 123;

/** A reason that quotes the client can be too long. It is cut, because ws throws for a longer one. */
export function shortenCloseReason(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= reasonBytesMax) return reason;
  // A character that the cut splits is dropped.
  let end = reasonBytesMax - Buffer.byteLength('…');
  while ((bytes[end] & 0xc0) === 0x80) end--;
  return `${bytes.toString('utf8', 0, end)}…`;
}

const text = { binary: false };

/** One socket: its unsent bytes, and the time of the client's last message. */
export class WebSocketConnection {
  readonly client: WebSocket;
  /** The client of this socket. */
  readonly name: string;
  /** The id of the request that opened the socket. */
  readonly requestId: string;
  readonly #connection: Socket;
  readonly #outflow: SendBuffer;
  /** True when the operating system did not accept all of the last write. */
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

  /** Resolves when the operating system has accepted all bytes, or the socket is closed. */
  send(data: string): Promise<void> {
    if (!this.isOpen) return Promise.resolve();
    return new Promise((resolve) => this.client.send(data, text, () => resolve()));
  }

  /**
   * Sends an event with this client's prefix as one frame, directly to the connection. ws would write head and body
   * separately, which takes half as long again, and sending dominates the cost of a shared event. A long event is not
   * copied, because thousands of clients may get it.
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

  /**
   * Undefined when more can be sent; otherwise a promise for that moment. It is called for each event, so the common
   * case is cheap.
   */
  ready(): Promise<void> | undefined {
    if (!this.#isFilling) return undefined;
    const busy = this.isOpen ? this.#outflow.ready() : undefined;
    if (!busy) this.#isFilling = false;
    return busy;
  }

  close(why: CloseReason): void {
    this.client.close(...closeReasons[why]);
  }

  /** Pings a silent client. Returns the reason to close the socket when the client does not read or does not answer. */
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

/** The end of an event's message. */
const after = '}';
const afterBytes = Buffer.from(after);

/** The length of the frame head for a message of this size. */
function headBytes(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

/** The head of a complete text frame from a server (RFC 6455, 5.2): final, unmasked, uncompressed. */
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

/** The frame head and the prefix of a message of this size. */
function textHead(before: string, more: number): Buffer {
  const length = Buffer.byteLength(before) + more;
  const head = Buffer.allocUnsafe(headBytes(length) + length - more);
  putHead(head, length);
  head.write(before, headBytes(length));
  return head;
}

let framed = { before: '', json: '', frame: Buffer.alloc(0) };

/** A complete frame. Clients that chose the same operation id share it. */
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

/**
 * Writes are collected and flushed together: a client that wakes up after each write would take processor time
 * meanwhile.
 */
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
