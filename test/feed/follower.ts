import type { Client } from 'graphql-ws';
import { expect } from 'vitest';
import { ask, socketClient } from '../support/client.ts';

interface Change {
  readonly series: string;
  readonly span: { readonly from: number | null; readonly to: number | null };
  readonly points: {
    readonly t: number[];
    readonly value: number[];
    readonly size: (number | null)[] | null;
    readonly revision: number;
  };
  readonly truncated: boolean;
}

export interface Event {
  readonly kind: 'SNAPSHOT' | 'CHANGE' | 'PROGRESS';
  readonly cursor: number;
  readonly changes: readonly Change[];
  readonly reason: string | null;
}

export interface What {
  readonly series: readonly string[];
  readonly range?: { readonly from?: number | undefined; readonly to?: number | undefined } | undefined;
  readonly bucket?: string | undefined;
}

export const changesSubscription = `subscription ($series: [String!]!, $after: Revision, $range: TimeRange, $bucket: Duration) {
  changes(series: $series, after: $after, range: $range, bucket: $bucket) {
    kind cursor reason changes { series span { from to } points { t value size revision } truncated }
  }
}`;

type Steps = AsyncIterableIterator<{ data?: { changes: Event } | null; errors?: unknown }>;

type Held = Map<number, readonly [value: number, size: number | null]>;

/** A client as the contract describes it: applies events in order, and comes back with its cursor. */
export class Follower {
  readonly #url: string;
  readonly #what: What;
  readonly #held = new Map<string, Held>();
  #client: Client | undefined;
  #events: Steps | undefined;
  cursor: number | undefined;
  readonly seen: Event[] = [];

  constructor(url: string, what: What) {
    this.#url = url;
    this.#what = what;
  }

  /** The next event, applied. The first after a connection was closed is that of a new one. */
  async next(): Promise<Event> {
    if (!this.#events) {
      this.#client = socketClient(this.#url);
      const variables = { ...this.#what, after: this.cursor };
      this.#events = this.#client.iterate<{ changes: Event }>({ query: changesSubscription, variables }) as Steps;
    }
    const { value, done } = await this.#events!.next();
    if (done) throw new Error('the subscription has ended');
    if (value.errors || !value.data) throw new Error(JSON.stringify(value.errors));
    const event = value.data.changes;
    this.apply(event);
    this.seen.push(event);
    return event;
  }

  async disconnect(): Promise<void> {
    this.#events = undefined;
    await this.#client?.dispose();
    this.#client = undefined;
  }

  apply({ kind, cursor, changes }: Event): void {
    if (kind === 'SNAPSHOT') this.#held.clear();
    for (const { series, span, points, truncated } of changes) {
      const held: Held = this.#held.get(series) ?? new Map();
      const before: Held = new Map();
      for (const [t, point] of held) {
        if ((span.from !== null && t < span.from) || (span.to !== null && t >= span.to)) continue;
        before.set(t, point);
        held.delete(t);
      }
      const told: Held = new Map(points.t.map((t, i) => [t, [points.value[i], points.size?.[i] ?? null]]));
      if (kind === 'CHANGE' && !this.#what.bucket && !truncated)
        expect(told, 'a change says what was not known').not.toEqual(before);
      for (const [t, point] of told) {
        expect(
          t >= (span.from ?? Number.NEGATIVE_INFINITY) && t < (span.to ?? Number.POSITIVE_INFINITY),
          'within its span',
        ).toBe(true);
        held.set(t, point);
      }
      expect(points.revision).toBe(cursor);
      this.#held.set(series, held);
    }
    if (this.cursor !== undefined && kind === 'CHANGE') expect(cursor).toBeGreaterThan(this.cursor);
    if (this.cursor !== undefined && kind === 'PROGRESS') expect(cursor).toBeGreaterThanOrEqual(this.cursor);
    this.cursor = cursor;
  }

  /** What is held equals what a query at the cursor gives. */
  async compare(): Promise<void> {
    const query = `query ($keys: [String!]!, $range: TimeRange, $bucket: Duration, $asOf: Revision!) {
      seriesByKeys(keys: $keys) { samples(maxPoints: null, range: $range, bucket: $bucket, asOf: $asOf) { t value size } }
    }`;
    interface Answer {
      seriesByKeys: { samples: { t: number[]; value: number[]; size: (number | null)[] | null } }[];
    }
    const { series: keys, range, bucket } = this.#what;
    const { seriesByKeys } = await ask<Answer>(this.#url, query, { keys, range, bucket, asOf: this.cursor });
    keys.forEach((key, i) => {
      const { t, value, size } = seriesByKeys[i].samples;
      const wanted = t.map((at, j) => [at, value[j], size?.[j] ?? null]);
      const held = [...(this.#held.get(key) ?? [])].sort((a, b) => a[0] - b[0]).map(([at, point]) => [at, ...point]);
      expect(held, `${key} at ${this.cursor}`).toEqual(wanted);
    });
  }

  values(key: string): number[] {
    return [...(this.#held.get(key) ?? [])].sort((a, b) => a[0] - b[0]).map(([, [value]]) => value);
  }
}
