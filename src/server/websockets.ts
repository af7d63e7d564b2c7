import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, GraphQLError, type OperationDefinitionNode } from 'graphql';
import { makeServer, type Server } from 'graphql-ws';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import type { Executor } from '../schema/execution.ts';
import type { Report } from '../schema/faults.ts';
import { streamOfOne } from './client-disconnect.ts';
import type { ConnectionCounter, NameClient } from './client-limits.ts';
import { closeReasons, shortenCloseReason, WebSocketConnection } from './websocket-connection.ts';
import { sendSharedEvents } from './websocket-subscription.ts';

/** The time for a client to send connection_init. Then the server closes with 4408. */
const helloMillis = 10_000;

/** The time for a closed client to read the remaining bytes and to answer the close. */
const closeMillis = 10_000;

/** The shorter time at shutdown, well within the limit for stopping. */
const lastCloseMillis = 2_000;

/** The longest operation id, in characters. */
const idMax = 1_000;

/** The interval at which sockets are checked, unless a limit is shorter. */
const attendMillis = 1_000;

interface Arguments extends ExecutionArgs {
  readonly operation: OperationDefinitionNode;
  readonly line: WebSocketConnection;
  /** The id of the operation, unique within its socket. */
  readonly id: string;
}

export interface SocketLimits {
  /** The longest message, in bytes. */
  readonly bodyBytesMax: number;
  /** The limit of sockets and streams per client. */
  readonly socketsPerClient: number;
  /** The limit of concurrent operations per socket. */
  readonly operationsPerSocket: number;
  /** The time without reading after which a client is disconnected. */
  readonly slowMillis: number;
}

export interface SocketOptions extends SocketLimits {
  readonly clients: ConnectionCounter;
  readonly nameOf: NameClient;
  readonly isAllowed: (request: IncomingMessage) => boolean;
  readonly report: Report;
}

/** Runs operations over WebSockets with the protocol graphql-transport-ws. */
export class WebSockets {
  readonly #server: WebSocketServer;
  readonly #protocol: Server<{ readonly line: WebSocketConnection }>;
  readonly #options: SocketOptions;
  /** For each socket, the function that ends its operations. */
  readonly #lines = new Map<WebSocketConnection, (code: number, reason: string) => void>();
  readonly #timer: NodeJS.Timeout;

  constructor(executor: Executor, options: SocketOptions) {
    this.#options = options;
    const settings: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      maxPayload: options.bodyBytesMax,
      // Frames are also written past it: see Line.
      perMessageDeflate: false,
      closeTimeout: closeMillis,
      handleProtocols: (protocols) => (protocols.has('graphql-transport-ws') ? 'graphql-transport-ws' : false),
    };
    this.#server = new WebSocketServer(settings);
    this.#protocol = makeServer<Record<string, unknown>, { readonly line: WebSocketConnection }>({
      connectionInitWaitTimeout: helloMillis,
      onSubscribe: ({ extra: { line }, subscriptions }, id, payload) => {
        if (Object.keys(subscriptions).length > options.operationsPerSocket) {
          line.close('tooManyOperations');
          return [new GraphQLError('Too many operations at once.', { extensions: { code: 'RATE_LIMITED' } })];
        }
        // The id is sent with every event.
        if (id.length > idMax) {
          line.close('badId');
          return [new GraphQLError('The id is too long.', { extensions: { code: 'BAD_USER_INPUT' } })];
        }
        if (typeof payload.query !== 'string')
          return [new GraphQLError('The message has no query.', { extensions: { code: 'BAD_USER_INPUT' } })];
        const found = executor.operationOf(payload);
        if (!('document' in found)) return found;
        const args: Arguments = {
          schema: executor.schemas.visible,
          document: found.document,
          operationName: payload.operationName,
          variableValues: payload.variables,
          operation: found.operation,
          line,
          id,
        };
        return args;
      },
      execute: (args) => {
        const { document, operation, variableValues, line } = args as unknown as Arguments;
        return streamOfOne((onLeave) => {
          const context = executor.context({ name: line.name, requestId: line.requestId, onLeave });
          return executor.execute(document, operation, variableValues, context);
        });
      },
      subscribe: async (args) => {
        const { document, operation, variableValues, line, id } = args as unknown as Arguments;
        const accepted = await executor.subscribe(document, operation, variableValues);
        return 'join' in accepted ? sendSharedEvents(accepted, line, id) : accepted;
      },
    });
    const every = Math.min(attendMillis, options.slowMillis / 4);
    this.#timer = setInterval(() => this.#attend(), every).unref();
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const [path] = (request.url ?? '/').split('?', 1);
    if (path !== '/graphql') refuse(socket, '404 Not Found');
    else if (!this.#options.isAllowed(request)) refuse(socket, '403 Forbidden');
    else this.#server.handleUpgrade(request, socket, head, (client) => this.#open(client, request));
  }

  #open(client: WebSocket, request: IncomingMessage): void {
    // A protocol error closes the connection with its reason.
    client.on('error', () => undefined);
    const line = new WebSocketConnection(client, request, this.#options.nameOf(request));
    if (!this.#options.clients.enter(line.name)) {
      line.close('tooManySockets');
      return;
    }
    const closed = this.#protocol.opened(
      {
        protocol: client.protocol,
        send: (data) => line.send(data),
        close: (code, reason) => client.close(code, shortenCloseReason(reason ?? '')),
        onMessage: (hear) =>
          client.on('message', (data) => {
            line.heard();
            // A client may still send after the server has closed.
            if (line.isOpen) hear(String(data)).catch((error: unknown) => this.#fail(line, error));
          }),
      },
      { line },
    );
    const end = (code: number, reason: string) =>
      void Promise.resolve(closed(code, reason)).catch((error: unknown) => this.#options.report(error, line.requestId));
    this.#lines.set(line, end);
    client.once('close', (code, reason) => {
      this.#lines.delete(line);
      this.#options.clients.leave(line.name);
      end(code, String(reason));
    });
  }

  #fail(line: WebSocketConnection, error: unknown): void {
    this.#options.report(error, line.requestId);
    line.close('failed');
  }

  #attend(): void {
    const now = performance.now();
    for (const [line, end] of this.#lines) {
      const why = line.attend(now, this.#options.slowMillis);
      if (!why) continue;
      line.close(why);
      // Closing can take a while. The server computes nothing for this socket in the meantime.
      end(...closeReasons[why]);
    }
  }

  /** Asks all clients to reconnect elsewhere, and waits briefly for their close frames. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const { clients } = this.#server;
    for (const line of this.#lines.keys()) line.close('restart');
    const timer = setTimeout(() => {
      for (const client of clients) client.terminate();
    }, lastCloseMillis);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    clearTimeout(timer);
  }
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
