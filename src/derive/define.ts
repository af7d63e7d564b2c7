import { Fault } from '../engine/fault.ts';
import type { Expression, Place } from '../engine/formula/expression.ts';
import { formulaFault } from '../engine/formula/fault.ts';
import { parseFormula } from '../engine/formula/parse.ts';
import { referencesOf, refuseUnknown } from '../engine/formula/references.ts';
import { keyProblem, quoted } from '../engine/key.ts';
import { operatorsByName } from '../engine/operators/registry.ts';
import { planFormula } from '../engine/plan.ts';
import { partitionOf } from '../store/care.ts';
import type { Catalogue, SeriesRow } from '../store/catalogue.ts';
import type { NewSeries } from '../store/commit.ts';
import type { Database } from '../store/connect.ts';
import {
  type DefinitionInput,
  type DefinitionRow,
  define,
  type NewDefinition,
  readDefinitions,
} from '../store/definitions.ts';
import { arithmetic } from './arithmetic.ts';

/** How often a definition is planned again because the catalogue changed in the meantime. */
const attemptsMax = 100;

/** A formula may hang on so many source series, near and far. */
const sourcesMax = 10_000;

export interface DefineOptions {
  /** Whether the commit itself announces. */
  readonly announce: boolean;
  /** Told of definitions that are to be computed. */
  readonly onDefined: (revision: number, definitions: readonly number[]) => Promise<void>;
}

export interface Definition extends NewSeries {
  readonly formula: string;
}

const formulaPath = ['input', 'formula'];

/** Gives a key of its formulas, and plans what must be computed for it. */
export class Definer {
  readonly #database: Database;
  readonly #catalogue: Catalogue;
  readonly #options: DefineOptions;

  constructor(database: Database, catalogue: Catalogue, options: DefineOptions) {
    this.#database = database;
    this.#catalogue = catalogue;
    this.#options = options;
  }

