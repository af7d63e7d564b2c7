import type { Bell } from '../bell/bell.ts';
import type { Database } from '../store/connect.ts';
import { announceImport } from '../store/imports.ts';

/** Asks workers for an import. Losing it loses nothing: they also look for what is queued by themselves. */
export async function wakeImport(
  bell: Bell,
  { id, epoch }: { readonly id: number; readonly epoch: number },
): Promise<void> {
  await bell.wake('import', `${id}-${epoch}`, { import: id });
}

/** Tells whoever watches an import that it has something new to show. Losing it loses nothing: they also look by themselves. */
export async function notifyImport(database: Database, bell: Bell, id: number): Promise<void> {
  if (bell.ringsInCommit) await announceImport(database, id);
  else bell.tell({ import: id });
}
