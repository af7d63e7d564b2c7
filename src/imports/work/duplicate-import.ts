import { createHash } from 'node:crypto';
import { Fault } from '../../engine/fault.ts';
import { recordWork, saveSha256 } from '../../store/imports/import-work.ts';
import type { ByteSource } from '../text/tick-batch.ts';
import { workIdentity } from '../work-identity.ts';
import type { ImportRun } from './import-run.ts';

async function sha256Of(source: ByteSource, check: () => void): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of source.read(0)) {
    hash.update(chunk);
    check();
  }
  return hash.digest('hex');
}

/** Hashes the bytes and finds out whether another import already does the same work with them. */
export async function isDuplicateImport({ database, lease, taken, input, source }: ImportRun): Promise<boolean> {
  let { sha256 } = taken;
  if (sha256 === null) {
    sha256 = await sha256Of(source, () => lease.check());
    await saveSha256(database, taken.upload, sha256);
  }
  if (taken.claimedSha256 !== null && taken.claimedSha256.toLowerCase() !== sha256) {
    throw new Fault(
      'BAD_USER_INPUT',
      `the bytes that came are not those that were announced (SHA-256 ${sha256}, announced ${taken.claimedSha256}): send the file again`,
    );
  }
  // A preview shows the present state of the store, so it is always computed again.
  if (taken.task !== 'COMMIT' || taken.fromRevision !== null) return false;
  return (await recordWork(database, lease, workIdentity(sha256, input))) !== undefined;
}
