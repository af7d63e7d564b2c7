import { readInstant } from '../store/block-reads.ts';
import type { Database } from '../store/connect.ts';

export interface InstantVersion {
  /** Null when the point was deleted. */
  readonly value: number | null;
  readonly size: number | null;
  readonly revision: number;
}

/** All versions of an instant up to a revision, newest first. */
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

/** The storage of a series from one revision to another. */
export interface StoragePeriod {
  readonly storage: number;
  readonly since: number;
  readonly until: number;
}

/**
 * The same for a redefined series, with its storages oldest first. If the value changed because another storage took
 * over, the version has the revision of that switch.
 */
export async function readHistoryOfStorages(
  database: Database,
  stretches: readonly StoragePeriod[],
  t: number,
  count: number,
  asOf: number,
): Promise<InstantVersion[]> {
  const history: InstantVersion[] = [];
  for (const { storage, since, until } of stretches) {
    if (since > asOf) continue;
    const newestFirst = await readHistory(database, storage, t, Number.POSITIVE_INFINITY, Math.min(asOf, until - 1));
    const before = history.at(-1) ?? nothing;
    const start = newestFirst.find(({ revision }) => revision <= since) ?? nothing;
    if (!Object.is(start.value, before.value) || !Object.is(start.size, before.size))
      history.push({ ...start, revision: since });
    history.push(...newestFirst.filter(({ revision }) => revision > since).reverse());
  }
  return history.reverse().slice(0, count);
}

const nothing: InstantVersion = { value: null, size: null, revision: 0 };
