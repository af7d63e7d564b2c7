import { parseFormula } from '../../src/engine/formula/parse.ts';
import { operatorsByName } from '../../src/engine/operators/registry.ts';
import { planFormula } from '../../src/engine/plan.ts';
import { foldVersions } from '../../src/engine/versions.ts';
import { everything, readVersions } from '../../src/store/block-reads.ts';
import { type DefinitionRow, readHistoryOfDefinitions, storageOf } from '../../src/store/definitions.ts';
import { atOnce, type Held } from '../derive/memory.ts';
import { column } from '../store/world.ts';
import type { RecomputeHarness } from './recompute-harness.ts';

export type Tick = readonly [t: number, value: number, size?: number | undefined];

/** Writes ticks of one series; returns the revision. */
export async function write({ ingest }: RecomputeHarness, key: string, ticks: readonly Tick[]): Promise<number> {
  const { revision } = await ingest.ingest({
    columns: [{ series: key, column: column(ticks), index: (at) => at, bad: new Map() }],
    createMissing: true,
    partial: false,
    note: null,
    idempotencyKey: null,
  });
  return revision;
}

/** Deletes the ticks of a span, or those at some instants. */
export async function remove(
  { ingest }: RecomputeHarness,
  key: string,
  range: { readonly from: number; readonly to: number } | undefined,
  at?: readonly number[],
): Promise<number> {
  const instants = at && Float64Array.from(at);
  const { revision } = await ingest.deleteTicks({ series: key, range, at: instants, note: null, idempotencyKey: null });
  return revision;
}

/** What a storage holds at a revision. */
export async function heldOf(world: RecomputeHarness, storage: number, asOf: number): Promise<Held> {
  const points = foldVersions(await readVersions(world.database, storage, everything), asOf);
  return new Map(
    Array.from(points.t, (t, i) => {
      const size = points.size?.[i] ?? Number.NaN;
      return [t, { value: points.value[i], size: Number.isNaN(size) ? undefined : size }];
    }),
  );
}

/** What a formula says of series, computed in one go. */
function pointsByFormula(formula: string, series: ReadonlyMap<string, Held>): Map<number, number> {
  const outputs = atOnce(planFormula(parseFormula(formula, operatorsByName)), series);
  return outputs[outputs.length - 1];
}

/** The first places where two series differ in a bit. */
function differences(held: Held, said: ReadonlyMap<number, number>, most = 3): string[] {
  const found: string[] = [];
  for (const t of [...new Set([...held.keys(), ...said.keys()])].sort((a, b) => a - b)) {
    const here = held.get(t)?.value;
    const there = said.get(t);
    if (Object.is(here, there)) continue;
    found.push(`at ${t} ${here} in place of ${there}`);
    if (found.length === most) break;
  }
  return found;
}

async function definitionsAt(world: RecomputeHarness, asOf: number, prefix = ''): Promise<DefinitionRow[]> {
  const rows = await world.database.query<{ id: number }>(
    `SELECT id FROM series WHERE kind = 'DERIVED' AND deleted_revision IS NULL AND starts_with(key, $1)`,
    [prefix],
  );
  const definitions = await readHistoryOfDefinitions(
    world.database,
    rows.map(({ id }) => id),
  );
  return definitions.filter(({ since, until }) => since !== null && since <= asOf && (until === null || asOf < until));
}

/**
 * Where derived series do not hold at a revision what their formulas say of the source series at that revision. What a
 * formula reads of derived series is what those ought to hold, not what they hold.
 */
export async function deviationsAt(world: RecomputeHarness, asOf: number, prefix = ''): Promise<string[]> {
  const wrong: string[] = [];
  const ought = new Map<number, Held>();
  // Each stands behind those that it reads.
  for (const row of await definitionsAt(world, asOf, prefix)) {
    const series = new Map<string, Held>();
    for (const { key, series: id, definition } of row.inputs) {
      const known = ought.get(id) ?? (definition === null ? await heldOf(world, id, asOf) : undefined);
      if (!known) throw new Error(`'${row.key}' reads '${key}', which does not answer at ${asOf}`);
      ought.set(id, known);
      series.set(key, known);
    }
    const said = pointsByFormula(row.formula, series);
    ought.set(row.series, new Map([...said].map(([t, value]) => [t, { value, size: undefined }])));
    const found = differences(await heldOf(world, storageOf(row), asOf), said);
    if (found.length > 0) wrong.push(`${row.key} = ${row.formula} at revision ${asOf}: ${found.join('; ')}`);
  }
  return wrong;
}

/** Instants of derived series with several versions of one revision, or with a version that says what stood there. */
export async function redundantVersions(world: RecomputeHarness): Promise<unknown[]> {
  return world.database.query(
    `WITH version AS (
       SELECT storage AS series, said.* FROM (SELECT DISTINCT unnest(storages) AS storage FROM definitions) AS storages, tidemark_versions(storage) AS said
     ), told AS (
       SELECT *, lag(revision) OVER line AS before, lag(value) OVER line AS said
       FROM version
       WINDOW line AS (PARTITION BY series, t ORDER BY revision)
     )
     SELECT * FROM told WHERE before = revision OR said = value OR (before IS NULL AND value = 'NaN') LIMIT 5`,
  );
}
