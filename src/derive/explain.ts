import { uniformGrid } from '../engine/bucket.ts';
import { Fault } from '../engine/fault.ts';
import { parseFormula } from '../engine/formula/parse.ts';
import { operatorsByName } from '../engine/operators/registry.ts';
import { planFormula } from '../engine/plan.ts';
import { hullOf, type Range } from '../engine/ranges.ts';
import { BatchedReads } from '../store/batched-reads.ts';
import { readPoints } from '../store/block-reads.ts';
import type { Catalogue, SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import { type DefinitionRow, readHistoryOfDefinitions, storageOf } from '../store/definitions.ts';
import { type PointRow, pointAt } from '../store/last-points.ts';
import { readTallies } from '../store/tallies.ts';
import { type Allowance, ComputeMeter } from './compute-budget.ts';
import { findProvenance, type InputProvenance } from './input-provenance.ts';
import { PointSource } from './line-source.ts';
import { metered } from './metered.ts';
import { openStages } from './stage-source.ts';
import { answeringAt, noStorage, type ReadPosition } from './storage-history.ts';

/** The number of points to show per input, the newest ones. */
const shownMax = 100;

/** The points of an input from which a value was computed. */
export interface ExplainedInput {
  readonly series: SeriesRow;
  /** From the first of these points to the last. Other points may lie between. */
  readonly span: Range;
  readonly count: number;
  readonly points: readonly PointRow[];
  readonly truncated: boolean;
}

export interface Explanation {
  readonly series: SeriesRow;
  /** Undefined for a source series. */
  readonly formula: string | undefined;
  readonly t: number;
  /** Undefined when there is no point. */
  readonly value: number | undefined;
  readonly revision: number;
  readonly inputs: readonly ExplainedInput[];
}

/** The message for an explanation that exceeds the budget. */
function tooMuch(pointsMax: number): Fault {
  return new Fault(
    'TOO_EXPENSIVE',
    `With whatever else this operation computes, finding what this was computed from would take more than ${pointsMax.toLocaleString('en')} points, counted once for each operator: ask for it alone, or define parts of its formula as series of their own and explain those.`,
    ['series'],
  );
}

/** Explains the value of a series at an instant. */
export async function explain(
  database: Database,
  catalogue: Catalogue,
  series: SeriesRow,
  t: number,
  place: ReadPosition,
  allowance: Allowance,
): Promise<Explanation> {
  const effort = new ComputeMeter(allowance, tooMuch);
  await effort.rest();
  const at = await readPoints(database, place.storage, { from: t, to: t + 1 }, place.asOf, 1, 'last');
  const value = at.t.length > 0 ? at.value[0] : undefined;
  const told = { series, t, value, revision: place.asOf };
  if (series.kind === 'SOURCE') {
    const itself = { spans: [{ from: t, to: t + 1 }], sized: false };
    const input = await explainedInput(database, series, place.storage, itself, place.asOf);
    return { ...told, formula: undefined, inputs: [input] };
  }
  const definitions = await readHistoryOfDefinitions(database, [series.id]);
  const answering = definitions.find((row) => storageOf(row) === place.storage) ?? answeringAt(definitions, place.asOf);
  if (!answering) return { ...told, formula: definitions[0]?.formula, inputs: [] };
  const plan = planFormula(parseFormula(answering.formula, operatorsByName));
  const storages = await storagesOf(database, answering);
  const reads = new BatchedReads(database);
  const read = (key: string) => new PointSource(reads, storages.get(key) ?? noStorage, place.asOf);
  const counting = await findProvenance(plan, openStages(plan, metered(read, effort)), t);
  const rows = new Map(
    (await catalogue.seriesByIds(answering.inputs.map((input) => input.series))).map((row) => [row.id, row]),
  );
  const inputs: ExplainedInput[] = [];
  for (const { key, series: id } of answering.inputs) {
    const row = rows.get(id);
    const counts = counting.get(key);
    await effort.rest();
    if (row && counts) inputs.push(await explainedInput(database, row, storages.get(key) ?? id, counts, place.asOf));
  }
  return { ...told, formula: answering.formula, inputs };
}

/** The storages of a definition's inputs, by key. */
async function storagesOf(database: Database, { inputs }: DefinitionRow): Promise<Map<string, number>> {
  const derived = inputs.flatMap(({ series, definition }) => (definition === null ? [] : [series]));
  const rows = derived.length > 0 ? await readHistoryOfDefinitions(database, derived) : [];
  const byId = new Map(rows.map((row) => [row.id, storageOf(row)]));
  return new Map(
    inputs.map(({ key, series, definition }) => [
      key,
      definition === null ? series : (byId.get(definition) ?? noStorage),
    ]),
  );
}

/** The contributing points of a series, up to the display limit, and their total number. */
async function explainedInput(
  database: Database,
  series: SeriesRow,
  storage: number,
  { spans, sized }: InputProvenance,
  asOf: number,
): Promise<ExplainedInput> {
  const points: PointRow[] = [];
  const filled: Range[] = [];
  let count = 0;
  for (const span of spans.toReversed()) {
    const part = await endOf(database, storage, span, asOf, sized);
    if (part.count === 0) continue;
    count += part.count;
    points.unshift(...part.points.slice(Math.max(0, part.points.length - (shownMax - points.length))));
    filled.unshift(part);
  }
  return { series, span: hullOf(filled.length > 0 ? filled : spans), count, points, truncated: count > points.length };
}

/**
 * The contributing points in a span: their first and last instant, their number, and the last ones up to the display
 * limit.
 */
async function endOf(database: Database, storage: number, span: Range, asOf: number, sized: boolean) {
  for (let most = shownMax + 1; ; most *= 8) {
    const last = await readPoints(database, storage, span, asOf, most, 'last');
    const points = Array.from(last.t, (_, i) => pointAt(last, i)).filter(({ size }) => !sized || size !== undefined);
    const count = points.length;
    if (last.t.length < most)
      return { ...(count > 0 ? { from: points[0].t, to: points[count - 1].t + 1 } : span), count, points };
    if (count < shownMax && most < lookedAtMax) continue;
    const [tally] = (await readTallies(database, storage, span, asOf, oneBucket, 'ALL')).values();
    return { from: tally.firstT, to: tally.lastT + 1, count: sized ? tally.sizes : tally.count, points };
  }
}

/** The limit of ticks to scan for those with a size. */
const lookedAtMax = 50_000;

const oneBucket = uniformGrid(2 ** 54);
