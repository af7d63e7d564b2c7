import { type Client, createClient } from 'graphql-ws/client';
import { loadWebSocket } from '#client/web-socket';
import { errorFrom, TidemarkError } from './error.ts';
import type { Operation } from './operation.ts';

export interface LinkOptions {
  /** Of the GraphQL endpoint: ws, wss, http or https. */
  readonly url: string;
  /** The WebSocket to use. When left out: the global one, or in Node 20, which has none, that of the package ws. */
  readonly webSocketImpl?: unknown;
  /** Sent with every connection, such as a token. */
  readonly connectionParams?:
    | Record<string, unknown>
    | (() => Record<string, unknown> | undefined | Promise<Record<string, unknown> | undefined>);
  readonly onState?: (state: ConnectionState, error?: TidemarkError) => void;
  /** A connection that says nothing for so long is taken for dead; it is asked three times in between. */
  readonly silenceMillis?: number;
  /** So is one over which a subscription says nothing for so long: the server has something to say every 15 s. */
  readonly subscriptionSilenceMillis?: number;
}

export type ConnectionState = 'connecting' | 'connected' | 'disconnected' | 'closed';

export interface Sink<Data> {
  next(data: Data): void;
  /** Once, and then nothing more comes. undefined: the server has ended it. */
  end(error?: TidemarkError): void;
}

/** As much of a WebSocket as is needed here, so that no library of types is. */
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

/** No faster than this, whatever it is that ends connections. */
const betweenConnectionsMillis = 50;

/** One socket, renewed whenever it is wanted and gone, and all that runs over it. */
export class Link {
  readonly #client: Client;
  readonly #options: LinkOptions;
  readonly #silenceMillis: number;
  readonly #subscriptionSilenceMillis: number;
  readonly #tickMillis: number;
  readonly #pauses = new Map<number, Promise<void>>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #subscriptions = new Set<{ silentTicks: number | undefined }>();
  #implementation: SocketClass | undefined;
  #socket: Socket | undefined;
  #watchdog: ReturnType<typeof setInterval> | undefined;
  /** Counted rather than timed: while a machine sleeps, nobody can be silent. */
  #silentTicks = 0;
  /** In a row. A message may take longer to arrive than we are patient, and would never get here otherwise. */
  #renewals = 0;
  #connectedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: LinkOptions) {
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
      // Whoever subscribes again does so with another cursor, so that is not left to graphql-ws.
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

  /** Gives what ends it. */
  run<Data, Variables>(
    operation: Operation<Data, Variables>,
    variables: () => Variables,
    sink: Sink<Data>,
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
      // Asked for when it is sent, which graphql-ws may do again when the server closed with 1000.
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
    // A 'complete' that came with what we are called for would be counted by graphql-ws as a second end, and the socket
    // be closed that others use: so not before all has been heard that came at once.
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

  /** Before the next attempt, after so many that came to nothing: none, then longer and longer, and never the same. */
  pause(failures: number): Promise<void> {
    if (failures === 0) return Promise.resolve();
    // Those that failed together come back together.
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

  /** Never ends once the link is closed, and what waits for it is forgotten. */
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
    // In another task at least: of a socket that failed, graphql-ws hears 'error' and 'closed' one after the other.
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
    // What it has still to say would be taken for the next socket's.
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

  /** What ran over it is told at once: to close a socket that is dead may take half a minute. */
  #renew(): void {
    this.#renewals++;
    const socket = this.#socket;
    if (socket?.readyState === connectingState) {
      socket.close();
    } else {
      this.#client.terminate();
      // terminate() takes the listener away, and an error that nobody hears ends a process of Node.
      if (socket) socket.onerror = ignore;
    }
  }

  /** The sockets as they are made: graphql-ws shows one only when it is open. */
  #socketClass(): SocketClass {
    const given = this.#options.webSocketImpl ?? (globalThis as { WebSocket?: unknown }).WebSocket;
    const isLoadedLater = given === undefined && loadWebSocket !== undefined;
    if (typeof given !== 'function' && !isLoadedLater)
      throw new TypeError('There is no WebSocket here: pass a class as webSocketImpl.');
    this.#implementation = given as SocketClass | undefined;
    const make = (args: unknown[]) => {
      try {
        return new (this.#implementation as SocketClass)(...args);
      } catch (error) {
        // As of a page over https, which may connect to wss only: graphql-ws does not expect it here.
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

/** Stands for a class that is loaded before the first connection: graphql-ws looks for these names. */
const socketLoadedLater = Object.assign(class {}, { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 });

/** One that was never opened, and says why. */
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
