import { Fault } from '../engine/fault.ts';
import { quoted } from '../engine/key.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import { readHistoryOfDefinitions } from '../store/definitions.ts';
import type { Feed } from './feed.ts';
import { lookUntil } from './look-until.ts';
import { awaitMillisMax } from './reflected.ts';

/**
 * Waits until the newest definition of a derived series answers: for the first time, or in place of the one before it.
 * Returns earlier when its computation has failed, and after 30 s in any case. NOT_FOUND when the series is deleted.
 */
export async function awaitDefined(
  database: Database,
  feed: Feed,
  { id, key }: SeriesRow,
  options: { readonly timeoutMillis?: number; readonly gone?: AbortSignal } = {},
): Promise<void> {
  const { timeoutMillis = awaitMillisMax, gone } = options;
  let newest: number | undefined;
  const look = async (): Promise<true | undefined> => {
    const history = await readHistoryOfDefinitions(database, [id]);
    const last = history.at(-1);
    if (!last) throw new Fault('NOT_FOUND', `The series ${quoted(key)} was deleted before it was computed.`);
    newest ??= last.id;
    const from = newest;
    const answers = history.some((row) => row.id >= from && row.since !== null);
    return answers || last.problem !== null || undefined;
  };
  await lookUntil(feed, new Set([id]), timeoutMillis, look, gone);
}
