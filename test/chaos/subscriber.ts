import WebSocket from 'ws';
import { type CandleEvent, candleSubscription, type WhatCandles } from '../feed/candle-follower.ts';
import { changesSubscription, type Event, type What } from '../feed/follower.ts';

export type Wanted = { readonly changes: What } | { readonly candles: WhatCandles };

type Heard = Event | CandleEvent;

/** What came of one subscription, from its start to the loss of its connection. */
export interface Stay {
  readonly after: number | undefined;
  readonly events: Heard[];
}

/** Keeps every event in the order in which they came. */
export class Subscriber {
  readonly wanted: Wanted;
  readonly stays: Stay[] = [];
  cursor: number | undefined;

  constructor(wanted: Wanted) {
    this.wanted = wanted;
  }

  /** The payload of a message that subscribes behind what came last. */
  subscription(): { query: string; variables: object } {
    this.stays.push({ after: this.cursor, events: [] });
    const after = this.cursor;
    return 'changes' in this.wanted
      ? { query: changesSubscription, variables: { ...this.wanted.changes, after } }
      : { query: candleSubscription, variables: { ...this.wanted.candles, after } };
  }

  hear({ changes, candleChanges }: { changes?: Event; candleChanges?: CandleEvent }): void {
    const event = (changes ?? candleChanges)!;
    this.stays.at(-1)!.events.push(event);
    this.cursor = event.cursor;
  }
}

interface Message {
  readonly type: string;
  readonly id?: string;
  readonly payload?: { readonly data?: { changes?: Event; candleChanges?: CandleEvent }; readonly errors?: unknown };
}

/** A socket that is opened again whenever it is lost, with the subscriptions of some. */
export class Connection {
  readonly #anyUrl: () => string;
  readonly #subscribers: readonly Subscriber[];
  readonly #onFault: (fault: string) => void;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(anyUrl: () => string, subscribers: readonly Subscriber[], onFault: (fault: string) => void) {
    this.#anyUrl = anyUrl;
    this.#subscribers = subscribers;
    this.#onFault = onFault;
    this.#open();
  }

  #open(): void {
    const socket = new WebSocket(this.#anyUrl().replace('http', 'ws'), 'graphql-transport-ws');
    this.#socket = socket;
    socket.on('open', () => socket.send('{"type":"connection_init"}'));
    socket.on('message', (text) => {
      // What a socket that was cut had still to say was not received.
      if (socket === this.#socket && socket.readyState === socket.OPEN)
        this.#hear(socket, JSON.parse(String(text)) as Message);
    });
    socket.on('error', () => undefined);
    socket.on('close', (code) => {
      if (socket !== this.#socket) return;
      // A process that was killed, or a socket that was cut, says no goodbye; one that is replaced does.
      if (code !== 1006 && code !== 1012) this.#onFault(`a socket was closed with ${code}`);
      this.#timer = setTimeout(() => this.#open(), 50);
    });
  }

  #hear(socket: WebSocket, { type, id, payload }: Message): void {
    if (type === 'connection_ack') {
      for (const [i, subscriber] of this.#subscribers.entries())
        socket.send(JSON.stringify({ id: String(i), type: 'subscribe', payload: subscriber.subscription() }));
    } else if (type === 'next' && payload?.data && !payload.errors) {
      this.#subscribers[Number(id)].hear(payload.data);
    } else {
      this.#onFault(`${type}: ${JSON.stringify(payload)}`);
    }
  }

  cut(): void {
    this.#socket?.terminate();
  }

  /** For good, unless it comes back. */
  leave(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.terminate();
  }

  comeBack(): void {
    if (!this.#socket) this.#open();
  }
}
