import type { Database } from '../store/connect.ts';
import { readStandings, type Standing } from '../store/lanes.ts';

/** The newest revision up to `revision` at which a lane is exact; undefined when there is none that is known. */
function exactUpTo(standing: Standing, revision: number): number | undefined {
  if (standing.basis < 0) return undefined;
  // Before it was switched in for the first time, the series held nothing, and that is exact.
  if (revision < standing.since) return standing.replaces ? undefined : revision;
  const within = (from: number, to: number): number | undefined =>
    from <= revision ? Math.min(to, revision) : undefined;
  let best = within(standing.basis, standing.firstChange - 1);
  standing.stops.forEach((stop, i) => {
    const exact = within(stop, standing.untils[i]);
    if (exact !== undefined && (best === undefined || exact > best)) best = exact;
  });
  return best;
}

/** Those that failed, and what hangs on them, stand aside. */
export function withoutFailed(standings: readonly Standing[]): Standing[] {
  const failed = new Set<number>();
  return [...standings]
    .sort((a, b) => a.definition - b.definition)
    .filter((standing) => {
      if (!standing.failed && !standing.upstream.some((id) => failed.has(id))) return true;
      failed.add(standing.definition);
      return false;
    });
}

/** The newest revision up to `newest` at which all are exact. */
export function commonRevision(standings: readonly Standing[], newest: number): number | undefined {
  let revision = newest;
  for (;;) {
    let lowest = revision;
    for (const standing of standings) {
      const exact = exactUpTo(standing, lowest);
      if (exact === undefined) return undefined;
      lowest = exact;
    }
    if (lowest === revision) return revision;
    revision = lowest;
  }
}

/** The newest revision at which every derived series is exact, as far as is known here: it never goes back. */
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

/** The first revision from `revision` on that everything reflects which hangs on these sources; undefined: not yet. */
export async function reflectedAt(
  database: Database,
  sources: readonly number[],
  revision: number,
): Promise<{ readonly revision: number | undefined; readonly series: readonly number[] }> {
  const { standings } = await readStandings(database, { sources });
  const living = withoutFailed(standings);
  let reflected: number | undefined = revision;
  for (const { basis, stops, firstChange, since } of living) {
    // What was switched in later reflects everything before.
    const first = since > revision && basis >= since - 1 ? since : [...stops, basis].find((stop) => stop >= revision);
    // Nothing of the write may have concerned it: then it stands where it stood.
    const stands = first ?? (firstChange > revision ? revision : undefined);
    if (stands === undefined) return { revision: undefined, series: living.map(({ series }) => series) };
    if (reflected === undefined || stands > reflected) reflected = stands;
  }
  return { revision: reflected, series: living.map(({ series }) => series) };
}
