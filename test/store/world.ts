import { expect } from 'vitest';
import { gridForPoints } from '../../src/engine/bucket.ts';
import { everything, type Range } from '../../src/engine/ranges.ts';
import type { Points } from '../../src/engine/versions.ts';
import { GroupCommit } from '../../src/ingest/group-commit.ts';
import { type GivenColumn, Ingest } from '../../src/ingest/ingest.ts';
import { calendarGrid } from '../../src/market/calendar.ts';
import { type Candle, readCandles } from '../../src/market/candles.ts';
import { diffSeries } from '../../src/query/diff.ts';
import { readHistory } from '../../src/query/history.ts';
import { readPage } from '../../src/query/page.ts';
import { readSamples, type Samples } from '../../src/query/samples.ts';
import { BatchedReads } from '../../src/store/batched-reads.ts';
import { readExtent, readPoints, readVersions } from '../../src/store/block-reads.ts';
import { Catalogue } from '../../src/store/catalogue.ts';
import { connect, type Database } from '../../src/store/connect.ts';
import { readLasts } from '../../src/store/last-points.ts';
import type { CommittedBlocks } from '../../src/store/recent-commits.ts';
import { createDatabase } from '../support/database.ts';
import type { Model, ModelCandle, ModelPoint, ModelSamples, ModelSeries, ModelTick } from '../support/model.ts';
import { epochGrid } from '../support/model.ts';

/** One process of the program, as far as the store is concerned. */
export interface Process {
  readonly database: Database;
  readonly catalogue: Catalogue;
  readonly groupCommit: GroupCommit;
  readonly ingest: Ingest;
  stop(): Promise<void>;
}

export function startProcess(
  url: string,
  {
    onBlocks,
    ...options
  }: { patienceMillis?: number; connectionsMax?: number; onBlocks?: (said: CommittedBlocks) => void } = {},
): Process {
  const database = connect({ url, connectionsMax: 4, ...options });
  const catalogue = new Catalogue(database);
  const groupCommit = new GroupCommit(database, { announce: false, ...(onBlocks && { onBlocks }) });
  const ingest = new Ingest(database, catalogue, groupCommit, { pointsPerCallMax: 1_000_000 });
  return {
    database,
    catalogue,
    groupCommit,
    ingest,
    stop: async () => {
      await groupCommit.drain();
      await database.close();
    },
  };
}

/** Ticks as a call gives them: one column for each run of ticks of one series. */
export function givenColumns(ticks: readonly ModelTick[]): GivenColumn[] {
  const columns: GivenColumn[] = [];
  for (let start = 0; start < ticks.length; ) {
    let end = start + 1;
    while (end < ticks.length && ticks[end].series === ticks[start].series) end++;
    const some = ticks.slice(start, end);
    const first = start;
    columns.push({
      series: ticks[start].series,
      column: {
        t: Float64Array.from(some, ({ t }) => t),
        value: Float64Array.from(some, ({ value }) => value),
        size: some.some(({ size }) => size !== null)
          ? Float64Array.from(some, ({ size }) => size ?? Number.NaN)
          : undefined,
      },
      index: (at) => first + at,
      bad: new Map(some.flatMap(({ t }, i) => (Number.isNaN(t) ? [[i, 'no instant'] as const] : []))),
    });
    start = end;
  }
  return columns;
}

export function column(ticks: readonly (readonly [t: number, value: number, size?: number | undefined])[]) {
  const sized = ticks.some(([, , size]) => size !== undefined);
  return {
    t: Float64Array.from(ticks, ([t]) => t),
    value: Float64Array.from(ticks, ([, value]) => value),
    size: sized ? Float64Array.from(ticks, ([, , size]) => size ?? Number.NaN) : undefined,
  };
}

/** Writes ticks of one series. */
export async function put(
  { ingest }: Process,
  series: string,
  ticks: readonly (readonly [t: number, value: number, size?: number | undefined])[],
  more: { note?: string | undefined; idempotencyKey?: string | undefined } = {},
) {
  return ingest.ingest({
    columns: [{ series, column: column(ticks), index: (at) => at, bad: new Map() }],
    createMissing: true,
    partial: false,
    note: more.note ?? null,
    idempotencyKey: more.idempotencyKey ?? null,
  });
}

export async function idOf({ catalogue }: Process, key: string): Promise<number> {
  const [row] = await catalogue.seriesByKeys([key]);
  if (!row) throw new Error(`there is no ${key}`);
  return row.id;
}

const orNull = (size: number | undefined) => (size === undefined || Number.isNaN(size) ? null : size);

export function pointsOf(points: Points): ModelPoint[] {
  return Array.from(points.t, (t, i) => ({
    t,
    revision: points.revision[i],
    value: points.value[i],
    size: orNull(points.size?.[i]),
  }));
}

