import type { Client } from 'graphql-ws';
import { expect } from 'vitest';
import { ask, socketClient } from '../support/client.ts';

export interface Candle {
  readonly t: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number | null;
  readonly count: number;
  readonly final: boolean;
}

export interface CandleEvent {
  readonly kind: 'SNAPSHOT' | 'CHANGE' | 'PROGRESS';
  readonly cursor: number;
  readonly changes: readonly {
    readonly span: { readonly from: number | null; readonly to: number | null };
    readonly candles: readonly Candle[];
    readonly truncated: boolean;
  }[];
  readonly reason: string | null;
}

export interface WhatCandles {
  readonly series: string;
  readonly interval: string;
  readonly timeZone?: string | undefined;
  readonly range?: { readonly from?: number | undefined; readonly to?: number | undefined } | undefined;
}

/** What a client holds, to come back with. */
export interface HeldCandles {
  readonly cursor: number;
  readonly candles: readonly Candle[];
}

const fields = '{ t open high low close volume count final }';

export const candleSubscription = `subscription ($series: String!, $interval: Duration!, $timeZone: String, $after: Revision, $range: TimeRange) {
  candleChanges(series: $series, interval: $interval, timeZone: $timeZone, after: $after, range: $range) {
    kind cursor reason changes { span { from to } candles ${fields} truncated }
  }
}`;

type Steps = AsyncIterableIterator<{ data?: { candleChanges: CandleEvent } | null; errors?: unknown }>;

/** A client as the contract describes it: applies events in order, and comes back with its cursor. */
export class CandleFollower {
  readonly #url: string;
  readonly #what: WhatCandles;
  #held = new Map<number, Candle>();
  #client: Client | undefined;
  #events: Steps | undefined;
  cursor: number | undefined;

  constructor(url: string, what: WhatCandles, holding?: HeldCandles) {
    this.#url = url;
    this.#what = what;
    this.cursor = holding?.cursor;
    for (const candle of holding?.candles ?? []) this.#held.set(candle.t, candle);
  }

  get candles(): Candle[] {
    return [...this.#held.values()].sort((a, b) => a.t - b.t);
  }

  holding(): HeldCandles {
    return { cursor: this.cursor ?? 0, candles: this.candles };
  }

  /** The next event, applied. The first after a connection was closed is that of a new one. */
  async next(): Promise<CandleEvent> {
    if (!this.#events) {
      this.#client = socketClient(this.#url);
      const variables = { ...this.#what, after: this.cursor };
      this.#events = this.#client.iterate({ query: candleSubscription, variables }) as Steps;
    }
    const { value, done } = await this.#events.next();
    if (done) throw new Error('the subscription has ended');
    if (value.errors || !value.data) throw new Error(JSON.stringify(value.errors));
    const event = value.data.candleChanges;
    this.apply(event);
    return event;
  }

  async disconnect(): Promise<void> {
    this.#events = undefined;
    await this.#client?.dispose();
    this.#client = undefined;
  }

  apply({ kind, cursor, changes }: CandleEvent): void {
    if (kind === 'SNAPSHOT') this.#held.clear();
    let end = Number.NEGATIVE_INFINITY;
    for (const { span, candles } of changes) {
      const from = span.from ?? Number.NEGATIVE_INFINITY;
      const to = span.to ?? Number.POSITIVE_INFINITY;
      expect(from >= end, 'spans ascend, and none is told twice').toBe(true);
      end = to;
      for (const t of this.#held.keys()) if (t >= from && t < to) this.#held.delete(t);
      for (const candle of candles) {
        expect(candle.t >= from && candle.t < to, 'within its span').toBe(true);
        this.#held.set(candle.t, candle);
      }
    }
    if (this.cursor !== undefined && kind === 'CHANGE') expect(cursor).toBeGreaterThan(this.cursor);
    if (this.cursor !== undefined && kind === 'PROGRESS') expect(cursor).toBeGreaterThanOrEqual(this.cursor);
    this.cursor = cursor;
  }

  /** What is held equals what a query at the cursor gives. */
  async compare(): Promise<void> {
    const query = `query ($series: String!, $interval: Duration!, $timeZone: String, $range: TimeRange, $asOf: Revision!) {
      series(key: $series) { candles(interval: $interval, timeZone: $timeZone, range: $range, asOf: $asOf) ${fields} }
    }`;
    const { series } = await ask<{ series: { candles: Candle[] } }>(this.#url, query, {
      ...this.#what,
      asOf: this.cursor,
    });
    expect(this.candles, `${JSON.stringify(this.#what)} at ${this.cursor}`).toEqual(series.candles);
  }
}
