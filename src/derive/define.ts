import { SerialQueue } from '../concurrency/serial-queue.ts';
import { Fault } from '../engine/fault.ts';
import type { Expression, SourceLocation } from '../engine/formula/expression.ts';
import { formulaFault } from '../engine/formula/fault.ts';
import { parseFormula } from '../engine/formula/parse.ts';
import { referencesOf } from '../engine/formula/references.ts';
import { keyProblem, quoted } from '../engine/key.ts';
import { operatorsByName } from '../engine/operators/registry.ts';
import { planFormula } from '../engine/plan.ts';
import { rejectValueless } from '../engine/reject-valueless.ts';
import type { Catalogue, SeriesRow } from '../store/catalogue.ts';
import type { NewSeries } from '../store/commit.ts';
import type { Database } from '../store/connect.ts';
import {
  type Bundle,
  type DefinitionInput,
  type DefinitionRow,
  define,
  type NewDefinition,
} from '../store/definitions.ts';
import { partitionOf } from '../store/partitions.ts';
import { Definitions } from './definitions.ts';
import { mathFingerprint } from './math-fingerprint.ts';
import { selfReferenceFault, unknownSeriesFault } from './unknown-series.ts';

/** The number of attempts to plan a definition when the catalogue changes meanwhile. */
const attemptsMax = 100;

/** The limit of source series that a formula may depend on, directly or through other derived series. */
const sourcesMax = 10_000;

export interface DefineOptions {
  /** Whether the commit itself announces. */
  readonly announce: boolean;
  /** Called when a definition must be computed. */
  readonly onDefined: (revision: number) => void;
}

export interface Definition extends NewSeries {
  readonly formula: string;
}

const formulaPath = ['input', 'formula'];

/** Defines and redefines series, and plans the computations that follow. */
export class Definer {
  readonly #database: Database;
  readonly #catalogue: Catalogue;
  readonly #options: DefineOptions;
  readonly #definitions: Definitions;
  /** Two definitions that are planned at the same time would change the catalogue under each other and start again. */
  readonly #defining = new SerialQueue();

  constructor(database: Database, catalogue: Catalogue, options: DefineOptions) {
    this.#database = database;
    this.#definitions = new Definitions(database);
    this.#catalogue = catalogue;
    this.#options = options;
  }

  define(definition: Definition): Promise<SeriesRow> {
    return this.#defining.run(() => this.#define(definition));
  }

