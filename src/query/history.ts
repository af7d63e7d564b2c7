import type { Database } from '../store/connect.ts';
import { readInstant } from '../store/read.ts';

export interface InstantVersion {
  /** null: it was deleted. */
  readonly value: number | null;
  readonly size: number | null;
  readonly revision: number;
}

/** Everything that an instant has been up to a revision, newest first. */
export async function readHistory(
  database: Database,
  series: number,
  t: number,
  count: number,
  asOf: number,
): Promise<InstantVersion[]> {
  const versions = await readInstant(database, series, t);
  const history: InstantVersion[] = [];
  for (let i = versions.t.length - 1; i >= 0 && history.length < count; i--) {
    if (versions.revision[i] > asOf) continue;
    const value = versions.value[i];
    const size = versions.size?.[i] ?? Number.NaN;
    history.push({
      value: Number.isNaN(value) ? null : value,
      size: Number.isNaN(size) ? null : size,
      revision: versions.revision[i],
    });
  }
  return history;
}
