import type { Fault } from '../engine/fault.ts';
import { formulaFault } from '../engine/formula/fault.ts';
import type { Reference } from '../engine/formula/references.ts';
import { quoted } from '../engine/key.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import { type Derivation, readDerivations, statusOf } from './derivation.ts';

interface AskedRevision {
  readonly asOf: number;
  /** The client named that revision; otherwise it is the newest. */
  readonly isAsOfGiven: boolean;
}

/**
 * The fault for a formula over derived series without points at the requested revision, because none of their
 * definitions is in force there. Undefined when having no points is correct: the client named a revision before the
 * series existed, or before the first definition of a series that has one now.
 */
export async function uncomputedFault(
  database: Database,
  references: readonly Reference[],
  empty: readonly SeriesRow[],
  { asOf, isAsOfGiven }: AskedRevision,
  revision: number,
): Promise<Fault | undefined> {
  const derivations = await readDerivations(
    database,
    empty.map(({ id }) => id),
  );
  const byKey = new Map(empty.map((row) => [row.key, row]));
  for (const { key, place } of references) {
    const row = byKey.get(key);
    const derivation = row && derivations.get(row.id);
    if (!derivation || derivation.history.length === 0) continue;
    const since = firstRevision(derivation);
    const isRight = isAsOfGiven && asOf < (since ?? row.createdRevision);
    if (isRight) continue;
    const problem = since === undefined ? beforeFirst(key, derivation) : notYet(key, revision);
    return formulaFault(place, problem, ['a series whose status is LIVE'], [], 'UNAVAILABLE');
  }
  return undefined;
}

/** The revision at which the first definition of a series took effect. */
function firstRevision({ history }: Derivation): number | undefined {
  return history.find(({ since }) => since !== null)?.since ?? undefined;
}

function beforeFirst(key: string, derivation: Derivation): string {
  const problem = derivation.next?.problem;
  return statusOf(derivation) === 'FAILED'
    ? `${quoted(key)} has no points, because its first computation failed (status FAILED): ${problem}. The worker tries again; wait until its status is LIVE, or define it with another formula`
    : `${quoted(key)} has no points yet, because its first computation is not done (status CATCHING_UP): wait until its status is LIVE, or define it with await: DERIVED`;
}

function notYet(key: string, revision: number): string {
  return `${quoted(key)} had no points yet at revision ${revision}, the newest that all series of this formula reflect: try again`;
}
