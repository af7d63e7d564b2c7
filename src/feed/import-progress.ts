import type { ImportRow } from '../store/imports/import-rows.ts';
import type { ChangeSource } from './change-source.ts';
import { type ChangeReader, noChange, type SubscriptionEvent } from './followed.ts';
import { Subscription } from './following.ts';
import type { FollowedImports } from './imports.ts';

/** Whether an import has reached a state that it does not leave by itself. One that is PREVIEWED may be committed yet. */
function hasEnded({ status }: ImportRow): boolean {
  return status === 'DONE' || status === 'FAILED' || status === 'CANCELLED' || status === 'UNDONE';
}

/** The progress of one import: its row now, then again whenever it changes, until the import has ended. */
export function subscribeToImport(imports: FollowedImports, row: ImportRow): Subscription<ImportRow> {
  imports.see(row);
  return new Subscription(importSource(imports, row), undefined, {
    isQuiet: true,
    lateMillis: Number.POSITIVE_INFINITY,
    isLast: ({ changes }) => changes.some(hasEnded),
  });
}

/** An import as a source of events. Its cursors are the versions of its row. */
function importSource(imports: FollowedImports, first: ImportRow): ChangeSource<ImportRow> {
  const { id } = first;
  const row = () => imports.row(id) ?? first;
  return {
    ids: [id],
    reader: new ImportReader(row),
    watch: (onWakeUp) => imports.subscription(first, onWakeUp),
    newest: () => row().version,
  };
}

class ImportReader implements ChangeReader<ImportRow> {
  readonly #row: () => ImportRow;

  constructor(row: () => ImportRow) {
    this.#row = row;
  }

  begin(): SubscriptionEvent<ImportRow> {
    return eventOf('SNAPSHOT', this.#row());
  }

  read(after: number): SubscriptionEvent<ImportRow> {
    const row = this.#row();
    return row.version > after ? eventOf('CHANGE', row) : noChange(after);
  }
}

function eventOf(kind: 'SNAPSHOT' | 'CHANGE', row: ImportRow): SubscriptionEvent<ImportRow> {
  return { kind, cursor: row.version, changes: [row], reason: null };
}
