import { type Columns, GrowingColumns } from './columns.ts';
import type { ChangesData } from './operations.ts';

export type ReceivedEvent = ChangesData['changes'];

export interface SeriesUpdate extends Columns {
  /** The first index that differs from the previous update. */
  readonly changedFrom: number;
}

/** The changes of one update. All of them are valid at the cursor. */
export interface Update {
  /** The revision of the copy. */
  readonly cursor: number;
  /** The series that changed. */
  readonly series: ReadonlyMap<string, SeriesUpdate>;
}

/** For each changed series, the first changed index. */
export type ChangedIndexes = Map<string, number>;

/** A subscriber's copy of series: it applies events in order. */
export class SeriesCopy {
  readonly #held = new Map<string, GrowingColumns>();
  cursor: number | undefined;

  constructor(cursor?: number, held: Iterable<readonly [string, Columns]> = []) {
    this.cursor = cursor;
    for (const [key, columns] of held) this.#held.set(key, new GrowingColumns(columns));
  }

  /** The event must be complete: truncated changes have been fetched. */
  apply({ kind, cursor, changes }: ReceivedEvent): ChangedIndexes {
    const changed: ChangedIndexes = new Map();
    if (kind === 'SNAPSHOT') {
      // A reader redraws a series that changed from index 0 on, so an empty series is reported too.
      for (const key of this.#held.keys()) changed.set(key, 0);
      this.#held.clear();
    }
    for (const { series, span, points } of changes) {
      let held = this.#held.get(series);
      if (!held) {
        held = new GrowingColumns();
        this.#held.set(series, held);
      }
      const from = held.replace(span.from, span.to, points);
      if (kind === 'SNAPSHOT') changed.set(series, 0);
      else if (from !== undefined) changed.set(series, Math.min(from, changed.get(series) ?? from));
    }
    this.cursor = cursor;
    return changed;
  }

  get(key: string): Columns | undefined {
    return this.#held.get(key)?.view();
  }

  all(): Map<string, Columns> {
    return new Map([...this.#held].map(([key, held]) => [key, held.view()]));
  }

  update(changed: ChangedIndexes): Update {
    const series = new Map<string, SeriesUpdate>();
    for (const [key, from] of changed) {
      const columns = this.get(key) ?? new GrowingColumns().view();
      series.set(key, { ...columns, changedFrom: Math.min(from, columns.t.length) });
    }
    return { cursor: this.cursor ?? 0, series };
  }
}
