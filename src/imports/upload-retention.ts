import type { Bell } from '../bell/bell.ts';
import type { Database } from '../store/connect.ts';
import {
  completeUpload,
  giveUpUpload,
  readKnown,
  readUnfinished,
  retireUploads,
} from '../store/uploads/upload-rows.ts';
import { notifyImport, wakeImport } from './notify.ts';
import type { UploadBytes } from './upload-bytes.ts';

export interface RetentionOptions {
  /** Hours without data after which an unfinished upload is deleted. */
  readonly expiryHours: number;
  /** Days after the end of its last import after which the bytes of an upload are deleted. */
  readonly days: number;
}

const hourMillis = 3_600_000;

/** A file without a row may belong to a request that is still running. */
const unknownMillis = hourMillis;

/** Deletes bytes that are no longer needed, and completes uploads whose last byte arrived before their process died. */
export async function dropExpiredUploads(
  database: Database,
  bell: Bell,
  bytes: UploadBytes,
  { expiryHours, days }: RetentionOptions,
): Promise<void> {
  const now = Date.now();
  for (const { id, size, createdAt } of await readUnfinished(database)) {
    if (size !== null && (await bytes.offset(id)) === size) {
      for (const queued of await completeUpload(database, id)) {
        await wakeImport(bell, queued);
        await notifyImport(database, bell, queued.id);
      }
      continue;
    }
    if (now - Math.max(createdAt, (await bytes.touchedAt(id)) ?? 0) < expiryHours * hourMillis) continue;
    const problem = `No bytes of the file arrived for ${expiryHours} hours, so the upload was deleted. Send the file again.`;
    for (const { id: failed } of await giveUpUpload(database, id, { status: 'FAILED', problem }))
      await notifyImport(database, bell, failed);
  }
  await retireUploads(database, days);
  const there = await bytes.all();
  if (there.length === 0) return;
  const known = await readKnown(database, there);
  for (const id of there) {
    const isGone = known.get(id)?.isGone;
    if (isGone === false) continue;
    if (isGone || now - ((await bytes.touchedAt(id)) ?? 0) >= unknownMillis) await bytes.remove(id);
  }
}
