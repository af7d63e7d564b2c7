import { type Client, createClient } from 'graphql-ws/client';
import { loadWebSocket } from '#client/web-socket';
import { errorFrom, TidemarkError } from './error.ts';
import type { Operation } from './operation.ts';

export interface ConnectionOptions {
  /** The address of the GraphQL endpoint: ws, wss, http or https. */
  readonly url: string;
  /** The WebSocket class. The default is the global one or, in Node 20, which has none, that of the package ws. */
  readonly webSocketImpl?: unknown;
  /** Sent with every connection, for example a token. */
  readonly connectionParams?:
    | Record<string, unknown>
    | (() => Record<string, unknown> | undefined | Promise<Record<string, unknown> | undefined>);
  readonly onState?: (state: ConnectionState, error?: TidemarkError) => void;
  /** The time without a message after which a connection counts as lost. The client sends three pings in between. */
  readonly silenceMillis?: number;
  /** The time without a message for one subscription. The server sends one at least every 15 s. */
  readonly subscriptionSilenceMillis?: number;
}

export type ConnectionState = 'connecting' | 'connected' | 'disconnected' | 'closed';

export interface OperationSink<Data> {
  next(data: Data): void;
  /** Called once, as the last call. Undefined: the server completed the operation. */
  end(error?: TidemarkError): void;
}

/** The part of the WebSocket interface that this file uses, so that it needs no library of types. */
interface Socket {
  readonly readyState: number;
  onopen: unknown;
  onmessage: unknown;
  onerror: unknown;
  onclose: unknown;
  close(): void;
}

type SocketClass = new (...args: unknown[]) => Socket;

const connectingState = 0;

const ignore = () => undefined;

const pauseMillisMin = 100;
const pauseMillisMax = 5_000;

/** The least time between two connections, whatever ends them. */
const betweenConnectionsMillis = 50;

