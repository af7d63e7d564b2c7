import { expect } from 'vitest';
import WebSocket from 'ws';
import {
  type Columns,
  type ConnectOptions,
  connect,
  type FollowOptions,
  type Line,
  type Tidemark,
  type Update,
} from '../../src/client/client.ts';
import { ask } from '../support/client.ts';
import { until } from '../support/program.ts';

export const t = Date.parse('2026-01-05T09:30:00Z');

export function clientOf(url: string, options: Partial<ConnectOptions> = {}): Tidemark {
  return connect({ url, webSocketImpl: WebSocket, ...options });
}

/** Everything that a line handed out, with what it was asked for. */
export interface Record {
  readonly line: Line;
  readonly updates: Update[];
  /** Resolves once it holds a revision. */
  reaches(revision: number): Promise<void>;
  /** What is held, and what was handed out (of `isWanted` updates), is what queries say that there was. */
  compare(url: string, isWanted?: (update: number) => boolean): Promise<void>;
}

export function record(tidemark: Tidemark, keys: readonly string[], options: FollowOptions = {}): Record {
  const line = tidemark.follow(keys, options);
  const updates: Update[] = [];
  const first = new Map(line.state?.series);
  line.onChange((update) => {
    expect(update.cursor).toBeGreaterThan(updates.at(-1)?.cursor ?? 0);
    updates.push(update);
  });
  return {
    line,
    updates,
    reaches: (revision) => until(() => (line.cursor ?? 0) >= revision),
    compare: async (url, isWanted = () => true) => {
      // Views never change, so they can be looked at when all is over.
      const held = new Map(first);
      for (const [i, { cursor, series }] of updates.entries()) {
        for (const [key, { changedFrom, ...columns }] of series) {
          const old = held.get(key)?.t ?? new Float64Array();
          const differs = columns.t.subarray(0, changedFrom).findIndex((t, place) => t !== old[place]);
          expect(differs, `before ${changedFrom} ${key} is as it was`).toBe(-1);
          held.set(key, columns);
        }
        if (isWanted(i)) await compareAt(url, keys, options, cursor, (key) => held.get(key));
      }
      await compareAt(url, keys, options, line.cursor!, (key) => line.get(key));
    },
  };
}

const query = `query ($keys: [String!]!, $range: TimeRange, $bucket: Duration, $asOf: Revision!) {
  seriesByKeys(keys: $keys) { samples(maxPoints: null, range: $range, bucket: $bucket, asOf: $asOf) { t value size } }
}`;

interface Answer {
  readonly seriesByKeys: { samples: { t: number[]; value: number[]; size: (number | null)[] | null } }[];
}

async function compareAt(
  url: string,
  keys: readonly string[],
  { range, bucket }: FollowOptions,
  asOf: number,
  get: (key: string) => Columns | undefined,
): Promise<void> {
  const { seriesByKeys } = await ask<Answer>(url, query, { keys, range, bucket, asOf });
  keys.forEach((key, i) => {
    const { samples } = seriesByKeys[i];
    const held = get(key);
    const none = samples.t.map(() => Number.NaN);
    const size = samples.size?.map((each) => each ?? Number.NaN) ?? none;
    expect(
      { t: [...held!.t], value: [...held!.value], size: held!.size ? [...held!.size] : none },
      `${key} at ${asOf}`,
    ).toEqual({ t: samples.t, value: samples.value, size });
  });
}
