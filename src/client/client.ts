import { Line, type LineState, type Wanted } from './line.ts';
import { closedError, Link, type LinkOptions } from './link.ts';
import type { Operation } from './operation.ts';

export type { Columns } from './columns.ts';
export { TidemarkError } from './error.ts';
export type { SeriesUpdate, Update } from './fold.ts';
export type { Line, LineState } from './line.ts';
export type { ConnectionState, LinkOptions as ConnectOptions } from './link.ts';
export type { Operation } from './operation.ts';

export interface FollowOptions extends Omit<Wanted, 'series'> {
  /** What an earlier line held: it goes on from there. Of no effect when that followed something else. */
  readonly state?: LineState | undefined;
}

export class Tidemark {
  readonly #link: Link;
  readonly #lines = new Set<Line>();
  readonly #refusals = new Set<(error: Error) => void>();
  #isClosed = false;

  constructor(options: LinkOptions) {
    this.#link = new Link(options);
  }

  /** Keeps a copy of series in step, over any number of lost connections. */
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
   * A query or a mutation over the same socket. When the connection is lost before the answer it fails with
   * DISCONNECTED, and is not sent again: a mutation may have been done.
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

  /** Ends all lines, and the socket. */
  close(): void {
    this.#isClosed = true;
    for (const line of [...this.#lines]) line.close();
    for (const refuse of this.#refusals) refuse(closedError());
    this.#link.close();
  }
}

export function connect(options: LinkOptions): Tidemark {
  return new Tidemark(options);
}
