import { createHash } from 'node:crypto';
import { Fault, type InputPath } from '../engine/fault.ts';
import { keyProblem, quoted } from '../engine/key.ts';
import { everything, type Range } from '../engine/ranges.ts';
import { foldVersions } from '../engine/versions.ts';
import type { Column } from '../store/block-columns.ts';
import { readVersions, walkVersions } from '../store/block-reads.ts';
import type { Catalogue, SeriesRow } from '../store/catalogue.ts';
import { commitPointsMax, type NewSeries } from '../store/commit.ts';
import type { Database } from '../store/connect.ts';
import { stage } from '../store/staged-blocks.ts';
import { joinColumns, sortColumn } from './column.ts';
import type { GroupCommit, SourceWrite, WriteOutcome } from './group-commit.ts';
import { type Rejected, RejectedTicks } from './rejected.ts';

/** Ticks of one series in the order they were given. */
export interface GivenColumn {
  readonly series: string;
  readonly column: Column;
  /** The position of each tick in the call. */
  readonly index: (at: number) => number;
  /** Ticks whose instant cannot be held (NaN in the column), with the reason. */
  readonly bad: ReadonlyMap<number, string>;
  /** The location of the key, or of a value of one tick, in the input of a mutation. */
  readonly pathOf?: (field: TickField, at: number) => InputPath;
}

type TickField = 'series' | 't' | 'size';

export interface IngestRequest {
  readonly columns: readonly GivenColumn[];
  readonly createMissing: boolean;
  readonly partial: boolean;
  readonly note: string | null;
  readonly idempotencyKey: string | null;
}

export interface IngestResult {
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: readonly Rejected[];
  readonly revision: number;
}

export interface DeleteRequest {
  readonly series: string;
  readonly range: Range | undefined;
  readonly at: Float64Array | undefined;
  readonly note: string | null;
  readonly idempotencyKey: string | null;
}

const noteLengthMax = 1_000;
const idempotencyKeyLengthMax = 200;

/** The limit of attempts when the state that a write was planned on changes in the meantime. */
const attemptsMax = 100;

export interface IngestLimits {
  readonly pointsPerCallMax: number;
}

/**
 * Handles all writes: checks a request, turns it into writes for the group commit, and turns the outcome into an
 * answer.
 */
export class Ingest {
  readonly #database: Database;
  readonly #catalogue: Catalogue;
  readonly #groupCommit: GroupCommit;
  readonly #limits: IngestLimits;
  /** Source series by key. A commit notices a deleted one, refuses, and names its id. */
  readonly #known = new Map<string, SeriesRow>();

  constructor(database: Database, catalogue: Catalogue, groupCommit: GroupCommit, limits: IngestLimits) {
    this.#database = database;
    this.#catalogue = catalogue;
    this.#groupCommit = groupCommit;
    this.#limits = limits;
  }

