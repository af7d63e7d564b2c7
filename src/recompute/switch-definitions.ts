import type { Database } from '../store/connect.ts';
import { countChanged, switchIn } from '../store/definitions.ts';
import type { Lane, LaneRegistry } from './lane-registry.ts';

export interface Switched {
  /** The revision from which on the definitions answer, and their series; undefined when none was switched in. */
  readonly notice: { readonly revision: number; readonly series: readonly number[] } | undefined;
  /** Definitions are complete that could not be switched in yet. */
  readonly again: boolean;
}

/**
 * Switches in the definitions that are computed up to a wave. Those of one bundle answer from the same revision on, and after
 * or with the definitions that they read.
 */
export async function switchDefinitions(
  database: Database,
  registry: LaneRegistry,
  wave: number,
  options: { readonly announce: boolean; readonly holds: (lane: Lane) => boolean },
): Promise<Switched> {
  const computed = await computedBundles(registry, options.holds);
  const asked = computed.map((bundle) =>
    bundle.flatMap(({ row, basis }) => row.sources.map((storage) => ({ storage, after: basis }))),
  );
  const counts = await countChanged(database, asked.flat(), wave);
  let again = false;
  const ready: Lane[] = [];
  const answers = (id: number) =>
    registry.lanes.get(id)?.row.state === 'LIVE' || ready.some(({ row }) => row.id === id);
  // A bundle follows those that it reads.
  for (const [i, bundle] of computed.entries()) {
    const isBehind = counts.splice(0, asked[i].length).some((count) => count > 0);
    const inside = new Set(bundle.map(({ row }) => row.id));
    // The next pass advances it.
    if (isBehind) again = true;
    else if (bundle.every(({ row }) => row.upstream.every((id) => inside.has(id) || answers(id))))
      ready.push(...bundle);
  }
  if (ready.length === 0) return { notice: undefined, again };
  const ids = ready.map(({ row }) => row.id);
  const revision = await switchIn(database, registry.version, ids, options.announce);
  if (revision === undefined) return { notice: undefined, again: true };
  return { notice: { revision, series: ready.map(({ row }) => row.series) }, again };
}

/** The bundles with a lane that this worker holds whose lanes are all computed up to some wave. */
async function computedBundles(registry: LaneRegistry, holds: (lane: Lane) => boolean): Promise<Lane[][]> {
  const bundles = new Map<number, Lane[]>();
  for (const lane of registry.lanes.values()) {
    if (lane.row.state !== 'BUILDING') continue;
    const bundle = bundles.get(lane.row.bundle);
    if (bundle) bundle.push(lane);
    else bundles.set(lane.row.bundle, [lane]);
  }
  const computed: Lane[][] = [];
  for (const bundle of bundles.values()) {
    if (!bundle.some(holds)) continue;
    const foreign = bundle.filter((lane) => !holds(lane));
    if (foreign.length > 0) await registry.refresh(foreign.map(({ row }) => row.id));
    if (bundle.every(({ basis, needsBackfill }) => basis >= 0 && !needsBackfill)) computed.push(bundle);
  }
  return computed;
}
