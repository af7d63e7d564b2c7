import { Fault } from '../engine/fault.ts';
import type { Expression } from '../engine/formula/expression.ts';
import { formulaFault } from '../engine/formula/fault.ts';
import { parseFormula } from '../engine/formula/parse.ts';
import { referencesOf } from '../engine/formula/references.ts';
import { quoted } from '../engine/key.ts';
import { operatorsByName } from '../engine/operators/registry.ts';
import { type Plan, planFormula } from '../engine/plan.ts';
import type { Range } from '../engine/ranges.ts';
import { rejectValueless } from '../engine/reject-valueless.ts';
import { clipValues, joinValues, noValues, type Values } from '../engine/values.ts';
import { BatchedReads } from '../store/batched-reads.ts';
import type { Catalogue, SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import { readStandings } from '../store/lanes.ts';
import { type Allowance, ComputeMeter } from './compute-budget.ts';
import { PointSource } from './line-source.ts';
import { metered } from './metered.ts';
import { commonRevision } from './settled.ts';
import { noCheckpoints, type Opening, openStages } from './stage-source.ts';
import { derivedAmong, noStorage, readStorages } from './storage-history.ts';
import { thin } from './thin.ts';
import { uncomputedFault } from './uncomputed.ts';
import { unknownSeriesFault } from './unknown-series.ts';
import { walkStage } from './walk.ts';

export interface EvaluateRequest {
  readonly formula: string;
  readonly range: Range;
  readonly asOf: number;
  /** True when the client named the revision; otherwise it is the newest. */
  readonly isAsOfGiven: boolean;
  /** The most points to return; undefined for all of them. */
  readonly maxPoints: number | undefined;
}

export interface EvaluateLimits {
  readonly samplesMax: number;
}

export interface Evaluated {
  readonly line: Values;
  readonly thinned: boolean;
  /** The revision that was read. Derived inputs may not have reached the requested one. */
  readonly revision: number;
}

const formulaPath = ['formula'];

/** Computes a formula over a range. The result equals that slice of the formula over all time. */
export async function evaluate(
  database: Database,
  catalogue: Catalogue,
  request: EvaluateRequest,
  limits: EvaluateLimits,
  allowance: Allowance,
): Promise<Evaluated> {
  const effort = new ComputeMeter(allowance, tooMuch);
  await effort.rest();
  const expression = atFormula(() => parseFormula(request.formula, operatorsByName));
  const rows = await resolve(catalogue, expression);
  atFormula(() => rejectValueless(expression));
  const revision = await revisionFor(database, rows, request.asOf);
  const storages = await readStorages(database, rows, revision);
  const empty = rows.filter(({ id }) => storages.get(id) === noStorage);
  const uncomputed =
    empty.length > 0 && (await uncomputedFault(database, referencesOf(expression), empty, request, revision));
  if (uncomputed) throw placed(uncomputed);
  const plan = atFormula(() => planFormula(expression));
  const ids = new Map(rows.map(({ id, key }) => [key, storages.get(id) ?? id]));
  const reads = new BatchedReads(database);
  const read = (key: string) => new PointSource(reads, ids.get(key) ?? noStorage, revision);
  const line = await computeRange(plan, metered(read, effort), request.range);
  if (request.maxPoints === undefined && line.t.length > limits.samplesMax)
    throw new Fault(
      'TOO_EXPENSIVE',
      `This gives more than ${limits.samplesMax.toLocaleString('en')} points: narrow the range, or give maxPoints.`,
      ['maxPoints'],
    );
  const few = request.maxPoints === undefined ? line : await thin(line, request.maxPoints, () => effort.rest());
  return { line: few, thinned: few.t.length < line.t.length, revision };
}

/** The output of a formula's last stage within a range. */
export async function computeRange(plan: Plan, opening: Opening, range: Range): Promise<Values> {
  if (range.from >= range.to) return noValues;
  const last = plan.stages.length - 1;
  const leaves = openStages(plan, opening)[last].map((leaf) => ({ ...leaf, changes: [range] }));
  const parts: Values[] = [];
  for await (const { piece } of walkStage({ stage: plan.stages[last], leaves, checkpoints: noCheckpoints })) {
    parts.push(clipValues(piece.line, Math.max(piece.from, range.from), Math.min(piece.to, range.to)));
    if (piece.to >= range.to) break;
  }
  return joinValues(parts);
}

/** The series that a formula names. */
async function resolve(catalogue: Catalogue, expression: Expression): Promise<SeriesRow[]> {
  const references = referencesOf(expression);
  const rows = await catalogue.seriesByKeys([...new Set(references.map(({ key }) => key))]);
  const byKey = new Map(rows.map((row) => [row.key, row]));
  const missing = references.filter(({ key }) => !byKey.has(key));
  if (missing.length > 0) throw placed(await unknownSeriesFault(catalogue, missing));
  const sizes = references.find(({ key, kind }) => kind === 'size' && byKey.get(key)?.kind === 'DERIVED');
  if (sizes)
    throw placed(
      formulaFault(sizes.place, `${quoted(sizes.key)} is derived, and its points have no sizes`, ['a source series']),
    );
  return rows;
}

/**
 * The newest revision up to `asOf` at which all derived inputs are exact; `asOf` itself where that is no longer known.
 */
async function revisionFor(database: Database, rows: readonly SeriesRow[], asOf: number): Promise<number> {
  const series = derivedAmong(rows);
  if (series.length === 0) return asOf;
  const { standings } = await readStandings(database, { series });
  return commonRevision(standings, asOf) ?? asOf;
}

/** The message for a formula that exceeds the budget. */
function tooMuch(pointsMax: number): Fault {
  return new Fault(
    'TOO_EXPENSIVE',
    `With whatever else this operation computes, this would take more than ${pointsMax.toLocaleString('en')} points, counted once for each operator: narrow the range, or define it as a series, which is then kept up to date. A formula that remembers everything, like ema, starts at the first point whatever the range.`,
    ['range'],
  );
}

function placed(fault: Fault): Fault {
  return new Fault(fault.code, fault.message, formulaPath, { ...fault.details });
}

function atFormula<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof Fault && error.inputPath === undefined ? placed(error) : error;
  }
}