  async ingest(request: IngestRequest): Promise<IngestResult> {
    const given = request.columns.reduce((sum, { column }) => sum + column.t.length, 0);
    if (given === 0) throw new Fault('BAD_USER_INPUT', 'There are no ticks in this call.', ['input']);
    this.#checkSize(given);
    this.#checkTexts(request.note, request.idempotencyKey);
    const content = () => hashOf(['ingest', request.createMissing, request.partial, request.note], request.columns);
    const idempotency = idempotencyOf(request.idempotencyKey, content);
    const earlier = idempotency && (await this.#earlier(idempotency));
    if (earlier) return earlier;
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const plan = await this.#planIngest(request);
      const answer = { accepted: plan.accepted, duplicates: plan.duplicates, rejected: plan.rejected };
      if (plan.columns.length === 0) return { ...answer, revision: await this.#catalogue.newestRevision() };
      const write: SourceWrite = {
        note: request.note,
        idempotency,
        answer,
        creates: plan.creates,
        columns: plan.columns,
      };
      const outcome = await this.#submit(write);
      const result = this.#answered(outcome, answer, request.idempotencyKey);
      if (result) return result;
    }
    throw busy();
  }

  async deleteTicks(request: DeleteRequest): Promise<IngestResult> {
    this.#checkTexts(request.note, request.idempotencyKey);
    const { range, at } = request;
    if (range ? at !== undefined : at === undefined) {
      throw new Fault('BAD_USER_INPUT', 'Give both from and to, or at: a list of instants.', ['input']);
    }
    if (range && range.from >= range.to) {
      throw new Fault('BAD_USER_INPUT', 'from must lie before to (from is deleted, to is not).', ['input', 'to']);
    }
    if (at?.length === 0) throw new Fault('BAD_USER_INPUT', 'The list of instants is empty.', ['input', 'at']);
    const bounds = range ? Float64Array.of(range.from, range.to) : (at ?? new Float64Array(0));
    const content = () =>
      hashOf(
        ['delete', request.note, range !== undefined],
        [{ series: request.series, column: { t: bounds, value: new Float64Array(0), size: undefined } }],
      );
    const idempotency = idempotencyOf(request.idempotencyKey, content);
    const earlier = idempotency && (await this.#earlier(idempotency));
    if (earlier) return earlier;
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      // Not from the cache: the commit notices a deleted series only when it writes to it, so nothing would be deleted
      // from one that was created again.
      const [series] = await this.#catalogue.seriesByKeys([request.series]);
      if (!series) {
        throw new Fault('NOT_FOUND', `There is no series ${quoted(request.series)}.`, ['input', 'series']);
      }
      if (series.kind === 'DERIVED')
        throw new Fault('CONFLICT', `Nothing can be deleted here: ${derived(series.key)}.`, ['input', 'series']);
      const base = await this.#catalogue.newestRevision();
      const column = range
        ? await this.#livingIn(series.id, range, base)
        : await this.#livingAt(series.id, at ?? bounds, base);
      const answer = { accepted: column.t.length, duplicates: 0, rejected: [] };
      if (column.t.length === 0 && !idempotency) return { ...answer, revision: base };
      const span = range ?? {
        from: bounds.reduce((a, b) => Math.min(a, b)),
        to: bounds.reduce((a, b) => Math.max(a, b)) + 1,
      };
      const outcome = await this.#submit({
        note: request.note,
        idempotency,
        answer,
        creates: [],
        columns: column.t.length === 0 ? [] : [{ series: series.id, column }],
        guard: { series: series.id, base, ...span },
      });
      const result = this.#answered(outcome, answer, request.idempotencyKey);
      if (result) return result;
    }
    throw busy();
  }

  /** Creates a source series, or returns the existing one unchanged. */
  async createSeries(series: NewSeries): Promise<SeriesRow> {
    const problem = keyProblem(series.key);
    if (problem)
      throw new Fault('BAD_USER_INPUT', `${quoted(series.key)} cannot be a key: ${problem}.`, ['input', 'key']);
    checkSeriesTexts(series);
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const [existing] = await this.#catalogue.seriesByKeys([series.key]);
      if (existing?.kind === 'DERIVED')
        throw new Fault(
          'CONFLICT',
          `${quoted(series.key)} is a derived series: choose another key, or delete it first.`,
          ['input', 'key'],
        );
      if (existing) return existing;
      await this.#submit({ note: null, answer: {}, creates: [series], columns: [] });
    }
    throw busy();
  }

  /** The ids of source series by their keys. */
  async sourceIds(keys: readonly string[]): Promise<number[]> {
    const rows = await this.#resolve(keys);
    return [...new Set([...rows.values()].filter(({ kind }) => kind === 'SOURCE').map(({ id }) => id))];
  }

  /** Deletes a series; refused while others are derived from it. */
  async deleteSeries(key: string): Promise<{ id: number; revision: number }> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const [series] = await this.#catalogue.seriesByKeys([key]);
      if (!series) throw new Fault('NOT_FOUND', `There is no series ${quoted(key)}.`, ['key']);
      const deletion = await this.#groupCommit.remove(series.id);
      if ('dependents' in deletion) throw hasDependents(key, deletion.dependents);
      this.#known.delete(key);
      if ('revision' in deletion) return { id: series.id, revision: deletion.revision };
    }
    throw busy();
  }

  /** Submits small writes to the group commit. Large ones are staged first, so that the commit stays short. */
  async #submit(write: SourceWrite): Promise<WriteOutcome> {
    const points = write.columns.reduce((sum, { column }) => sum + column.t.length, 0);
    let ready = write;
    if (points > commitPointsMax) {
      const position = new Map(write.creates.map((create, i) => [create.key, -(i + 1)]));
      const columns = write.columns.map(({ series, column }) => ({
        series: typeof series === 'number' ? series : (position.get(series) ?? 0),
        column,
      }));
      const stages = await stage(this.#database, columns);
      ready = { ...write, columns: [], staged: { stages, series: columns.map(({ series }) => series) } };
    }
    const outcome = await this.#groupCommit.submit(ready);
    if (outcome.kind === 'missing') {
      const gone = new Set(outcome.series);
      for (const [key, series] of this.#known) if (gone.has(series.id)) this.#known.delete(key);
    }
    return outcome;
  }

  /**
   * The first answer of a repeated write. This comes before any lookup, so that a repetition is answered even if its
   * series is deleted by now. The commit checks again under its lock.
   */
  async #earlier({ key, hash }: Idempotency): Promise<IngestResult | undefined> {
    const known = await this.#catalogue.writeKey(key);
    if (!known) return undefined;
    const nothing = { accepted: 0, duplicates: 0, rejected: [] };
    return this.#answered(
      known.hash === hash ? { kind: 'repeat', answer: known.answer } : { kind: 'conflict' },
      nothing,
      key,
    );
  }

  /** The answer for an outcome; undefined when the write must be planned again. */
  #answered(
    outcome: WriteOutcome,
    answer: Omit<IngestResult, 'revision'>,
    key: string | null,
  ): IngestResult | undefined {
    if (outcome.kind === 'written') return { ...answer, revision: outcome.revision };
    if (outcome.kind === 'repeat') return { ...answer, ...outcome.answer } as IngestResult;
    if (outcome.kind === 'conflict') {
      const message = `The idempotencyKey ${quoted(key ?? '')} was used in the last 7 days for a write of other content.`;
      throw new Fault('CONFLICT', message, ['input', 'idempotencyKey']);
    }
    return undefined;
  }

  async #planIngest(request: IngestRequest) {
    const known = await this.#resolve(request.columns.map(({ series }) => series));
    const rejected = new RejectedTicks();
    const creates = new Map<string, NewSeries>();
    const accepted = new Map<string, Column[]>();
    for (const given of request.columns) {
      const { series, column } = given;
      const reject = (at: number, field: TickField, reason: string) =>
        rejected.add({ index: given.index(at), series, reason }, () => given.pathOf?.(field, at) ?? ['input']);
      const reason = reasonAgainst(series, known.get(series), request.createMissing);
      if (reason) {
        for (let at = 0; at < column.t.length; at++) reject(at, 'series', reason);
        continue;
      }
      const bad = badTicks(given);
      for (const [at, { field, reason }] of bad) reject(at, field, reason);
      const good = bad.size === 0 ? column : withoutBad(column, bad);
      if (good.t.length === 0) continue;
      if (!known.has(series)) creates.set(series, { key: series });
      const columns = accepted.get(series);
      if (columns) columns.push(good);
      else accepted.set(series, [good]);
    }
    if (rejected.count > 0 && !request.partial) throw rejected.fault();
    let duplicates = 0;
    let points = 0;
    const columns = [...accepted].map(([key, given]) => {
      const sorted = sortColumn(joinColumns(given));
      duplicates += sorted.duplicates;
      points += sorted.column.t.length;
      return { series: known.get(key)?.id ?? key, key, column: sorted.column };
    });
    return { columns, creates: [...creates.values()], accepted: points, duplicates, rejected: rejected.list() };
  }

  async #resolve(keys: readonly string[]): Promise<Map<string, SeriesRow>> {
    const found = new Map<string, SeriesRow>();
    const unknown = [...new Set(keys.filter((key) => !this.#known.has(key)))];
    if (unknown.length > 0) {
      const askable = unknown.filter((key) => keyProblem(key) === undefined);
      for (const row of askable.length > 0 ? await this.#catalogue.seriesByKeys(askable) : []) {
        if (row.kind === 'SOURCE') this.#known.set(row.key, row);
        // Nothing is ever committed to a derived series, so a cached one would never be noticed as deleted.
        else found.set(row.key, row);
      }
    }
    for (const key of keys) {
      const row = this.#known.get(key);
      if (row) found.set(key, row);
    }
    return found;
  }

  /** Tombstones for the points that a span holds at a revision. */
  async #livingIn(series: number, range: Range, asOf: number): Promise<Column> {
    const parts: Column[] = [];
    let points = 0;
    for await (const step of walkVersions(this.#database, series, range)) {
      const { t } = foldVersions(step.versions, asOf);
      points += t.length;
      if (points > this.#limits.pointsPerCallMax * 10) this.#checkSize(points);
      if (t.length > 0) parts.push(tombstones(t));
    }
    return parts.length > 0 ? joinColumns(parts) : tombstones(new Float64Array(0));
  }

  async #livingAt(series: number, at: Float64Array, asOf: number): Promise<Column> {
    this.#checkSize(at.length);
    const wanted = [...new Set(at)].sort((a, b) => a - b);
    const living: number[] = [];
    let next = 0;
    while (next < wanted.length) {
      // One read covers instants that are close together.
      let end = next + 1;
      while (end < wanted.length && wanted[end] - wanted[end - 1] < 3_600_000_000) end++;
      const { t } = foldVersions(
        await readVersions(this.#database, series, { from: wanted[next], to: wanted[end - 1] + 1 }),
        asOf,
      );
      const there = new Set(t);
      for (; next < end; next++) if (there.has(wanted[next])) living.push(wanted[next]);
    }
    return tombstones(Float64Array.from(living));
  }

  #checkSize(points: number): void {
    const most = this.#limits.pointsPerCallMax;
    if (points <= most) return;
    const message = `One call may hold ${most.toLocaleString('en')} ticks, this one holds ${points.toLocaleString('en')}: send several.`;
    throw new Fault('TOO_EXPENSIVE', message, ['input']);
  }

  #checkTexts(note: string | null, idempotencyKey: string | null): void {
    checkText(note, noteLengthMax, ['input', 'note']);
    if (idempotencyKey === '')
      throw new Fault('BAD_USER_INPUT', 'An idempotencyKey cannot be empty.', ['input', 'idempotencyKey']);
    checkText(idempotencyKey, idempotencyKeyLengthMax, ['input', 'idempotencyKey']);
  }
}

