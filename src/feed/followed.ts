import { Fault } from '../engine/fault.ts';
import type { BatchedReads } from '../store/batched-reads.ts';
import type { Catalogue, SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import type { SeriesDelta } from '../store/series-delta.ts';

/** The longest time between two messages to a subscriber: without a change it is sent PROGRESS. */
export const silenceMillis = 15_000;

/** While derived series are behind, their progress is read this often, even if no notice arrives. */
export const behindMillis = 1_000;

/** Where events are read from. */
export interface FeedStore {
  readonly database: Database;
  readonly catalogue: Catalogue;
  readonly reads: BatchedReads;
}

/** Takes a client from the revision that it holds to a newer one. */
export interface SubscriptionEvent<Change> {
  readonly kind: 'SNAPSHOT' | 'CHANGE' | 'PROGRESS';
  readonly cursor: number;
  readonly changes: readonly Change[];
  readonly reason: string | null;
  /** The error that ends the subscription after this event. */
  readonly end?: Fault | undefined;
  /** There are newer revisions that not all of the series reflect yet. */
  readonly isBehind?: boolean;
}

/**
 * Reads the events of a subscription. An event depends on two revisions alone: any process may read it at any time. `upTo`
 * is a revision at which all of the series are exact; without it, the reader looks for the newest such revision.
 */
export interface ChangeReader<Change> {
  /** The first event; undefined: there is no revision yet at which all of the series are exact. */
  begin(
    after: number | undefined,
    upTo?: number,
  ): SubscriptionEvent<Change> | Promise<SubscriptionEvent<Change> | undefined>;
  /** The changes after a cursor. The event itself, without a promise, when this process holds all that it needs. */
  read(after: number, upTo?: number): SubscriptionEvent<Change> | Promise<SubscriptionEvent<Change>>;
}

/** The event of a cursor after which nothing changed. */
export function noChange(cursor: number): SubscriptionEvent<never> {
  return { kind: 'PROGRESS', cursor, changes: [], reason: null };
}

/** Notes in an event that there are newer revisions than its own. */
export function markBehind<Change>(event: SubscriptionEvent<Change>, newest: number): SubscriptionEvent<Change> {
  return event.cursor < newest ? { ...event, isBehind: true } : event;
}

/** The event of a cursor. When the last series was deleted, the subscription ends with it. */
export function eventOf<Change>(
  series: readonly SeriesRow[],
  cursor: number,
  news: readonly SeriesDelta[],
  changes: readonly Change[],
): SubscriptionEvent<Change> {
  checkSuccessors(series, news);
  const isOver = news.every(({ deleted }) => deleted !== undefined);
  const end = isOver ? new Fault('NOT_FOUND', `The series '${series[0].key}' was deleted.`, ['series']) : undefined;
  return { kind: changes.length > 0 ? 'CHANGE' : 'PROGRESS', cursor, changes, reason: null, end };
}

/** When another series has taken over a key, its clients must subscribe again: a cursor does not say which series it is of. */
function checkSuccessors(series: readonly SeriesRow[], news: readonly SeriesDelta[]): void {
  const at = news.findIndex(({ hasHeir }) => hasHeir);
  if (at >= 0)
    throw new Fault('GONE', `The series '${series[at].key}' was deleted and made anew: subscribe again, with after.`, [
      'series',
    ]);
}
