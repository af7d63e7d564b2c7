import { once } from 'node:events';
import { startSelf } from './child.ts';
import type { LoadRequest, LoadResult } from './load.ts';
import type { World } from './world.ts';

/** The load generator, which is a process of its own so that it does not take the server's thread. */
export interface Loader {
  run(request: LoadRequest): Promise<LoadResult>;
}

export function startLoader(world: World): Loader {
  const child = startSelf(world, 'load');
  return {
    run: async (request) => {
      const answered = once(child, 'message');
      child.send(request);
      const [result] = (await answered) as [LoadResult];
      if (result.failure !== undefined) throw new Error(`the server under test failed: ${result.failure}`);
      return result;
    },
  };
}
