import { uniformGrid } from '../engine/bucket.ts';
import { parseFormula } from '../engine/formula/parse.ts';
import { operatorsByName } from '../engine/operators/registry.ts';
import { type Input, type Plan, planFormula, type Stage } from '../engine/plan.ts';
import { startOfBucket } from '../engine/stage-run.ts';
import type { Catalogue, SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import { type DefinitionRow, readHistoryOfDefinitions, storageOf } from '../store/definitions.ts';
import { type PointRow, pointAt } from '../store/last.ts';
import { everything, type Range, readPoints } from '../store/read.ts';
import { Reads } from '../store/reads.ts';
import { readTallies } from '../store/tallies.ts';
import { Budget, MeteredSource } from './evaluate.ts';
import { PointSource } from './line-source.ts';
import { type OpenLeaf, openStages } from './stage-source.ts';
import type { LeafSource } from './walk.ts';
import { answeringAt, type Place } from './where.ts';

/** So many points of an input are shown, the newest. */
const shownMax = 100;

/** The points of an input that a value was computed from. */
export interface ExplainedInput {
  readonly series: SeriesRow;
  readonly span: Range;
  readonly count: number;
  readonly points: readonly PointRow[];
  readonly truncated: boolean;
}

export interface Explanation {
  readonly series: SeriesRow;
  /** undefined: clients write it. */
  readonly formula: string | undefined;
  readonly t: number;
  /** undefined: there is no point. */
  readonly value: number | undefined;
  readonly revision: number;
  readonly inputs: readonly ExplainedInput[];
}

/**
 * Why a series holds what it holds at an instant. Of an operator on a series it names exactly the points that went in;
 * of operators on operators it may name some before them.
 */
export async function explain(
  database: Database,
  catalogue: Catalogue,
  series: SeriesRow,
  t: number,
  place: Place,
  limits: { readonly evaluatePointsMax: number },
): Promise<Explanation> {
  const at = await readPoints(database, place.storage, { from: t, to: t + 1 }, place.asOf, 1, 'last');
  const value = at.t.length > 0 ? at.value[0] : undefined;
  const told = { series, t, value, revision: place.asOf };
  if (series.kind === 'SOURCE') {
    const input = await explainedInput(database, series, place.storage, { from: t, to: t + 1 }, place.asOf);
    return { ...told, formula: undefined, inputs: [input] };
  }
  const definitions = await readHistoryOfDefinitions(database, [series.id]);
  const answering = definitions.find((row) => storageOf(row) === place.storage) ?? answeringAt(definitions, place.asOf);
  if (!answering) return { ...told, formula: definitions[0]?.formula, inputs: [] };
  const plan = planFormula(parseFormula(answering.formula, operatorsByName));
  const storages = await storagesOf(database, answering);
  const budget = new Budget(limits.evaluatePointsMax);
  const reads = new Reads(database);
  const open = (key: string): LeafSource =>
    new MeteredSource(new PointSource(reads, storages.get(key) ?? 0, place.asOf), budget);
  const spans = await inputSpans(plan, openStages(plan, open), t);
  const rows = new Map(
    (await catalogue.seriesByIds(answering.inputs.map((input) => input.series))).map((row) => [row.id, row]),
  );
  const inputs = await Promise.all(
    answering.inputs.flatMap(({ key, series: id }) => {
      const row = rows.get(id);
      const span = spans.get(key);
      return row && span ? [explainedInput(database, row, storages.get(key) ?? id, span, place.asOf)] : [];
    }),
  );
  return { ...told, formula: answering.formula, inputs };
}

/** Where the inputs of a definition lie, by their keys. */
async function storagesOf(database: Database, { inputs }: DefinitionRow): Promise<Map<string, number>> {
  const derived = inputs.flatMap(({ series, definition }) => (definition === null ? [] : [series]));
  const rows = derived.length > 0 ? await readHistoryOfDefinitions(database, derived) : [];
  const byId = new Map(rows.map((row) => [row.id, storageOf(row)]));
  return new Map(
    inputs.map(({ key, series, definition }) => [key, definition === null ? series : (byId.get(definition) ?? 0)]),
  );
}

async function explainedInput(
  database: Database,
  series: SeriesRow,
  storage: number,
  span: Range,
  asOf: number,
): Promise<ExplainedInput> {
  const [tallies, first, last] = await Promise.all([
    readTallies(database, storage, span, asOf, oneBucket, 'ALL'),
    readPoints(database, storage, span, asOf, 1, 'first'),
    readPoints(database, storage, span, asOf, shownMax, 'last'),
  ]);
  const count = [...tallies.values()].reduce((sum, tally) => sum + tally.count, 0);
  const shown = last.t.length;
  return {
    series,
    span: shown > 0 ? { from: first.t[0], to: last.t[shown - 1] + 1 } : span,
    count,
    points: Array.from(last.t, (_, i) => pointAt(last, i)),
    truncated: count > shown,
  };
}

const oneBucket = uniformGrid(2 ** 54);

/** A step back from an instant: so many points before the last one that is known there, or all that lies within so long. */
type StepBack = { readonly points: number } | { readonly micros: number };

/** How what a stage gives hangs on one of its leaves: steps back from the output on, or 'all' of its past. */
interface Way {
  readonly leaf: number;
  readonly steps: readonly StepBack[] | 'all';
}

function waysOf(stage: Stage): Way[] {
  const visit = (input: Input, steps: Way['steps']): Way[] => {
    if (input.kind === 'constant') return [];
    if (input.kind === 'leaf') return [{ leaf: input.leaf, steps }];
    const { operator, given, inputs } = stage.nodes[input.node];
    const memory = operator.memory(given);
    const own: StepBack[] = [];
    if (memory.kind === 'rows' && memory.rows > 1) own.push({ points: memory.rows - 1 });
    if (memory.kind === 'time') own.push({ micros: memory.micros - 1 });
    if (memory.kind === 'asOf') own.push({ micros: memory.micros }, { points: 0 });
    // Of several inputs each is taken as last known.
    const joins = inputs.filter(({ kind }) => kind !== 'constant').length > 1 && operator.join !== 'same';
    if (joins) own.push({ points: 0 });
    const all = steps === 'all' || memory.kind === 'forever';
    return inputs.flatMap((each) => visit(each, all ? 'all' : [...steps, ...own]));
  };
  return visit(stage.output, []);
}

/** The spans of the inputs that the value at an instant can hang on, by their keys. */
async function inputSpans(
  plan: Plan,
  leavesOf: readonly (readonly OpenLeaf[])[],
  t: number,
): Promise<Map<string, Range>> {
  const spans = new Map<string, Range>();
  const trace = async (at: number, from: number, to: number): Promise<void> => {
    const stage = plan.stages[at];
    const width = stage.bucket?.widthMicros;
    const start = width === undefined ? from : startOfBucket(from, width);
    const end = width === undefined ? to : startOfBucket(to - 1, width) + width;
    for (const { leaf, steps } of waysOf(stage)) {
      const reached = await stepBack(leavesOf[at][leaf].source, Math.max(start, everything.from), steps);
      const given = stage.leaves[leaf];
      if (given.kind === 'stage') await trace(given.stage, reached, end);
      else {
        const known = spans.get(given.key);
        spans.set(given.key, { from: Math.min(known?.from ?? reached, reached), to: Math.max(known?.to ?? end, end) });
      }
    }
  };
  await trace(plan.stages.length - 1, t, t + 1);
  return spans;
}

async function stepBack(source: LeafSource, from: number, steps: Way['steps']): Promise<number> {
  if (steps === 'all') return everything.from;
  let start = from;
  for (const step of steps) {
    if ('micros' in step) start -= step.micros;
    else start = (await source.back(start + 1, step.points + 1)) ?? everything.from;
    if (start <= everything.from) return everything.from;
  }
  return start;
}
