import { Connection, type ConnectionOptions, closedError } from './connection.ts';
import { Line, type LineRequest, type LineState } from './line.ts';
import type { Operation } from './operation.ts';

export type { Columns } from './columns.ts';
export type { ConnectionOptions as ConnectOptions, ConnectionState } from './connection.ts';
export { TidemarkError } from './error.ts';
export type { Line, LineState } from './line.ts';
export type { Operation } from './operation.ts';
export type { SeriesUpdate, Update } from './series-copy.ts';

export interface FollowOptions extends Omit<LineRequest, 'series'> {
  /** The state of an earlier line, from which this one continues. Ignored if that one followed something else. */
  readonly state?: LineState | undefined;
}

export class Tidemark {
  readonly #link: Connection;
  readonly #lines = new Set<Line>();
  readonly #refusals = new Set<(error: Error) => void>();
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#link = new Connection(options);
  }

  /** Keeps a copy of series up to date, over any number of lost connections. */
  follow(series: string | readonly string[], options: FollowOptions = {}): Line {
    if (this.#isClosed) throw closedError();
    const { range, bucket, state } = options;
    const keys = typeof series === 'string' ? [series] : [...series];
    const line = new Line(this.#link, { series: keys, range, bucket }, state);
    this.#lines.add(line);
    line.ended.then(() => this.#lines.delete(line));
    return line;
  }

  /**
   * Runs a query or mutation over the same socket. If the connection is lost before the answer, it fails with
   * DISCONNECTED and is not repeated, because the server may have run the mutation.
   */
  async query<Data = unknown, Variables = Record<string, unknown>>(
    operation: Operation<Data, Variables>,
    variables?: Variables,
  ): Promise<Data> {
    let refuse: (error: Error) => void = () => undefined;
    const closed = new Promise<never>((_, reject) => {
      refuse = reject;
    });
    this.#refusals.add(refuse);
    try {
      return await Promise.race([this.#link.ask(operation, variables as Variables), closed]);
    } finally {
      this.#refusals.delete(refuse);
    }
  }

  /** Closes all lines and the socket. */
  close(): void {
    this.#isClosed = true;
    for (const line of [...this.#lines]) line.close();
    for (const refuse of this.#refusals) refuse(closedError());
    this.#link.close();
  }
}

export function connect(options: ConnectionOptions): Tidemark {
  return new Tidemark(options);
}
