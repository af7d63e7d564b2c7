import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Fault } from '../engine/fault.ts';
import type { App } from '../schema/app.ts';
import type { Executor } from '../schema/execution.ts';
import type { Report } from '../schema/faults.ts';
import { callerOf } from './client-disconnect.ts';
import { ConnectionCounter, type NameClient } from './client-limits.ts';
import { EventStreams, wantsStream } from './event-streams.ts';
import { type FileRequests, isFilePath, isUploadPath, sendNotFound } from './file-requests.ts';
import {
  answerJson,
  checkParameters,
  isJson,
  isPlainJson,
  parametersOf,
  readOperation,
  sendFault,
} from './graphql-requests.ts';
import { answerMultipart, isMultipart } from './multipart.ts';
import { isHostAllowed, isOriginAllowed } from './origins.ts';
import { BodyFault, BodyReader } from './request-body.ts';
import { requestIdOf } from './request-id.ts';
import { retryLaterStatus } from './tus-store.ts';
import { ignoreUpgrade, upgradeOptions, wantsWebSocket } from './upgrade.ts';
import { type SocketLimits, WebSockets } from './websockets.ts';
import { makeYoga, wantsPage } from './yoga.ts';

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly limits: SocketLimits;
  readonly allowedOrigins: readonly string[];
  readonly nameOf: NameClient;
  /** Resolves to true when the database answers. */
  readonly isReady: () => Promise<boolean>;
  readonly report: Report;
  /** Called after each answer. */
  readonly onAnswer?: (answer: AnsweredRequest) => void;
}

/** One answered request, for the log. */
interface AnsweredRequest {
  readonly requestId: string;
  readonly client: string;
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly status: number;
  readonly millis: number;
}

/** The time for running requests to end at shutdown. */
const drainMillis = 6_000;

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * HTTP, WebSockets and server-sent events of one process. It listens before it is ready, and answers 503 until then.
 */