function samplesOf(samples: Samples): ModelSamples {
  return {
    t: [...samples.t],
    value: [...samples.value],
    size: Array.from(samples.t, (_, i) => orNull(samples.size?.[i])),
    thinned: samples.thinned,
  };
}

/** What is asked of a store and its model; instants and revisions are picked by numbers of [0, 1). */
export interface Question {
  readonly asOf: number;
  readonly older: number;
  readonly from: number;
  readonly to: number;
  readonly open: boolean;
  readonly count: number;
  readonly maxPoints: number;
  readonly bucketMicros: number;
  readonly intervalMicros: number;
}

const day = 86_400_000_000;
const monday = 4 * day;
const limits = { samplesMax: 1_000_000 };
const candleLimits = { candlesMax: 2 ** 45 };

interface Asked {
  readonly id: number;
  readonly model: ModelSeries;
  readonly asOf: number;
  readonly range: Range;
  /** The same for the model, where an open range has no ends. */
  readonly from: number;
  readonly to: number;
}

function pick<T>(all: readonly T[], share: number): T {
  return all[Math.min(all.length - 1, Math.floor(share * all.length))];
}

/** Compares everything that can be asked of one series at some past revision with the model. */
export async function compareSeries(
  process: Process,
  key: string,
  model: ModelSeries,
  question: Question,
  oldestRevision = 0,
): Promise<void> {
  const id = await idOf(process, key);
  const newest = await process.catalogue.newestRevision();
  const lowest = Math.max(oldestRevision, model.createdRevision);
  const revisions = [...new Set([lowest, ...model.versions.map(({ revision }) => revision), newest])]
    .filter((revision) => revision >= lowest)
    .sort((a, b) => a - b);
  const asOf = pick(revisions, question.asOf);
  const older = Math.min(asOf, pick(revisions, question.older));
  const instants = model.versions.map(({ t }) => t).sort((a, b) => a - b);
  const bounds = [pick(instants, question.from) ?? 0, (pick(instants, question.to) ?? 0) + 1];
  const range = { from: Math.min(...bounds), to: Math.max(...bounds) };
  const asked = question.open
    ? { id, model, asOf, range: everything, from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }
    : { id, model, asOf, range, ...range };
  await comparePoints(process, asked, question);
  if (oldestRevision === 0) await compareVersions(process, asked, instants);
  await compareLast(process, asked);
  await compareDiff(process, asked, older);
  await compareSamples(process, asked, question);
  await compareCandles(process, asked, question);
  if (oldestRevision === 0) {
    const changed = await process.catalogue.changedRevisions([id], asOf);
    expect(changed.get(id), 'changedRevisions').toBe(model.changedRevision(asOf));
  }
}

async function comparePoints({ database }: Process, { id, model, asOf, range, from, to }: Asked, question: Question) {
  const all = model.points(from, to, asOf);
  expect(pointsOf(await readPoints(database, id, range, asOf, 1e6, 'first')), 'all points').toStrictEqual(all);
  const { count } = question;
  expect(pointsOf(await readPoints(database, id, range, asOf, count, 'first')), 'first').toStrictEqual(
    all.slice(0, count),
  );
  expect(pointsOf(await readPoints(database, id, range, asOf, count, 'last')), 'last').toStrictEqual(all.slice(-count));
  const middle = pick(all, question.from);
  if (!middle) return;
  const page = await readPage(database, {
    series: id,
    range,
    after: middle.t,
    before: undefined,
    count,
    end: 'first',
    asOf,
  });
  const behind = all.filter(({ t }) => t > middle.t);
  expect(
    page.points.map(({ t }) => t),
    'page',
  ).toStrictEqual(behind.slice(0, count).map(({ t }) => t));
  expect(page.hasNextPage).toBe(behind.length > count);
  expect(page.hasPreviousPage).toBe(true);
}

async function compareVersions(
  { database }: Process,
  { id, model, asOf, range, from, to }: Asked,
  instants: readonly number[],
) {
  const versions = await readVersions(database, id, range);
  const said = pointsOf(versions).map((version) =>
    Number.isNaN(version.value) ? { ...version, value: null } : version,
  );
  expect(said, 'versions').toStrictEqual(model.versionsIn(from, to));
  if (instants.length === 0) return;
  expect(await readExtent(database, id), 'extent').toStrictEqual({
    from: instants[0],
    to: instants[instants.length - 1] + 1,
  });
  const t = instants[Math.floor(instants.length / 2)];
  const history = (await readHistory(database, id, t, 3, asOf)).map((version) => ({ t, ...version }));
  expect(history, 'history').toEqual(model.history(t, 3, asOf));
}

