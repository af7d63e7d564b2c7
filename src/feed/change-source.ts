import type { ChangeReader } from './followed.ts';

/** Wakes a subscription when something that it reads may have changed. */
export interface Watch {
  /** The subscription has been closed, or the process stops. */
  readonly ended: boolean;
  /** The number of subscribers that the subscription serves. */
  subscribers: number;
  /** Marks the beginning of a read; the process does not close the store before the returned function is called. */
  reading(): () => void;
  close(): void;
}

/** A source of events: how they are read, and what announces them. */
export interface ChangeSource<Change> {
  /** The ids of the rows that the events are about. A key may belong to another row tomorrow; an id never does. */
  readonly ids: readonly number[];
  readonly reader: ChangeReader<Change>;
  watch(onWakeUp: () => void): Watch;
  /** The newest revision, where this process knows it and everything is exact at it. */
  readonly newest?: (() => number) | undefined;
}
