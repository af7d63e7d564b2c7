import { once } from 'node:events';
import { type RunningServer, startSelf } from './child.ts';
import type { SubscribersAnswer, SubscribersRequest } from './subscribers.ts';
import type { World } from './world.ts';

export interface Heard {
  /** Messages a second. */
  readonly rate: number;
  readonly bytesEach: number;
}

/** Subscribers in a process of their own. */
export interface Audience {
  /** What comes from now on, for so long. */
  listen(millis: number): Promise<Heard>;
  /** How old what was told was, of all that came since this was last asked. */
  latencies(): Promise<readonly number[]>;
  stop(): Promise<void>;
}

export async function openAudience(
  world: World,
  { port }: RunningServer,
  keys: readonly (string | undefined)[],
  options: Pick<SubscribersRequest, 'query' | 'stalled'> = {},
): Promise<Audience> {
  const child = startSelf(world, 'subscribers');
  const ask = async (question: unknown): Promise<SubscribersAnswer> => {
    const answered = once(child, 'message');
    child.send(question as object);
    const [answer] = (await answered) as [SubscribersAnswer | { failure: string }];
    if ('failure' in answer) throw new Error(answer.failure);
    return answer;
  };
  await ask({ port, keys, ...options });
  return {
    listen: async (millis) => {
      await ask('count');
      await new Promise((resolve) => setTimeout(resolve, millis));
      const answer = await ask('count');
      if (answer.kind !== 'count') throw new Error('the subscribers did not count');
      const { messages, bytes } = answer;
      return { rate: (messages / answer.millis) * 1000, bytesEach: Math.round(bytes / Math.max(1, messages)) };
    },
    latencies: async () => {
      const answer = await ask('latencies');
      return answer.kind === 'latencies' ? answer.latencies : [];
    },
    stop: async () => {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}
