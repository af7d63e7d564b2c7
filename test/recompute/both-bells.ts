import { afterAll, beforeAll, describe } from 'vitest';
import { describeWithRedis, startRedis } from '../support/redis.ts';

export interface TestBell {
  /** undefined: PostgreSQL itself. */
  readonly url: string | undefined;
  /** Takes away all that was rung; PostgreSQL keeps it. */
  empty(): Promise<void>;
  stop(): Promise<void>;
}

async function redisOfItsOwn(): Promise<TestBell> {
  const redis = await startRedis();
  return {
    url: redis.url,
    empty: () => redis.empty(),
    stop: () => redis.stop(),
  };
}

/** The same tests over each bell; `bell` answers from the time on when tests and hooks run. */
export function overBothBells(define: (bell: () => TestBell) => void): void {
  const withBell = (open: () => Promise<TestBell>) => {
    let bell: TestBell;
    beforeAll(async () => {
      bell = await open();
    });
    afterAll(() => bell?.stop());
    define(() => bell);
  };
  describe('over PostgreSQL', () => {
    withBell(async () => ({ url: undefined, empty: async () => undefined, stop: async () => undefined }));
  });
  describeWithRedis('over Redis', () => withBell(redisOfItsOwn));
}
