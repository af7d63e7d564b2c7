import { setTimeout } from 'node:timers/promises';
import WebSocket from 'ws';
import { clientOf } from '../client/following.ts';
import { changesSubscription, type Event } from '../feed/follower.ts';
import { plainRequest, type Stream } from '../support/streams.ts';

/** Follows a series, and comes back behind its cursor whenever it is cut off. */
export interface Client {
  readonly name: string;
  readonly events: readonly Event[];
  /** How each connection ended that did: by its code, where it has one. */
  readonly ends: readonly (number | 'cut')[];
  close(): Promise<void>;
}

const againMillis = 10;

/** By the messages of graphql-transport-ws alone. */
export function rawSocket(url: string, key: string): Client {
  const events: Event[] = [];
  const ends: number[] = [];
  let isOver = false;
  let socket: WebSocket;
  const open = () => {
    socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws');
    const variables = { series: [key], after: events.at(-1)?.cursor };
    const payload = { query: changesSubscription, variables };
    socket.on('open', () => socket.send('{"type":"connection_init"}'));
    socket.on('message', (text) => {
      const message = JSON.parse(String(text));
      if (message.type === 'connection_ack') socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
      else if (message.type === 'next') events.push(message.payload.data.changes);
    });
    socket.on('error', () => undefined);
    socket.on('close', (code) => {
      if (isOver) return;
      ends.push(code);
      void setTimeout(againMillis).then(() => isOver || open());
    });
  };
  open();
  return {
    name: 'a socket',
    events,
    ends,
    close: async () => {
      isOver = true;
      socket.terminate();
    },
  };
}

/** By server-sent events, as an EventSource: with the id of the last one. */
export function eventStream(url: string, key: string): Client {
  const events: Event[] = [];
  const ends: 'cut'[] = [];
  const parameters = new URLSearchParams({
    query: changesSubscription,
    variables: JSON.stringify({ series: [key] }),
  });
  let isOver = false;
  let stream: Stream;
  let id: string | undefined;
  const read = async () => {
    while (!isOver) {
      const headers: Record<string, string> = id === undefined ? {} : { 'last-event-id': id };
      stream = plainRequest({ url: `${url}?${parameters}`, headers });
      try {
        for (;;) {
          const block = await stream.block();
          id = /^id: (.*)$/m.exec(block)?.[1] ?? id;
          const data = /^data: (.*)$/m.exec(block)?.[1];
          if (data) events.push(JSON.parse(data).data.changes);
        }
      } catch {
        if (isOver) return;
        ends.push('cut');
        await setTimeout(againMillis);
      }
    }
  };
  const reading = read();
  return {
    name: 'a stream',
    events,
    ends,
    close: async () => {
      isOver = true;
      await stream.close();
      await reading;
    },
  };
}

/** By tidemark/client: what came to it over its sockets. */
export function line(url: string, key: string): Client {
  const events: Event[] = [];
  const ends: number[] = [];
  const webSocketImpl = class extends WebSocket {
    constructor(address: string, protocol: string) {
      super(address, protocol);
      this.on('message', (text) => {
        const { type, payload } = JSON.parse(String(text));
        if (type === 'next') events.push(payload.data.changes);
      });
      this.on('close', (code) => void ends.push(code));
    }
  };
  const tidemark = clientOf(url, { webSocketImpl });
  tidemark.follow(key);
  return { name: 'tidemark/client', events, ends, close: async () => tidemark.close() };
}
