import { Fault } from '../engine/fault.ts';
import type { BatchedReads as Reads } from '../store/batched-reads.ts';
import type { Catalogue, SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import type { SeriesDelta as News } from '../store/series-delta.ts';

/** A subscriber hears at least this often that its cursor moved. */
export const silenceMillis = 15_000;

/** Who waits for derived series to come up looks again this often, should nobody tell. */
export const behindMillis = 1_000;

/** Where events are read from. */
export interface Store {
  readonly database: Database;
  readonly catalogue: Catalogue;
  readonly reads: Reads;
}

/** What brings who holds a revision to a newer one. */
export interface FoldedEvent<Change> {
  readonly kind: 'SNAPSHOT' | 'CHANGE' | 'PROGRESS';
  readonly cursor: number;
  readonly changes: readonly Change[];
  readonly reason: string | null;
  /** Why nothing comes after it. */
  readonly end?: Fault | undefined;
}

/**
 * What a subscription follows. Each event is read from the store at its cursor, whoever asks and whenever. With `upTo`,
 * a revision at which all of the series are exact, it is read just so far, unless `after` is later already.
 */
export interface Followed<Event> {
  readonly series: readonly SeriesRow[];
  /** The first event; undefined: there is no revision yet at which all is exact. */
  begin(after: number | undefined, upTo?: number): Promise<Event | undefined>;
  /** What changed after a cursor, and the newest revision there is; with `upTo` that one. */
  since(
    after: number,
    upTo?: number,
    known?: readonly News[],
  ): Promise<{ readonly event: Event; readonly newest: number }>;
  /** The same at once, where what this process knows by itself tells it. */
  tellNow?(after: number, upTo: number): Event | undefined;
  /** The short way to the same, without a promise: the event, unless the news alone do not tell it. */
  tell?(
    after: number,
    upTo: number,
    take: (event: Event | undefined, news: readonly News[]) => void,
    fail: (error: unknown) => void,
  ): void;
}

/** What happened up to a cursor. When the last series was deleted there is nothing left to follow. */
export function eventOf<Change>(
  series: readonly SeriesRow[],
  cursor: number,
  news: readonly News[],
  changes: readonly Change[],
): FoldedEvent<Change> {
  checkHeirs(series, news);
  const isOver = news.every(({ deleted }) => deleted !== undefined);
  const end = isOver ? new Fault('NOT_FOUND', `The series '${series[0].key}' was deleted.`, ['series']) : undefined;
  return { kind: changes.length > 0 ? 'CHANGE' : 'PROGRESS', cursor, changes, reason: null, end };
}

/** Whoever follows a key is to come back when it became another series': a cursor says nothing of which one it was. */
function checkHeirs(series: readonly SeriesRow[], news: readonly News[]): void {
  const at = news.findIndex(({ hasHeir }) => hasHeir);
  if (at >= 0)
    throw new Fault('GONE', `The series '${series[at].key}' was deleted and made anew: subscribe again, with after.`, [
      'series',
    ]);
}
