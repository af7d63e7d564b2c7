import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, type ExecutionResult, GraphQLError, type OperationDefinitionNode } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { type ServerOptions, WebSocketServer } from 'ws';
import type { Executor } from '../schema/execute.ts';
import { streamOfOne } from './leaving.ts';

/** Tells clients to come back: the service restarts. */
const comeBackCode = 1012;

const keepAliveMillis = 12_000;

/** A client that was told to go and does not answer is cut off after this, well within the time that stopping may take. */
const closeMillis = 2_000;

interface Arguments extends ExecutionArgs {
  readonly operation: OperationDefinitionNode;
}

export interface SocketOptions {
  readonly bodyBytesMax: number;
  readonly isAllowed: (request: IncomingMessage) => boolean;
}

/** Operations over WebSockets: the protocol graphql-transport-ws. */
export class Sockets {
  readonly #server: WebSocketServer;
  readonly #dispose: () => void | Promise<void>;
  readonly #isAllowed: (request: IncomingMessage) => boolean;

  constructor(executor: Executor, options: SocketOptions) {
    this.#isAllowed = options.isAllowed;
    const settings: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      maxPayload: options.bodyBytesMax,
      closeTimeout: closeMillis,
      handleProtocols: (protocols) => (protocols.has('graphql-transport-ws') ? 'graphql-transport-ws' : false),
    };
    this.#server = new WebSocketServer(settings);
    const { dispose } = useServer(
      {
        connectionInitWaitTimeout: 10_000,
        onSubscribe: (_, __, payload) => {
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
          };
          return args;
        },
        execute: (args) =>
          run(args as unknown as Arguments, async ({ document, operation, variableValues }) =>
            streamOfOne((onLeave) => executor.execute(document, operation, variableValues, executor.context(onLeave))),
          ),
        subscribe: (args) =>
          run(args as unknown as Arguments, (a) => executor.subscribe(a.document, a.operation, a.variableValues)),
      },
      this.#server,
      keepAliveMillis,
    );
    this.#dispose = dispose;
  }

  get count(): number {
    return this.#server.clients.size;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const [path] = (request.url ?? '/').split('?', 1);
    if (path !== '/graphql') refuse(socket, '404 Not Found');
    else if (!this.#isAllowed(request)) refuse(socket, '403 Forbidden');
    else
      this.#server.handleUpgrade(request, socket, head, (client) => this.#server.emit('connection', client, request));
  }

  async stop(): Promise<void> {
    for (const client of this.#server.clients) client.close(comeBackCode, 'The server restarts');
    await this.#dispose();
  }
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function run<T extends ExecutionResult | AsyncGenerator<ExecutionResult>>(
  args: Arguments,
  how: (args: Arguments) => Promise<T>,
): Promise<T> {
  return how(args);
}
