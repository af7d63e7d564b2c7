import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import type { Request } from '../schema/documents.ts';
import type { Executor } from '../schema/execution.ts';
import type { Caller } from '../schema/operation-reads.ts';
import type { SerializedEvent } from '../schema/serialized-event.ts';
import { SendBuffer } from './backpressure.ts';
import type { ConnectionCounter } from './client-limits.ts';
import { BodyFault } from './request-body.ts';

/** Proxies cut idle streams, so a comment is sent at this interval. */
const commentMillis = 12_000;

const attendMillis = 1_000;

const comment = Buffer.from(':\n\n');
const complete = Buffer.from('event: complete\ndata:\n\n');
const head = Buffer.from('event: next\ndata: ');
const tail = Buffer.from('\n\n');

export interface StreamOptions {
  readonly clients: ConnectionCounter;
  /** The time without reading after which a client is disconnected. */
  readonly slowMillis: number;
}

export function wantsStream({ headers }: IncomingMessage): boolean {
  return headers.accept?.includes('text/event-stream') ?? false;
}

/** Runs operations over server-sent events, one per request, as the distinct connections mode of graphql-sse. */
export class EventStreams {
  readonly #executor: Executor;
  readonly #options: StreamOptions;
  readonly #open = new Set<Stream>();
  readonly #timers: readonly NodeJS.Timeout[];

  constructor(executor: Executor, options: StreamOptions) {
    this.#executor = executor;
    this.#options = options;
    const every = (millis: number, attend: (stream: Stream) => void) =>
      setInterval(() => {
        for (const stream of this.#open) attend(stream);
      }, millis).unref();
    const { slowMillis } = options;
    this.#timers = [
      every(commentMillis, (stream) => stream.comment()),
      every(Math.min(attendMillis, slowMillis / 4), (stream) => stream.cutIfStuck(slowMillis)),
    ];
  }

  async answer(asked: Request, request: IncomingMessage, response: ServerResponse, caller: Caller): Promise<void> {
    const found = this.#executor.operationOf(asked);
    if ('document' in found && found.operation.operation === 'mutation' && request.method === 'GET')
      throw new BodyFault(405, 'BAD_USER_INPUT', 'A mutation needs POST.');
    const { clients } = this.#options;
    const client = caller.name ?? '';
    if (!clients.enter(client)) throw new BodyFault(429, 'RATE_LIMITED', 'Too many streams and sockets of one client.');
    const stream = new Stream(request, response);
    this.#open.add(stream);
    response.once('close', () => {
      this.#open.delete(stream);
      clients.leave(client);
    });
    stream.comment();
    if (!('document' in found)) stream.end({ errors: found });
    else if (found.operation.operation !== 'subscription') {
      const context = this.#executor.context(caller);
      stream.end(await this.#executor.execute(found.document, found.operation, asked.variables, context));
    } else {
      const accepted = await this.#executor.subscribe(found.document, found.operation, asked.variables);
      if (!('join' in accepted)) stream.end(accepted);
      else if (!response.destroyed) {
        // The header that an EventSource sends when it reconnects by itself.
        const last = Number(request.headers['last-event-id'] || Number.NaN);
        const leave = accepted.join(stream, Number.isSafeInteger(last) ? last : undefined);
        response.once('close', leave);
      }
    }
  }

  /** Ends all streams, so that their clients reconnect elsewhere. */
  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const stream of this.#open) stream.cut();
  }
}

class Stream {
  readonly #response: ServerResponse;
  readonly #outflow: SendBuffer;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#response = response;
    this.#outflow = new SendBuffer(request.socket);
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    });
  }

  ready(): Promise<void> | undefined {
    return this.#response.destroyed ? undefined : this.#outflow.ready();
  }

  send({ bytes, cursor }: SerializedEvent): void {
    this.#write(Buffer.concat([Buffer.from(`id: ${cursor}\n`), head, bytes, tail]));
  }

  end(result: ExecutionResult | undefined): void {
    if (result) this.#write(Buffer.concat([head, Buffer.from(JSON.stringify(result)), tail]));
    this.#write(complete);
    this.#response.end();
  }

  comment(): void {
    this.#write(comment);
  }

  cutIfStuck(millis: number): void {
    if (this.#outflow.stuckFor(performance.now()) > millis) this.cut();
  }

  cut(): void {
    this.#response.destroy();
  }

  #write(bytes: Buffer): void {
    if (this.#response.writableEnded || this.#response.destroyed) return;
    this.#response.write(bytes);
  }
}
