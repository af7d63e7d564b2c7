import type { Database } from '../store/connect.ts';
import { readStandings, type Standing } from '../store/lanes.ts';
import { newestExact, oldestExact } from './lane-progress.ts';

/** The newest revision up to `revision` at which a derived series is exact; undefined when none is known. */
function newestExactOfSeries(standing: Standing, revision: number): number | undefined {
  // Before its first definition was switched in, the series held nothing, and that is exact.
  if (revision < standing.since) return standing.replaces || standing.basis < 0 ? undefined : revision;
  return newestExact(standing, revision);
}

/** Leaves out the definitions that failed, and those that depend on them. */
function withoutFailed(standings: readonly Standing[]): Standing[] {
  const failed = new Set<number>();
  return [...standings]
    .sort((a, b) => a.definition - b.definition)
    .filter((standing) => {
      if (!standing.failed && !standing.upstream.some((id) => failed.has(id))) return true;
      failed.add(standing.definition);
      return false;
    });
}

/** The newest revision up to `newest` at which all these series are exact; undefined when none is known. */
export function commonRevision(standings: readonly Standing[], newest: number): number | undefined {
  let revision = newest;
  for (;;) {
    let lowest = revision;
    for (const standing of standings) {
      const exact = newestExactOfSeries(standing, lowest);
      if (exact === undefined) return undefined;
      lowest = exact;
    }
    if (lowest === revision) return revision;
    revision = lowest;
  }
}

/** The newest revision at which every derived series is exact, as far as this process knows. It never decreases. */
export class Settled {
  readonly #database: Database;
  #known = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  async revision(): Promise<number> {
    const { newest, standings } = await readStandings(this.#database);
    const common = commonRevision(withoutFailed(standings), newest);
    if (common !== undefined && common > this.#known) this.#known = common;
    return this.#known;
  }
}

/** The first revision from `revision` on that every series that depends on these sources reflects; undefined when there is none yet. */
export async function reflectedAt(
  database: Database,
  sources: readonly number[],
  revision: number,
): Promise<{ readonly revision: number | undefined; readonly series: readonly number[] }> {
  const { standings } = await readStandings(database, { sources });
  const living = withoutFailed(standings);
  let reflected = revision;
  for (const standing of living) {
    const { basis, since } = standing;
    // A definition that was switched in later reflects everything before.
    const stands = since > revision && basis >= since - 1 ? since : oldestExact(standing, revision);
    if (stands === undefined) return { revision: undefined, series: living.map(({ series }) => series) };
    if (stands > reflected) reflected = stands;
  }
  return { revision: reflected, series: living.map(({ series }) => series) };
}
