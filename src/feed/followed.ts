import type { SeriesRow } from '../store/catalogue.ts';

/** What brings who holds a revision to a newer one. */
export interface FoldedEvent<Change> {
  readonly kind: 'SNAPSHOT' | 'CHANGE' | 'PROGRESS';
  readonly cursor: number;
  readonly changes: readonly Change[];
  readonly reason: string | null;
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
  since(after: number, upTo?: number): Promise<{ readonly event: Event; readonly newest: number }>;
}
