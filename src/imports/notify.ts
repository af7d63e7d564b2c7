import type { Bell } from '../bell/bell.ts';
import type { Database } from '../store/connect.ts';
import { announceImport } from '../store/imports/import-rows.ts';

/** Wakes a worker for an import. A lost wake-up only delays it: the workers' sweep also finds queued imports. */
export async function wakeImport(
  bell: Bell,
  { id, epoch }: { readonly id: number; readonly epoch: number },
): Promise<void> {
  await bell.wake('import', `${id}-${epoch}`, { import: id });
}

/** Notifies the subscribers of an import that its row changed. A lost notice only delays them: they also poll. */
export async function notifyImport(database: Database, bell: Bell, id: number): Promise<void> {
  if (bell.ringsInCommit) await announceImport(database, id);
  else bell.tell({ import: id });
}
