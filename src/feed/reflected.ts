import { reflectedAt } from '../derive/settled.ts';
import type { Database } from '../store/connect.ts';
import type { Feed } from './feed.ts';
import { lookUntil } from './look-until.ts';

/** A request that waits for dependents is answered after this time, whatever they reflect by then. */
export const awaitMillisMax = 30_000;

/**
 * The first revision at which everything reflects a write that hangs on what it wrote to; undefined when it is not
 * reflected after 30 s.
 */
export async function awaitReflected(
  database: Database,
  feed: Feed,
  sources: readonly number[],
  revision: number,
  patienceMillis = awaitMillisMax,
  gone?: AbortSignal,
): Promise<number | undefined> {
  const at = await reflectedAt(database, sources, revision);
  if (at.revision !== undefined || patienceMillis <= 0) return at.revision;
  const look = async () => (await reflectedAt(database, sources, revision)).revision;
  return lookUntil(feed, new Set(at.series), patienceMillis, look, gone);
}