export function checkSeriesTexts(series: NewSeries): void {
  checkText(series.name ?? null, noteLengthMax, ['input', 'name']);
  checkText(series.unit ?? null, idempotencyKeyLengthMax, ['input', 'unit']);
  if ((series.tags?.length ?? 0) > 100)
    throw new Fault('BAD_USER_INPUT', 'A series has at most 100 tags.', ['input', 'tags']);
  series.tags?.forEach((tag, i) => {
    checkText(tag, idempotencyKeyLengthMax, ['input', 'tags', i]);
  });
}

export function checkText(text: string | null, lengthMax: number, path: InputPath): void {
  if (text === null) return;
  if (text.length > lengthMax) {
    throw new Fault('BAD_USER_INPUT', `At most ${lengthMax} characters, this has ${text.length}.`, path);
  }
  // PostgreSQL stores neither NUL nor half of a surrogate pair.
  if (text.includes('\0') || !text.isWellFormed())
    throw new Fault('BAD_USER_INPUT', 'This holds a character that no text can hold.', path);
}

function tombstones(t: Float64Array): Column {
  return { t, value: new Float64Array(t.length).fill(Number.NaN), size: undefined };
}

interface BadTick {
  readonly field: TickField;
  readonly reason: string;
}

/** The ticks of a column that no series can hold. */
function badTicks({ column: { size }, bad }: GivenColumn): ReadonlyMap<number, BadTick> {
  const found = new Map<number, BadTick>();
  for (const [at, reason] of bad) found.set(at, { field: 't', reason });
  for (let at = 0; size && at < size.length; at++) {
    if (size[at] < 0 && !found.has(at)) found.set(at, { field: 'size', reason: `the size ${size[at]} is negative` });
  }
  return found;
}

