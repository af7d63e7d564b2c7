import type { ExecutionResult } from 'graphql';
import type { Accepted } from '../schema/execute.ts';
import type { Line } from './line.ts';

const last = Buffer.from('}');

/** Most clients give their operations the same ids: what events of one id begin with is one and the same. */
const firsts = new Map<string, Buffer>();
const firstsMax = 1_000;

function firstOf(id: string): Buffer {
  const known = firsts.get(id);
  if (known) return known;
  const first = Buffer.from(`{"id":${JSON.stringify(id)},"type":"next","payload":`);
  if (firsts.size >= firstsMax) firsts.clear();
  firsts.set(id, first);
  return first;
}

/**
 * A subscription that is shared with others, on one socket. Its events go past graphql-ws, which would put each into JSON
 * again for each client; all else (errors, the end, leaving) goes through it.
 */
export function deliver(accepted: Accepted, line: Line, id: string): AsyncGenerator<ExecutionResult, void> {
  const first = firstOf(id);
  let leave: (() => void) | undefined;
  let over: (result: ExecutionResult | undefined) => void = () => undefined;
  const end = new Promise<ExecutionResult | undefined>((resolve) => {
    over = resolve;
  });
  let told = false;
  const done = { done: true, value: undefined } as const;
  return {
    next: async () => {
      if (told) return done;
      leave ??= accepted.join({
        ready: () => line.ready(),
        send: (json) => line.sendJoined(first, json, last),
        end: over,
      });
      const value = await end;
      told = true;
      return value ? { done: false, value } : done;
    },
    return: async () => {
      leave?.();
      over(undefined);
      return done;
    },
    throw: async (error: unknown) => {
      leave?.();
      over(undefined);
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
