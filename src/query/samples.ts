import { type Grid, gridForPoints, uniformGrid } from '../engine/bucket.ts';
import { Fault } from '../engine/fault.ts';
import type { Range } from '../engine/ranges.ts';
import type { Tally } from '../engine/tally.ts';
import { foldVersions, mergeVersions, type Points, sliceVersions } from '../engine/versions.ts';
import { readPoints, readVersions, walkVersions } from '../store/block-reads.ts';
import type { Database } from '../store/connect.ts';
import { readCountBounds, readTallies, type Tallies } from '../store/tallies.ts';

export type SampleMethod = 'MINMAX' | 'LAST' | 'MEAN';

export interface SamplesRequest {
  readonly series: number;
  readonly range: Range;
  readonly asOf: number;
  /** The most points to return; undefined for all of them. Ignored with a bucket. */
  readonly maxPoints: number | undefined;
  readonly bucketMicros: number | undefined;
  readonly method: SampleMethod;
}

export interface Samples {
  readonly t: Float64Array;
  readonly value: Float64Array;
  /** Undefined when no point has a size. NaN when this point has none. */
  readonly size: Float64Array | undefined;
  readonly thinned: boolean;
}

/** The limit of points without thinning, and of buckets. */
export interface SampleLimits {
  readonly samplesMax: number;
}

function plain(points: Points): Samples {
  return { t: points.t, value: points.value, size: points.size, thinned: false };
}

function tooMany(limit: number): Fault {
  return new Fault(
    'TOO_EXPENSIVE',
    `This asks for more than ${limit.toLocaleString('en')} samples: narrow the range, give maxPoints, or a wider bucket.`,
  );
}

/** The points of a span; undefined when there are more than `most`. */
async function readAll(database: Database, request: SamplesRequest, most: number): Promise<Points | undefined> {
  const bounds = await readCountBounds(database, request.series, request.range, request.asOf);
  if (bounds.least > most) return undefined;
  if (bounds.most <= Math.max(2 * most, 20_000)) {
    const points = foldVersions(await readVersions(database, request.series, request.range), request.asOf);
    return points.t.length <= most ? points : undefined;
  }
  const parts: Points[] = [];
  let count = 0;
  for await (const step of walkVersions(database, request.series, request.range)) {
    const points = foldVersions(step.versions, request.asOf);
    count += points.t.length;
    if (count > most) return undefined;
    parts.push(points);
  }
  return mergeVersions(parts);
}

/** The part of the span between its first and last point, so that an open range is not mostly empty. */
async function filledRange(database: Database, { series, range, asOf }: SamplesRequest): Promise<Range | undefined> {
  const [first, last] = await Promise.all([
    readPoints(database, series, range, asOf, 1, 'first'),
    readPoints(database, series, range, asOf, 1, 'last'),
  ]);
  return first.t.length === 0 || last.t.length === 0 ? undefined : { from: first.t[0], to: last.t[0] + 1 };
}

class Collected {
  readonly t: number[] = [];
  readonly value: number[] = [];

  /** Appends points in ascending order and skips an instant that is already present. */
  add(t: number, value: number): void {
    if (this.t.length > 0 && t <= this.t[this.t.length - 1]) return;
    this.t.push(t);
    this.value.push(value);
  }

  samples(): Samples {
    return { t: Float64Array.from(this.t), value: Float64Array.from(this.value), size: undefined, thinned: true };
  }
}

function addBucket(collected: Collected, method: SampleMethod, tally: Tally, startT: number): void {
  if (method === 'MEAN') collected.add(startT, tally.mean());
  else if (method === 'LAST') collected.add(tally.lastT, tally.last);
  else if (tally.minT <= tally.maxT) {
    collected.add(tally.minT, tally.min);
    collected.add(tally.maxT, tally.max);
  } else {
    collected.add(tally.maxT, tally.max);
    collected.add(tally.minT, tally.min);
  }
}

function inOrder(tallies: Tallies): [number, Tally][] {
  return [...tallies].sort((a, b) => a[0] - b[0]);
}

/**
 * Reads a series as parallel arrays. MINMAX gives the lowest and the highest point of each bucket and LAST the last
 * one, at their own instants; MEAN gives the mean at the bucket's start.
 */
export async function readSamples(database: Database, request: SamplesRequest, limits: SampleLimits): Promise<Samples> {
  if (request.bucketMicros !== undefined)
    return bucketed(database, request, uniformGrid(request.bucketMicros), request.bucketMicros, limits);
  const most = request.maxPoints ?? limits.samplesMax;
  const all = await readAll(database, request, most);
  if (all) return plain(all);
  if (request.maxPoints === undefined) throw tooMany(limits.samplesMax);
  if (most === 1)
    return {
      ...plain(await readPoints(database, request.series, request.range, request.asOf, 1, 'last')),
      thinned: true,
    };
  return thinned(database, request, most);
}

async function bucketed(
  database: Database,
  request: SamplesRequest,
  grid: Grid,
  width: number,
  limits: SampleLimits,
): Promise<Samples> {
  const filled = await filledRange(database, request);
  if (!filled) return { ...plain(mergeVersions([])), thinned: true };
  const buckets = grid.indexOf(filled.to - 1) - grid.indexOf(filled.from) + 1;
  if (buckets > limits.samplesMax) {
    const { least } = await readCountBounds(database, request.series, filled, request.asOf);
    if (least > limits.samplesMax) throw tooMany(limits.samplesMax);
  }
  const need = request.method === 'MINMAX' ? 'EXTREMES' : 'ALL';
  const tallies = await readTallies(database, request.series, filled, request.asOf, { ...grid, width }, need);
  if (tallies.size > limits.samplesMax) throw tooMany(limits.samplesMax);
  const collected = new Collected();
  for (const [index, tally] of inOrder(tallies)) addBucket(collected, request.method, tally, grid.startOf(index));
  return collected.samples();
}

/** MINMAX also gives the first and the last point, so that a chart starts and ends with its series. */
async function thinned(database: Database, request: SamplesRequest, most: number): Promise<Samples> {
  const ends = await Promise.all([
    readPoints(database, request.series, request.range, request.asOf, 1, 'first'),
    readPoints(database, request.series, request.range, request.asOf, 1, 'last'),
  ]);
  const [first, last] = ends.map((points) => sliceVersions(points, 0, 1));
  const filled = { from: first.t[0], to: last.t[0] + 1 };
  const minmax = request.method === 'MINMAX';
  const withEnds = minmax && most >= 4;
  const buckets = withEnds ? Math.floor((most - 2) / 2) : minmax ? Math.floor(most / 2) : most;
  const grid = gridForPoints(filled.from, filled.to, buckets);
  const tallies = await readTallies(database, request.series, filled, request.asOf, grid, minmax ? 'EXTREMES' : 'ALL');
  const collected = new Collected();
  if (withEnds) collected.add(first.t[0], first.value[0]);
  for (const [index, tally] of inOrder(tallies)) addBucket(collected, request.method, tally, grid.startOf(index));
  if (withEnds) collected.add(last.t[0], last.value[0]);
  return collected.samples();
}
