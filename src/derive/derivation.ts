import { parseFormula } from '../engine/formula/parse.ts';
import { operatorsByName } from '../engine/operators/registry.ts';
import { planFormula } from '../engine/plan.ts';
import { everything, type Range } from '../engine/ranges.ts';
import { readTouched } from '../store/block-reads.ts';
import type { Catalogue } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import { type DefinitionRow, readDefinitions, readHistoryOfDefinitions } from '../store/definitions.ts';
import { type LaneRow, readLanes, readStandings } from '../store/lanes.ts';
import type { Settled } from './settled.ts';
import { answeringAt } from './storage-history.ts';

export type DerivedStatus = 'LIVE' | 'CATCHING_UP' | 'FAILED';

/** The definitions of a derived series and their progress. */
export interface Derivation {
  /** All definitions except cancelled ones, oldest first. */
  readonly history: readonly DefinitionRow[];
  /** The definition in force, and the one that will replace it. */
  readonly live: DefinitionRow | undefined;
  readonly next: DefinitionRow | undefined;
  readonly lanes: ReadonlyMap<number, LaneRow>;
}

export async function readDerivations(database: Database, series: readonly number[]): Promise<Map<number, Derivation>> {
  const bySeries = new Map<number, DefinitionRow[]>(series.map((id) => [id, []]));
  for (const row of await readHistoryOfDefinitions(database, series)) bySeries.get(row.series)?.push(row);
  const current = [...bySeries.values()].flat().filter(({ state }) => state === 'LIVE' || state === 'BUILDING');
  const rows = await readLanes(
    database,
    current.map(({ id }) => id),
  );
  const lanes = new Map(rows.map((row) => [row.definition, row]));
  return new Map(
    [...bySeries].map(([id, history]) => [
      id,
      {
        history,
        live: history.find(({ state }) => state === 'LIVE'),
        next: history.findLast(({ state }) => state === 'BUILDING'),
        lanes,
      },
    ]),
  );
}

/** The formula in force at a revision; before the first one, the first formula. */
export function formulaAt({ history }: Derivation, revision: number): string {
  return (answeringAt(history, revision) ?? history.at(0))?.formula ?? '';
}

export function statusOf({ live, next, lanes }: Derivation): DerivedStatus {
  if ((live ?? next)?.problem != null) return 'FAILED';
  return live && !lanes.get(live.id)?.step ? 'LIVE' : 'CATCHING_UP';
}

/** From 0 to 1: the progress of a backfill, or of the definition that will replace the present one. */
export function progressOf({ live, next, lanes }: Derivation): number {
  const step = live && lanes.get(live.id)?.step;
  if (step) return step.progress;
  return next ? progressOfLane(lanes.get(next.id)) : 1;
}

function progressOfLane(lane: LaneRow | undefined): number {
  if (!lane) return 0;
  return lane.step?.progress ?? (lane.basis >= 0 ? 1 : 0);
}

/**
 * A span that contains every instant whose value may be out of date: from the first instant of a source that has
 * changed since, or from the start of the buckets that can contain it. Before the first computation it is unlimited.
 */
export async function pendingOf(database: Database, { live }: Derivation, newest: number): Promise<Range[]> {
  if (!live) return [everything];
  const { standings } = await readStandings(database, { series: [live.series] });
  const standing = standings.find(({ definition }) => definition === live.id);
  if (!standing || standing.firstChange > newest) return [];
  let from: number = everything.to;
  for (const source of live.sources) {
    const [first] = await readTouched(database, source, standing.basis, newest, everything);
    if (first) from = Math.min(from, first.from);
  }
  if (from === everything.to) return [];
  const { definitions } = await readDefinitions(database);
  const on = definitions.filter(({ id }) => id === live.id || live.upstream.includes(id));
  const backMicros = on.reduce((sum, { formula }) => sum + bucketMicros(formula), 0);
  return [{ from: Math.max(everything.from, from - backMicros), to: everything.to }];
}

/** The distance by which a change of an input affects earlier points: a bucket's point stands at its start. */
function bucketMicros(formula: string): number {
  const { stages } = planFormula(parseFormula(formula, operatorsByName));
  return stages.reduce((sum, { bucket }) => sum + (bucket?.widthMicros ?? 0), 0);
}

export interface DerivedHealth {
  readonly settledRevision: number;
  /** The number of revisions from this one to the newest, and the age of the first of them. */
  readonly lagRevisions: number;
  readonly lagSeconds: number;
  readonly failed: readonly { readonly key: string; readonly problem: string }[];
  readonly catchingUp: readonly { readonly key: string; readonly progress: number }[];
}

/** The limit of listed series. */
const listedMax = 100;

export async function readDerivedHealth(
  database: Database,
  catalogue: Catalogue,
  settled: Settled,
): Promise<DerivedHealth> {
  const settledRevision = await settled.revision();
  const newest = await catalogue.newestRevision();
  const [waiting] = newest > settledRevision ? await catalogue.commits([settledRevision + 1]) : [];
  const { definitions } = await readDefinitions(database);
  const rows = await readLanes(
    database,
    definitions.map(({ id }) => id),
  );
  const lanes = new Map(rows.map((row) => [row.definition, row]));
  const failed = definitions.filter(({ problem }) => problem !== null);
  const catchingUp = definitions.filter(
    ({ id, state, problem }) => problem === null && (state === 'BUILDING' || lanes.get(id)?.step),
  );
  return {
    settledRevision,
    lagRevisions: Math.max(0, newest - settledRevision),
    lagSeconds: waiting ? Math.max(0, Date.now() / 1000 - waiting.at / 1_000_000) : 0,
    failed: failed.slice(0, listedMax).map(({ key, problem }) => ({ key, problem: problem ?? '' })),
    catchingUp: catchingUp.slice(0, listedMax).map(({ key, id }) => ({ key, progress: progressOfLane(lanes.get(id)) })),
  };
}