function withoutBad(column: Column, bad: ReadonlyMap<number, unknown>): Column {
  const keep = (from: Float64Array) => from.filter((_, at) => !bad.has(at));
  return { t: keep(column.t), value: keep(column.value), size: column.size && keep(column.size) };
}

/** The reason why a key cannot be written; undefined when it can. */
function reasonAgainst(key: string, row: SeriesRow | undefined, createMissing: boolean): string | undefined {
  if (row) return row.kind === 'DERIVED' ? derived(key) : undefined;
  if (!createMissing) return `there is no series ${quoted(key)}; create it, or set createMissing`;
  return keyProblem(key);
}

function derived(key: string): string {
  return `${quoted(key)} is a derived series, its formula says what it holds`;
}

/** The limit of dependent series that a fault names. */
const dependentsShownMax = 10;

function hasDependents(key: string, dependents: readonly string[]): Fault {
  const shown = dependents.slice(0, dependentsShownMax);
  const more = dependents.length > shown.length ? ` and ${dependents.length - shown.length} more` : '';
  return new Fault(
    'CONFLICT',
    `${quoted(key)} cannot be deleted while others are derived from it: ${shown.map(quoted).join(', ')}${more}. Delete those first, or give them other formulas.`,
    ['key'],
    { dependents: shown },
  );
}

function busy(): Fault {
  return new Fault(
    'UNAVAILABLE',
    'The series is being changed faster than this write can follow: nothing was written. Try again.',
  );
}

interface Idempotency {
  readonly key: string;
  readonly hash: string;
}

/** Hashes the content only if there is a key. */
function idempotencyOf(key: string | null, content: () => string): Idempotency | undefined {
  return key === null ? undefined : { key, hash: content() };
}

function hashOf(head: readonly unknown[], columns: readonly { series: string; column: Column }[]): string {
  const hash = createHash('sha256').update(JSON.stringify(head));
  for (const { series, column } of columns) {
    hash.update(JSON.stringify([series, column.t.length, column.size !== undefined]));
    for (const part of [column.t, column.value, column.size]) {
      if (part) hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    }
  }
  return hash.digest('base64');
}

/** The range between two given bounds. A single bound is refused: it would delete half a series. */
export function deletionRange(from: number | null | undefined, to: number | null | undefined): Range | undefined {
  if (from == null && to == null) return undefined;
  if (from == null || to == null) {
    const missing = from == null ? 'from' : 'to';
    throw new Fault('BAD_USER_INPUT', `A deletion needs both bounds; ${missing} is missing.`, ['input', missing]);
  }
  return { from, to: Math.min(to, everything.to) };
}
