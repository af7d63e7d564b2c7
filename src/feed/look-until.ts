import type { Feed } from './feed.ts';

/** Should no notice arrive, a waiting request looks into the store again after this time. */
const lookMillis = 500;

/**
 * Looks into the store, and again after each notice about the series, until `look` finds something. Returns undefined
 * after `timeoutMillis`, when the feed stops, or when the client has gone.
 */
export async function lookUntil<T>(
  feed: Feed,
  series: ReadonlySet<number>,
  timeoutMillis: number,
  look: () => Promise<T | undefined>,
  gone?: AbortSignal,
): Promise<T | undefined> {
  const deadline = performance.now() + timeoutMillis;
  const watch = feed.watch(series);
  // A waiting request is not a subscription.
  watch.subscribers = 0;
  const close = () => watch.close();
  gone?.addEventListener('abort', close);
  if (gone?.aborted) close();
  try {
    for (;;) {
      // The first look finds what was announced before the watch began.
      const found = await look();
      const left = deadline - performance.now();
      if (found !== undefined || left <= 0 || watch.ended) return found;
      await watch.nextOrReached(Math.min(left, lookMillis));
    }
  } finally {
    gone?.removeEventListener('abort', close);
    close();
  }
}