/** One socket, renewed when it is needed and lost, with all operations over it. */
export class Connection {
  readonly #client: Client;
  readonly #options: ConnectionOptions;
  readonly #silenceMillis: number;
  readonly #subscriptionSilenceMillis: number;
  readonly #tickMillis: number;
  readonly #pauses = new Map<number, Promise<void>>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #subscriptions = new Set<{ silentTicks: number | undefined }>();
  #implementation: SocketClass | undefined;
  #socket: Socket | undefined;
  #watchdog: ReturnType<typeof setInterval> | undefined;
  /** Counted in timer ticks, because a suspended machine receives nothing. */
  #silentTicks = 0;
  /** The number of timeouts in a row. A large message could take longer than the timeout, so the timeout grows. */
  #renewals = 0;
  #connectedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: ConnectionOptions) {
    const { silenceMillis = 30_000, subscriptionSilenceMillis = 35_000 } = options;
    this.#options = options;
    this.#silenceMillis = silenceMillis;
    this.#subscriptionSilenceMillis = subscriptionSilenceMillis;
    this.#tickMillis = Math.min(silenceMillis, subscriptionSilenceMillis) / 3;
    const url = socketUrl(options.url);
    this.#client = createClient({
      url: async () => {
        await this.#between();
        this.#implementation ??= (await loadWebSocket?.()) as SocketClass;
        return url;
      },
      webSocketImpl: this.#socketClass(),
      connectionParams: options.connectionParams as () => Record<string, unknown>,
      // A renewed subscription has another cursor, so graphql-ws must not renew it.
      retryAttempts: 0,
      lazy: false,
      onNonLazyError: () => undefined,
      keepAlive: this.#tickMillis,
      on: {
        connecting: () => {
          this.#watch();
          this.#tell('connecting');
        },
        connected: () => this.#tell('connected'),
        message: () => {
          this.#silentTicks = 0;
        },
        error: (error) => this.#lost(error),
        closed: (event) => this.#lost(event),
      },
    });
  }

  /** Returns a function that ends the operation. */
  run<Data, Variables>(
    operation: Operation<Data, Variables>,
    variables: () => Variables,
    sink: OperationSink<Data>,
    isSubscription = false,
  ): () => void {
    const watched = { silentTicks: undefined as number | undefined };
    if (isSubscription) this.#subscriptions.add(watched);
    let over = false;
    const finish = () => {
      over = true;
      this.#subscriptions.delete(watched);
    };
    const end = (error?: TidemarkError) => {
      if (over) return;
      finish();
      sink.end(error);
    };
    const payload = {
      query: String(operation),
      // Read when the operation is sent. graphql-ws may send it again after a close with 1000.
      get variables() {
        return variables() as Record<string, unknown>;
      },
    };
    const stop = this.#client.subscribe<Data>(payload, {
      next: ({ data, errors }) => {
        if (over) return;
        watched.silentTicks = 0;
        this.#renewals = 0;
        if (errors?.length || !data) {
          end(errorFrom(errors));
          stopSoon();
        } else sink.next(data);
      },
      error: (cause) => end(errorFrom(cause)),
      complete: () => end(),
    });
    // If a 'complete' arrived together with this message, graphql-ws would count it as a second end and close the
    // shared socket. So this waits until all messages that arrived together were handled.
    const stopSoon = () => void setTimeout(stop);
    return () => {
      if (over) return;
      finish();
      stopSoon();
    };
  }

  ask<Data, Variables>(operation: Operation<Data, Variables>, variables: Variables): Promise<Data> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(closedError());
      this.run(operation, () => variables, {
        next: resolve,
        end: (error) => reject(error ?? new TidemarkError('DISCONNECTED', 'The server gave no answer.')),
      });
    });
  }

  /** The delay before the next attempt: none at first, then longer after each failure, with jitter. */
  pause(failures: number): Promise<void> {
    if (failures === 0) return Promise.resolve();
    // Operations that failed together share one delay.
    let pause = this.#pauses.get(failures);
    if (!pause) {
      const longest = Math.min(pauseMillisMax, pauseMillisMin * 2 ** failures);
      pause = this.#wait(longest * (0.5 + Math.random() / 2)).then(() => void this.#pauses.delete(failures));
      this.#pauses.set(failures, pause);
    }
    return pause;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watchdog);
    for (const timer of this.#timers) clearTimeout(timer);
    Promise.resolve(this.#client.dispose()).catch(() => undefined);
    if (this.#socket?.readyState === connectingState) this.#socket.close();
    this.#options.onState?.('closed');
  }

  /** Stays pending after the link is closed; its waiters are garbage-collected. */
  #wait(millis: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed) return;
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, millis);
      this.#timers.add(timer);
    });
  }

  async #between(): Promise<void> {
    const waitMillis = this.#connectedAt + betweenConnectionsMillis - performance.now();
    // In a later task, because graphql-ws reports 'error' and then 'closed' for one failed socket.
    await this.#wait(Math.max(0, waitMillis));
    this.#connectedAt = performance.now();
  }

  #tell(state: ConnectionState, error?: TidemarkError): void {
    if (!this.#closed) this.#options.onState?.(state, error);
  }

  #lost(cause: unknown): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = undefined;
    clearInterval(this.#watchdog);
    // Late messages of this socket would be mistaken for those of the next one.
    Object.assign(socket, { onopen: ignore, onmessage: ignore, onerror: ignore, onclose: ignore });
    socket.close();
    this.#tell('disconnected', errorFrom(cause));
  }

  #watch(): void {
    clearInterval(this.#watchdog);
    this.#silentTicks = 0;
    this.#watchdog = setInterval(() => {
      const patience = 2 ** Math.min(this.#renewals, 5);
      let isDead = ++this.#silentTicks * this.#tickMillis > this.#silenceMillis * patience;
      for (const subscription of this.#subscriptions) {
        if (subscription.silentTicks === undefined) continue;
        const silentMillis = ++subscription.silentTicks * this.#tickMillis;
        isDead ||= silentMillis > this.#subscriptionSilenceMillis * patience;
      }
      if (isDead) this.#renew();
    }, this.#tickMillis);
  }

  /** Its operations are informed at once, because closing a dead socket can take half a minute. */
  #renew(): void {
    this.#renewals++;
    const socket = this.#socket;
    if (socket?.readyState === connectingState) {
      socket.close();
    } else {
      this.#client.terminate();
      // terminate() removes the listener, and an unhandled 'error' event would end a Node process.
      if (socket) socket.onerror = ignore;
    }
  }

  /** Captures each socket when it is created: graphql-ws exposes it only after it opens. */
  #socketClass(): SocketClass {
    const given = this.#options.webSocketImpl ?? (globalThis as { WebSocket?: unknown }).WebSocket;
    const isLoadedLater = given === undefined && loadWebSocket !== undefined;
    if (typeof given !== 'function' && !isLoadedLater)
      throw new TypeError(
        'There is no WebSocket here: pass a class as webSocketImpl, such as the one of the package ws.',
      );
    this.#implementation = given as SocketClass | undefined;
    const make = (args: unknown[]) => {
      try {
        return new (this.#implementation as SocketClass)(...args);
      } catch (error) {
        // A page over https may only connect to wss, which makes the constructor throw. graphql-ws does not expect
        // that.
        return failedSocket(error);
      }
    };
    return new Proxy((given ?? socketLoadedLater) as SocketClass, {
      construct: (_, args) => {
        const socket = make(args);
        this.#socket = socket;
        if (this.#closed) queueMicrotask(() => socket.close());
        return socket;
      },
    });
  }
}

/** A stand-in for a class that is loaded before the first connection. graphql-ws checks for these names. */
const socketLoadedLater = Object.assign(class {}, { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 });

/** A socket that never opened, with the reason. */
function failedSocket(error: unknown): Socket {
  const socket: Socket = {
    readyState: 3,
    onopen: ignore,
    onmessage: ignore,
    onerror: ignore,
    onclose: ignore,
    close: ignore,
  };
  setTimeout(() => (socket.onerror as (error: unknown) => void)(error));
  return socket;
}

export function closedError(): TidemarkError {
  return new TidemarkError('CLOSED', 'The client was closed.');
}

function socketUrl(given: string): string {
  const url = new URL(given.replace(/^http/, 'ws'));
  if (!/^wss?:$/.test(url.protocol)) throw new TypeError(`'${given}' is no address of a server`);
  url.hash = '';
  return url.href;
}
