import type { ExecutionResult } from 'graphql';
import type { Accepted } from '../schema/execution.ts';
import type { WebSocketConnection } from './websocket-connection.ts';

/**
 * A shared subscription on one socket. Its events bypass graphql-ws, which would serialize each event again for each
 * client. Errors, completion and leaving still go through graphql-ws.
 */
export function sendSharedEvents(
  accepted: Accepted,
  line: WebSocketConnection,
  id: string,
): AsyncGenerator<ExecutionResult, void> {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
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
        send: (told) => line.sendNext(head, told),
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
