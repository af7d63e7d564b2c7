import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import type { Caller, OnDisconnect } from '../schema/operation-reads.ts';
import type { NameClient } from './client-limits.ts';
import { requestIdOf } from './request-id.ts';

/** Calls back when the connection of a request closes. */
export function onDisconnect(response: ServerResponse): OnDisconnect {
  return (left) => {
    if (response.destroyed) left();
    else response.once('close', left);
  };
}

/**
 * The caller that waits for an answer. It is determined when the request starts, because a closed connection has no
 * address.
 */
export function callerOf(nameOf: NameClient, request: IncomingMessage, response: ServerResponse): Caller {
  return { name: nameOf(request), requestId: requestIdOf(request), onLeave: onDisconnect(response) };
}

const nothingMore = { done: true, value: undefined } as const;

/** Wraps an answer into a stream of one event: graphql-ws reports the client's disconnect only for streams. */
export function streamOfOne(
  run: (onLeave: OnDisconnect) => Promise<ExecutionResult>,
): AsyncGenerator<ExecutionResult, void> {
  const leaving = new AbortController();
  const onLeave: OnDisconnect = (left) => {
    if (leaving.signal.aborted) left();
    else leaving.signal.addEventListener('abort', left, { once: true });
  };
  let asked = false;
  return {
    next: async () => {
      if (asked) return nothingMore;
      asked = true;
      const value = await run(onLeave);
      return leaving.signal.aborted ? nothingMore : { done: false, value };
    },
    return: async () => {
      leaving.abort();
      return nothingMore;
    },
    throw: async (error: unknown) => {
      leaving.abort();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
