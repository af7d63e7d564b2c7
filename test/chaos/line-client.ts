import WebSocket from 'ws';
import type { Line } from '../../src/client/client.ts';
import { clientOf, type Record, record } from '../client/following.ts';
import type { What } from '../feed/follower.ts';

/** A program that follows by tidemark/client over a socket of its own. */
export class LineClient {
  readonly wanted: What;
  readonly recorded: Record;
  readonly line: Line;
  /** Messages with a snapshot that came to it. */
  readonly snapshots: string[] = [];
  readonly #sockets = new Set<WebSocket>();
  readonly #close: () => void;

  constructor(anyUrl: () => string, wanted: What, onFault: (fault: string) => void) {
    this.wanted = wanted;
    const { series, ...options } = wanted;
    const sockets = this.#sockets;
    const snapshots = this.snapshots;
    const webSocketImpl = class extends WebSocket {
      /** Each time another one of the APIs, as behind a balancer. */
      constructor(_: string, protocol: string) {
        super(anyUrl().replace('http', 'ws'), protocol);
        sockets.add(this);
        this.on('close', () => sockets.delete(this));
        this.on('message', (text) => {
          if (this.readyState === this.OPEN && String(text).includes('"SNAPSHOT"')) snapshots.push(String(text));
        });
      }
    };
    const tidemark = clientOf(anyUrl(), { webSocketImpl });
    this.recorded = record(tidemark, series, options);
    this.line = this.recorded.line;
    this.line.ended.then((error) => error && onFault(String(error)));
    this.#close = () => tidemark.close();
  }

  get cursor(): number | undefined {
    return this.line.cursor;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  close(): void {
    this.#close();
  }
}