  async define(definition: Definition): Promise<SeriesRow> {
    const problem = keyProblem(definition.key);
    if (problem)
      throw new Fault('BAD_USER_INPUT', `${quoted(definition.key)} cannot be a key: ${problem}.`, ['input', 'key']);
    const expression = at(formulaPath, () => parseFormula(definition.formula, operatorsByName));
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const { version, definitions } = await readDefinitions(this.#database);
      const known = await this.#catalogue.seriesByKeys([definition.key]);
      const existing = known.at(0);
      if (existing?.kind === 'SOURCE') {
        throw new Fault(
          'CONFLICT',
          `${quoted(definition.key)} is a source series: choose another key, or delete it first.`,
          ['input', 'key'],
        );
      }
      const newest = newestDefinitions(definitions);
      const inputs = await this.#resolve(definition.key, expression, newest);
      const before = existing && newest.get(existing.id);
      const same =
        before?.formula === definition.formula &&
        before.arithmetic === arithmetic() &&
        readsNewest(newest, before.series);
      const plan = same
        ? { list: [], cancel: [] }
        : planBundle(definitions, newest, existing, definition, expression, inputs);
      const wantsNames = [definition.name, definition.unit, definition.tags].some((given) => given != null);
      if (same && existing && !wantsNames) return existing;
      const { key, name, unit, tags } = definition;
      const series = existing ? { id: existing.id, name, unit, tags } : { key, name, unit, tags };
      const defined = await define(this.#database, version, series, plan.list, plan.cancel, this.#options.announce);
      if (!defined) continue;
      await this.#options.onDefined(defined.revision, defined.definitions);
      const [row] = await this.#catalogue.seriesByIds([defined.series]);
      if (row) return row;
    }
    throw new Fault('UNAVAILABLE', 'The catalogue is being changed faster than this definition can follow. Try again.');
  }

  /**
   * Defines anew, by the same formulas, what was computed by a program whose exp, log and pow round otherwise: until a
   * series is switched, it holds what the other program gave. Returns the keys.
   */
  async renew(): Promise<string[]> {
    const renewed: string[] = [];
    for (;;) {
      const newest = newestDefinitions((await readDefinitions(this.#database)).definitions);
      const other = [...newest.values()].find((row) => row.arithmetic !== arithmetic() && !renewed.includes(row.key));
      if (!other) return renewed;
      renewed.push(other.key);
      await this.define({ key: other.key, formula: other.formula });
    }
  }

  /** What the keys of a formula stand for now. */
  async #resolve(
    own: string,
    expression: Expression,
    newest: ReadonlyMap<number, DefinitionRow>,
  ): Promise<DefinitionInput[]> {
    const references = referencesOf(expression);
    const rows = await this.#catalogue.seriesByKeys([...new Set(references.map(({ key }) => key))]);
    const byKey = new Map(rows.map((row) => [row.key, row]));
    const missing = references.filter(({ key }) => !byKey.has(key));
    const itself = missing.find(({ key }) => key === own);
    if (itself)
      throw at(formulaPath, () =>
        formulaFault(itself.place, `${quoted(own)} would read itself`, ['another series'], []),
      );
    if (missing.length > 0) {
      const likely = await this.#catalogue.likelyKeys(missing[0].key);
      throw at(formulaPath, () => refuseUnknown(missing, likely));
    }
    return [...byKey.values()].map(({ key, id, kind }) => {
      const definition = newest.get(id);
      if (kind === 'DERIVED' && !definition)
        throw new Fault('UNAVAILABLE', `${quoted(key)} is just being made. Try again.`, formulaPath);
      const place = references.find((reference) => reference.key === key && reference.kind === 'size');
      if (place && kind === 'DERIVED')
        throw at(formulaPath, () =>
          formulaFault(place.place, `${quoted(key)} is derived, and its points have no sizes`, ['a source series'], []),
        );
      return { key, series: id, definition: definition?.id ?? null };
    });
  }
}

/** Throws what it is given, or what comes of it, with its place in the input. */
function at<T>(path: readonly string[], run: () => T): T {
  try {
    const result = run();
    if (result instanceof Fault) throw result;
    return result;
  } catch (error) {
    if (error instanceof Fault && error.inputPath === undefined)
      throw new Fault(error.code, error.message, path, { ...error.details });
    throw error;
  }
}

/** The definition that will answer in the end, of each series. */
export function newestDefinitions(definitions: readonly DefinitionRow[]): Map<number, DefinitionRow> {
  const newest = new Map<number, DefinitionRow>();
  for (const row of definitions) {
    const known = newest.get(row.series);
    if (!known || row.id > known.id) newest.set(row.series, row);
  }
  return newest;
}

function readsNewest(newest: ReadonlyMap<number, DefinitionRow>, series: number): boolean {
  return (
    newest
      .get(series)
      ?.inputs.every(({ series: input, definition }) => newest.get(input)?.id === (definition ?? undefined)) ?? false
  );
}

/**
 * The series that are computed anew with one that is defined anew: those that hang on it, and those that were on their
 * way together with any of them.
 */
function bundleOf(definitions: readonly DefinitionRow[], newest: ReadonlyMap<number, DefinitionRow>, series: number) {
  const members = new Set([series]);
  const cancel = new Set<number>();
  for (let grown = true; grown; ) {
    grown = false;
    const add = (id: number) => {
      if (members.has(id)) return;
      members.add(id);
      grown = true;
    };
    for (const row of newest.values()) if (row.inputs.some((input) => members.has(input.series))) add(row.series);
    for (const row of definitions) {
      if (row.state !== 'BUILDING' || !members.has(row.series)) continue;
      cancel.add(row.bundle);
    }
    for (const row of definitions) if (row.state === 'BUILDING' && cancel.has(row.bundle)) add(row.series);
  }
  return { members, cancel: [...cancel] };
}

interface Draft {
  readonly series: number | null;
  readonly key: string;
  readonly formula: string;
  readonly inputs: readonly DefinitionInput[];
  readonly stages: number;
}

function planBundle(
  definitions: readonly DefinitionRow[],
  newest: ReadonlyMap<number, DefinitionRow>,
  existing: SeriesRow | undefined,
  definition: Definition,
  expression: Expression,
  inputs: readonly DefinitionInput[],
): { list: NewDefinition[]; cancel: number[] } {
  const stages = at(formulaPath, () => planFormula(expression)).stages.length;
  const first: Draft = {
    series: existing?.id ?? null,
    key: definition.key,
    formula: definition.formula,
    inputs,
    stages,
  };
  const { members, cancel } = existing
    ? bundleOf(definitions, newest, existing.id)
    : { members: new Set<number>(), cancel: [] };
  const drafts = new Map<number | null, Draft>([[first.series, first]]);
  for (const id of members) {
    const row = newest.get(id);
    if (row && id !== existing?.id)
      drafts.set(id, {
        series: id,
        key: row.key,
        formula: row.formula,
        inputs: row.inputs,
        stages: row.storages.length,
      });
  }
  const list: NewDefinition[] = [];
  const done = new Map<number | null, { at: number; sources: ReadonlySet<number> }>();
  const visit = (draft: Draft, way: readonly Draft[]): { at: number; sources: ReadonlySet<number> } => {
    const known = done.get(draft.series);
    if (known) return known;
    if (way.includes(draft)) throw cycle(expression, [...way.slice(way.indexOf(draft)), draft], first);
    const sources = new Set<number>();
    const upstream = new Set<number>();
    const resolved = draft.inputs.map((input) => {
      const inside = drafts.get(input.series);
      if (inside) {
        const before = visit(inside, [...way, draft]);
        for (const source of before.sources) sources.add(source);
        upstream.add(before.at);
        return { ...input, definition: before.at };
      }
      const outside = newest.get(input.series);
      if (!outside) {
        sources.add(input.series);
        return { ...input, definition: null };
      }
      for (const source of outside.sources) sources.add(source);
      upstream.add(outside.id);
      return { ...input, definition: outside.id };
    });
    if (sources.size > sourcesMax)
      throw new Fault(
        'TOO_EXPENSIVE',
        `A formula may hang on ${sourcesMax.toLocaleString('en')} source series at most.`,
        formulaPath,
      );
    list.push({
      series: draft.series,
      formula: draft.formula,
      inputs: resolved,
      upstream: [...upstream],
      sources: [...sources].sort((a, b) => a - b),
      partition: partitionOf(Math.min(...sources)),
      stages: draft.stages,
      arithmetic: arithmetic(),
    });
    const result = { at: -list.length, sources };
    done.set(draft.series, result);
    return result;
  };
  for (const draft of drafts.values()) visit(draft, []);
  return { list, cancel };
}

/** The series that is being defined would read itself. */
function cycle(expression: Expression, way: readonly Draft[], first: Draft): Fault {
  const start = way.indexOf(first);
  const ring = start < 0 ? way : [...way.slice(start, -1), ...way.slice(0, start), first];
  const keys = ring.map(({ key }) => key);
  const reference = referencesOf(expression).find(({ key }) => key === keys[1] || key === first.key);
  const place: Place = reference?.place ?? { line: 1, column: 1, length: first.formula.length };
  return at(formulaPath, () => {
    throw formulaFault(
      place,
      `this would make a cycle: ${keys.map(quoted).join(' reads ')}`,
      [`a series that does not hang on ${quoted(first.key)}`],
      [],
    );
  });
}
