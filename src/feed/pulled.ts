import type { Subscriber } from './subscriber.ts';

/**
 * A subscription as an iterator. It takes one message at a time, and only when it is asked for one; what happens meanwhile
 * comes merged. Leaving does not wait for the next message.
 */
export function pulled<Message>(join: (subscriber: Subscriber<Message>) => () => void): AsyncGenerator<Message, void> {
  let leave: (() => void) | undefined;
  let held: { readonly message: Message } | undefined;
  let over: { readonly error: unknown } | undefined;
  let isWanted = false;
  let onWanted: () => void = () => undefined;
  let onMessage: () => void = () => undefined;
  const subscriber: Subscriber<Message> = {
    ready: () => {
      if (isWanted) return undefined;
      return new Promise<void>((resolve) => {
        onWanted = resolve;
      });
    },
    send: (message) => {
      held = { message };
      isWanted = false;
      onMessage();
    },
    end: (error) => {
      over ??= { error };
      onMessage();
    },
  };
  const finish = () => {
    held = undefined;
    over = { error: undefined };
    leave?.();
    onWanted();
    onMessage();
  };
  const done = { done: true, value: undefined } as const;
  return {
    next: async () => {
      if (!held && !over) {
        isWanted = true;
        onWanted();
        leave ??= join(subscriber);
      }
      while (!held && !over)
        await new Promise<void>((resolve) => {
          onMessage = resolve;
        });
      if (held) {
        const { message } = held;
        held = undefined;
        return { done: false, value: message };
      }
      const error = over?.error;
      over = { error: undefined };
      if (error !== undefined) throw error;
      return done;
    },
    return: async () => {
      finish();
      return done;
    },
    throw: async (error: unknown) => {
      finish();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