export class ApiServer {
  readonly #options: ServerOptions;
  readonly #http: Server;
  #answer: Handler | undefined;
  #sockets: WebSockets | undefined;
  #streams: EventStreams | undefined;
  #files: FileRequests | undefined;
  #draining = false;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#http = createServer(
      // Bodies have their own limits, because an upload can take days.
      { requestTimeout: 0, headersTimeout: 20_000, keepAliveTimeout: 65_000, ...upgradeOptions },
      (request, response) => {
        void this.#handle(request, response);
      },
    );
    this.#http.on('upgrade', (request, socket: Socket, head) => {
      if (!wantsWebSocket(request)) void ignoreUpgrade(this.#http, request, socket, head).catch(options.report);
      else if (this.#sockets && !this.#draining) this.#sockets.upgrade(request, socket, head);
      else socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n\r\n');
    });
  }

  /** Binds the port, and answers 503 until `serve`. */
  async listen(): Promise<number> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', (error: NodeJS.ErrnoException) => reject(listenFault(error, host, port)));
      this.#http.listen(port, host, resolve);
    });
    const address = this.#http.address();
    return typeof address === 'object' && address ? address.port : port;
  }

  serve(executor: Executor, app: App, files: FileRequests): void {
    const { allowedOrigins, host, limits, nameOf, report } = this.#options;
    const bodies = new BodyReader(limits.bodyBytesMax);
    const yoga = makeYoga(executor);
    const clients = new ConnectionCounter(limits.socketsPerClient);
    const streams = new EventStreams(executor, { clients, slowMillis: limits.slowMillis });
    this.#streams = streams;
    this.#files = files;
    this.#sockets = new WebSockets(executor, {
      ...limits,
      clients,
      nameOf,
      report,
      isAllowed: ({ headers }) =>
        isOriginAllowed(headers.origin, allowedOrigins) && isHostAllowed(headers.host, host, allowedOrigins),
    });
    this.#answer = async (request, response) => {
      const caller = callerOf(nameOf, request, response);
      if (isPlainJson(request)) return answerJson(executor, bodies, request, response, caller);
      if (request.method === 'POST' && isMultipart(request)) {
        const { bytes } = app.arrival;
        return answerMultipart(executor, { bytes, bodyBytesMax: limits.bodyBytesMax }, request, response, caller);
      }
      if (wantsPage(request)) {
        await yoga(request, response, { caller });
        return;
      }
      if (request.method === 'POST' && !isJson(request)) {
        throw new BodyFault(415, 'BAD_USER_INPUT', 'Send the operation as JSON, with Content-Type: application/json.');
      }
      const asked = request.method === 'POST' ? await readOperation(bodies, request) : parametersOf(request);
      if (asked && wantsStream(request)) return streams.answer(asked, request, response, caller);
      // yoga would read a body of any length, so it gets the body that was already read.
      if (request.method === 'POST') Object.assign(request, { body: asked });
      else if (asked) checkParameters(executor, asked);
      await yoga(request, response, { caller });
    };
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = requestIdOf(request);
    response.setHeader('x-request-id', requestId);
    const { nameOf, onAnswer } = this.#options;
    if (onAnswer) {
      const startedAt = performance.now();
      const client = nameOf(request);
      response.once('close', () => {
        const millis = Math.round(performance.now() - startedAt);
        const { method, url } = request;
        onAnswer({ requestId, client, method, url, status: response.statusCode, millis });
      });
    }
    try {
      // Node does not report the disconnect of a client whose request waits behind another one on the same connection,
      // so the answer would be computed for nobody.
      if (!response.socket) await once(response, 'socket');
      await this.#route(request, response);
    } catch (error) {
      this.#fail(request, response, error);
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path] = (request.url ?? '/').split('?', 1);
    if (path === '/livez') return sendText(response, 200, 'alive\n');
    if (path === '/readyz') {
      const ready = this.#answer !== undefined && !this.#draining && (await this.#options.isReady());
      return sendText(response, ready ? 200 : 503, ready ? 'ready\n' : 'not ready\n');
    }
    const { origin, host } = request.headers;
    const { allowedOrigins } = this.#options;
    if (!isHostAllowed(host, this.#options.host, allowedOrigins)) {
      throw new BodyFault(403, 'FORBIDDEN', 'This server is not known by that name; ALLOWED_ORIGINS says which are.');
    }
    if (!isOriginAllowed(origin, allowedOrigins)) {
      throw new BodyFault(
        403,
        'FORBIDDEN',
        `Pages of ${origin?.slice(0, 200)} may not connect; ALLOWED_ORIGINS says which may.`,
      );
    }
    response.setHeader('vary', 'Origin');
    if (origin !== undefined) response.setHeader('access-control-allow-origin', origin);
    if (path === '/') {
      response.writeHead(302, { location: '/graphql' }).end();
      return;
    }
    if (path !== '/graphql' && !isFilePath(path)) throw sendNotFound();
    if (request.method === 'OPTIONS' && !isUploadPath(path)) {
      response.writeHead(204, {
        'access-control-allow-methods': 'GET, POST, OPTIONS',
        'access-control-allow-headers': request.headers['access-control-request-headers'] ?? 'content-type',
        'access-control-max-age': '86400',
      });
      response.end();
      return;
    }
    if (path === '/graphql' && request.method !== 'GET' && request.method !== 'POST')
      throw new BodyFault(405, 'BAD_USER_INPUT', 'Use POST, or GET for queries.');
    if (!this.#answer || !this.#files || this.#draining)
      throw new BodyFault(503, 'UNAVAILABLE', 'The server is starting or stopping. Try again in a moment.');
    await (path === '/graphql' ? this.#answer(request, response) : this.#files.answer(request, response));
  }

  #fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const hungUp = request.destroyed && !request.complete;
    if (!(error instanceof Fault) && !hungUp) this.#options.report(error, requestIdOf(request));
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    // The rest of a refused body is not read: the connection closes after the answer.
    if (!request.complete) response.setHeader('connection', 'close');
    if (
      request.method === 'HEAD' &&
      isUploadPath(request.url ?? '') &&
      !(error instanceof BodyFault && error.status < 500)
    ) {
      sendFault(response, retryLaterStatus, new Fault('UNAVAILABLE', 'Ask again in a moment.'));
    } else if (error instanceof BodyFault) {
      if (error.status === 503) response.setHeader('retry-after', '1');
      sendFault(response, error.status, error);
    } else {
      sendFault(response, 500, new Fault('UNAVAILABLE', 'Something went wrong in the server; it has been logged.'));
    }
    if (!request.complete) request.resume();
  }

  /** Accepts no more requests, answers the running ones, and asks streaming clients to reconnect elsewhere. */
  async drain(): Promise<void> {
    this.#draining = true;
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    await Promise.all([this.#sockets?.stop(), this.#files?.stop()]);
    this.#streams?.stop();
    this.#http.closeIdleConnections();
    const timer = setTimeout(() => this.#http.closeAllConnections(), drainMillis);
    const idle = setInterval(() => this.#http.closeIdleConnections(), 50);
    await closed;
    clearTimeout(timer);
    clearInterval(idle);
  }
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(text);
}

function listenFault(error: NodeJS.ErrnoException, host: string, port: number): Fault {
  if (error.code === 'EADDRINUSE') {
    return new Fault(
      'UNAVAILABLE',
      `PORT: ${host}:${port} is taken by another program. Stop that one, or set PORT (or --port) to another.`,
    );
  }
  if (error.code === 'EACCES')
    return new Fault('UNAVAILABLE', `PORT: this user may not listen on port ${port}. Set PORT to one above 1023.`);
  return new Fault(
    'UNAVAILABLE',
    `HOST: cannot listen on ${host}:${port} (${error.code ?? error.message}). Set HOST to an address of this machine.`,
  );
}