  async #define(definition: Definition): Promise<SeriesRow> {
    const problem = keyProblem(definition.key);
    if (problem)
      throw new Fault('BAD_USER_INPUT', `${quoted(definition.key)} cannot be a key: ${problem}.`, ['input', 'key']);
    const expression = at(formulaPath, () => parseFormula(definition.formula, operatorsByName));
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      await this.#definitions.refresh();
      const { version } = this.#definitions;
      const keys = [definition.key, ...referencesOf(expression).map(({ key }) => key)];
      const known = new Map((await this.#catalogue.seriesByKeys([...new Set(keys)])).map((row) => [row.key, row]));
      const existing = known.get(definition.key);
      if (existing?.kind === 'SOURCE') {
        throw new Fault(
          'CONFLICT',
          `${quoted(definition.key)} is a source series: choose another key, or delete it first.`,
          ['input', 'key'],
        );
      }
      await this.#refuseMissing(definition.key, expression, known);
      // From here on nothing is awaited, so all that is read belongs to one version of the catalogue.
      if (this.#definitions.version !== version) continue;
      const inputs = this.#resolve(expression, known);
      if (!inputs) continue;
      const before = existing && this.#definitions.newest(existing.id);
      // A formula that was defined before this rule existed can still be renewed.
      if (before?.formula !== definition.formula) at(formulaPath, () => rejectValueless(expression));
      const same =
        before?.formula === definition.formula && before.arithmetic === mathFingerprint() && this.#readsNewest(before);
      const plan = same
        ? { list: [], cancel: [], keep: [] }
        : planBundle(this.#definitions, existing, definition, expression, inputs);
      const wantsNames = [definition.name, definition.unit, definition.tags].some((given) => given != null);
      if (same && existing && !wantsNames) return existing;
      const { key, name, unit, tags } = definition;
      const series = existing ? { id: existing.id, name, unit, tags } : { key, name, unit, tags };
      const defined = await define(this.#database, version, series, plan, this.#options.announce);
      if (!defined) continue;
      this.#options.onDefined(defined.revision);
      const [row] = await this.#catalogue.seriesByIds([defined.series]);
      if (row) return row;
    }
    throw new Fault('UNAVAILABLE', 'The catalogue is being changed faster than this definition can follow. Try again.');
  }

  /**
   * Redefines, with the same formulas, the series computed by a process whose exp, log and pow round differently. Each
   * series keeps the old points until its switch. Returns the keys.
   */
  async renew(): Promise<string[]> {
    const renewed: string[] = [];
    for (;;) {
      await this.#definitions.refresh();
      const newest = [...this.#definitions.byId.values()].filter(
        (row) => this.#definitions.newest(row.series)?.id === row.id,
      );
      const other = newest.find((row) => row.arithmetic !== mathFingerprint() && !renewed.includes(row.key));
      if (!other) return renewed;
      renewed.push(other.key);
      await this.define({ key: other.key, formula: other.formula });
    }
  }

  async #refuseMissing(own: string, expression: Expression, known: ReadonlyMap<string, SeriesRow>): Promise<void> {
    const missing = referencesOf(expression).filter(({ key }) => !known.has(key));
    if (missing.length === 0) return;
    const itself = missing.find(({ key }) => key === own);
    const fault = await (itself
      ? selfReferenceFault(this.#catalogue, itself)
      : unknownSeriesFault(this.#catalogue, missing));
    throw at(formulaPath, () => fault);
  }

  /** Resolves the keys of a formula; undefined when a series was created a moment ago. */
  #resolve(expression: Expression, known: ReadonlyMap<string, SeriesRow>): DefinitionInput[] | undefined {
    const references = referencesOf(expression);
    const keys = new Set(references.map(({ key }) => key));
    const rows = [...known.values()].filter(({ key }) => keys.has(key));
    if (rows.some(({ id, kind }) => kind === 'DERIVED' && !this.#definitions.newest(id))) return undefined;
    return rows.map(({ key, id, kind }) => {
      const definition = this.#definitions.newest(id);
      const place = references.find((reference) => reference.key === key && reference.kind === 'size');
      if (place && kind === 'DERIVED')
        throw at(formulaPath, () =>
          formulaFault(place.place, `${quoted(key)} is derived, and its points have no sizes`, ['a source series'], []),
        );
      return { key, series: id, definition: definition?.id ?? null };
    });
  }

  /** True when no input has been redefined since. */
  #readsNewest({ inputs }: DefinitionRow): boolean {
    return inputs.every(({ series, definition }) => this.#definitions.newest(series)?.id === (definition ?? undefined));
  }
}

/** Validates a formula. Errors carry its path in the input. */
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

/**
 * The series to compute again with a redefined one: those that depend on it, and those in the same bundle as any of
 * them.
 */
function bundleOf(definitions: Definitions, series: number) {
  const members = new Set([series]);
  const cancel = new Set<number>();
  // The loop also visits entries that it adds.
  for (const member of members) {
    for (const reader of definitions.readersOf(member)) members.add(reader.series);
    for (const { state, bundle } of definitions.of(member)) {
      if (state !== 'BUILDING') continue;
      cancel.add(bundle);
      for (const other of definitions.building(bundle)) members.add(other.series);
    }
  }
  return { members, cancel: [...cancel] };
}

/** All series that depend on a series, directly or through others. */
function readersOf(definitions: Definitions, series: number): Set<number> {
  const readers = new Set([series]);
  for (const one of readers) for (const reader of definitions.readersOf(one)) readers.add(reader.series);
  return readers;
}

interface Draft {
  readonly series: number | null;
  readonly key: string;
  readonly formula: string;
  readonly inputs: readonly DefinitionInput[];
  readonly stages: number;
}

function planBundle(
  definitions: Definitions,
  existing: SeriesRow | undefined,
  definition: Definition,
  expression: Expression,
  inputs: readonly DefinitionInput[],
): Bundle {
  const stages = at(formulaPath, () => planFormula(expression)).stages.length;
  const first: Draft = {
    series: existing?.id ?? null,
    key: definition.key,
    formula: definition.formula,
    inputs,
    stages,
  };
  const { members, cancel } = existing
    ? bundleOf(definitions, existing.id)
    : { members: new Set<number>(), cancel: [] };
  const drafts = new Map<number | null, Draft>([[first.series, first]]);
  for (const id of members) {
    const row = definitions.newest(id);
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
  const keep: number[] = [];
  const anew = existing ? readersOf(definitions, existing.id) : new Set<number>();
  const done = new Map<number | null, { at: number; sources: ReadonlySet<number> }>();
  const visit = (draft: Draft, way: readonly Draft[]): { at: number; sources: ReadonlySet<number> } => {
    const known = done.get(draft.series);
    if (known) return known;
    const building = draft.series !== null && !anew.has(draft.series) ? definitions.newest(draft.series) : undefined;
    if (draft !== first && building?.state === 'BUILDING') {
      // None of its inputs is redefined, so its computation continues.
      keep.push(building.id);
      const result = { at: building.id, sources: new Set(building.sources) };
      done.set(draft.series, result);
      return result;
    }
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
      const outside = definitions.newest(input.series);
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
      arithmetic: mathFingerprint(),
    });
    const result = { at: -list.length, sources };
    done.set(draft.series, result);
    return result;
  };
  for (const draft of drafts.values()) visit(draft, []);
  return { list, cancel, keep };
}

/** Refuses a formula that reads the series it defines. */
function cycle(expression: Expression, way: readonly Draft[], first: Draft): Fault {
  const start = way.indexOf(first);
  const ring = start < 0 ? way : [...way.slice(start, -1), ...way.slice(0, start), first];
  const keys = ring.map(({ key }) => key);
  const reference = referencesOf(expression).find(({ key }) => key === keys[1] || key === first.key);
  const place: SourceLocation = reference?.place ?? { line: 1, column: 1, length: first.formula.length };
  return at(formulaPath, () => {
    throw formulaFault(
      place,
      `this would make a cycle: ${keys.map(quoted).join(' reads ')}`,
      [`a series that does not hang on ${quoted(first.key)}`],
      [],
    );
  });
}
