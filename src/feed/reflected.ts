import { reflectedAt } from '../derive/standing.ts';
import type { Database } from '../store/connect.ts';
import type { Feed } from './feed.ts';

/** Whoever waits for dependents is answered after so long, whatever they reflect by then. */
const patienceMillisMax = 30_000;

/** Should nobody tell, it is looked again this often. */
const lookMillis = 500;

/**
 * The first revision at which everything reflects a write that hangs on what it wrote to; undefined when it is not
 * reflected after 30 s.
 */
export async function awaitReflected(
  database: Database,
  feed: Feed,
  sources: readonly number[],
  revision: number,
  patienceMillis = patienceMillisMax,
): Promise<number | undefined> {
  const deadline = performance.now() + patienceMillis;
  const at = await reflectedAt(database, sources, revision);
  if (at.revision !== undefined || patienceMillis <= 0) return at.revision;
  const watch = feed.watch(new Set(at.series));
  try {
    for (;;) {
      // What was told before the watch began is found by looking again.
      const { revision: reflected } = await reflectedAt(database, sources, revision);
      const left = deadline - performance.now();
      if (reflected !== undefined || left <= 0 || watch.ended) return reflected;
      await watch.nextOrReached(Math.min(left, lookMillis));
    }
  } finally {
    watch.close();
  }
}