async function compareLast({ database }: Process, { id, model, asOf }: Asked) {
  const last = (await readLasts(database, [id], asOf)).get(id);
  const wanted = model.points(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, asOf).at(-1);
  expect(last && { ...last, size: last.size ?? null }, 'last').toStrictEqual(
    wanted && { t: wanted.t, value: wanted.value, size: wanted.size, revision: wanted.revision },
  );
}

async function compareDiff({ database }: Process, { id, model, asOf, range, from, to }: Asked, older: number) {
  const spans = await diffSeries(new BatchedReads(database), id, older, asOf, range);
  const { differing, same } = model.diff(from, to, older, asOf);
  const covered = (t: number) => spans.filter((span) => t >= span.from && t < span.to).length;
  expect(
    differing.filter((t) => covered(t) !== 1),
    'differing instants outside the spans',
  ).toStrictEqual([]);
  expect(
    same.filter((t) => covered(t) !== 0),
    'equal points within the spans',
  ).toStrictEqual([]);
  for (const span of spans) {
    expect(differing, 'a span starts at a difference').toContain(span.from);
    expect(differing, 'a span ends at a difference').toContain(span.to - 1);
  }
}

async function compareSamples({ database }: Process, { id, model, asOf, range, from, to }: Asked, question: Question) {
  const all = { series: id, range, asOf, maxPoints: undefined, bucketMicros: undefined };
  const gridFor = gridForPoints;
  const raw = await readSamples(database, { ...all, method: 'MINMAX' }, limits);
  expect(samplesOf(raw), 'samples').toStrictEqual(model.samples({ from, to, asOf, method: 'MINMAX', gridFor }));
  for (const method of ['MINMAX', 'LAST', 'MEAN'] as const) {
    const { maxPoints, bucketMicros } = question;
    const thin = await readSamples(database, { ...all, method, maxPoints }, limits);
    expect(thin.t.length).toBeLessThanOrEqual(maxPoints);
    expect(samplesOf(thin), `${method} thinned to ${maxPoints}`).toStrictEqual(
      model.samples({ from, to, asOf, method, maxPoints, gridFor }),
    );
    const grid = await readSamples(database, { ...all, method, bucketMicros }, limits);
    expect(samplesOf(grid), `${method} by ${bucketMicros}`).toStrictEqual(
      model.samples({ from, to, asOf, method, bucket: bucketMicros, gridFor }),
    );
  }
}

const candlesOf = (candles: readonly (Candle | ModelCandle)[]) => candles.map((candle) => ({ ...candle }));

async function compareCandles({ database }: Process, { id, model, asOf, range, from, to }: Asked, question: Question) {
  const { intervalMicros, count } = question;
  const grid = epochGrid(intervalMicros, intervalMicros % (7 * day) === 0 ? monday : 0);
  for (const last of [undefined, count]) {
    const request = { series: id, intervalMicros, timeZone: 'UTC', range, last, asOf };
    const candles = await readCandles(database, request, candleLimits);
    expect(candlesOf(candles), `candles of ${intervalMicros}`).toStrictEqual(
      model.candles({ from, to, asOf, grid, last }),
    );
  }
  const zone = calendarGrid(day, 'America/New_York');
  if ('problem' in zone || from < 0) return;
  const request = {
    series: id,
    intervalMicros: day,
    timeZone: 'America/New_York',
    range: { from, to },
    last: count,
    asOf,
  };
  const candles = await readCandles(database, request, candleLimits);
  expect(candlesOf(candles), 'New York days').toStrictEqual(model.candles({ from, to, asOf, grid: zone, last: count }));
}

/** The SQL view holds what the model holds now, of all its series. */
export async function compareView({ database }: Process, model: Model): Promise<void> {
  const keys = [...model.series.keys()];
  const rows = await database.query<{ key: string; t: string; value: number; size: number | null; revision: string }>(
    `SELECT key, (extract(epoch from t) * 1000000)::bigint AS t, value, size, revision FROM points WHERE key = ANY ($1)`,
    [keys],
  );
  const held = rows.map((row) => ({ ...row, t: Number(row.t), revision: Number(row.revision) }));
  for (const key of keys) {
    const points = held
      .filter((row) => row.key === key)
      .sort((a, b) => a.t - b.t)
      .map(({ t, revision, value, size }) => ({ t, revision, value, size }));
    const wanted = model.series
      .get(key)
      ?.points(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER);
    expect(points, `the view's ${key}`).toStrictEqual(wanted);
  }
}

/** A database of its own, with two processes on it. */
export async function startTwo(): Promise<{ url: string; one: Process; other: Process; stop: () => Promise<void> }> {
  const { url, drop } = await createDatabase();
  const one = startProcess(url);
  const other = startProcess(url);
  return {
    url,
    one,
    other,
    stop: async () => {
      await Promise.all([one.stop(), other.stop()]);
      await drop();
    },
  };
}
