import { nearest, unitsOf } from './exact.ts';

/** What a store should hold and answer, kept as plainly as can be: nothing here is shared with src. */

export interface ModelTick {
  readonly series: string;
  /** NaN: an instant that cannot be held. */
  readonly t: number;
  readonly value: number;
  readonly size: number | null;
}

export interface ModelVersion {
  readonly t: number;
  readonly revision: number;
  /** null: deleted. */
  readonly value: number | null;
  readonly size: number | null;
}

export interface ModelPoint {
  readonly t: number;
  readonly revision: number;
  readonly value: number;
  readonly size: number | null;
}

export interface ModelAnswer {
  readonly accepted: number;
  readonly duplicates: number;
  /** Places in the call. */
  readonly rejected: number[];
}

export interface ModelCandle {
  readonly t: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number | undefined;
  readonly count: number;
  readonly final: boolean;
}

export interface ModelSamples {
  readonly t: number[];
  readonly value: number[];
  readonly size: (number | null)[];
  readonly thinned: boolean;
}

export type ModelMethod = 'MINMAX' | 'LAST' | 'MEAN';

/** Which bucket an instant lies in, and where a bucket starts. */
export interface ModelGrid {
  indexOf(t: number): number;
  startOf(index: number): number;
}

export class ModelSeries {
  readonly createdRevision: number;
  readonly #versions = new Map<string, ModelVersion>();

  constructor(createdRevision: number) {
    this.createdRevision = createdRevision;
  }

  /** Whatever was said of an instant at this revision is said anew. */
  say(version: ModelVersion): void {
    this.#versions.set(`${version.t} ${version.revision}`, version);
  }

  get versions(): ModelVersion[] {
    return [...this.#versions.values()];
  }

  /** All versions of a span, sorted by instant, then revision. */
  versionsIn(from: number, to: number): ModelVersion[] {
    return this.versions.filter(({ t }) => t >= from && t < to).sort((a, b) => a.t - b.t || a.revision - b.revision);
  }

  points(from: number, to: number, asOf: number): ModelPoint[] {
    const newest = new Map<number, ModelVersion>();
    for (const version of this.versions) {
      if (version.t < from || version.t >= to || version.revision > asOf) continue;
      const known = newest.get(version.t);
      if (!known || known.revision < version.revision) newest.set(version.t, version);
    }
    return [...newest.values()]
      .filter((version): version is ModelPoint => version.value !== null)
      .sort((a, b) => a.t - b.t);
  }

  history(t: number, count: number, asOf: number): ModelVersion[] {
    return this.versions
      .filter((version) => version.t === t && version.revision <= asOf)
      .sort((a, b) => b.revision - a.revision)
      .slice(0, count);
  }

  /** The last revision up to `asOf` that changed the points, or that created the series. */
  changedRevision(asOf: number): number {
    return this.versions.reduce(
      (last, { revision }) => (revision <= asOf ? Math.max(last, revision) : last),
      this.createdRevision,
    );
  }

  /** Instants that differ between two revisions, and those that hold the same point at both. */
  diff(from: number, to: number, older: number, newer: number): { differing: number[]; same: number[] } {
    const before = new Map(this.points(from, to, older).map((point) => [point.t, point]));
    const after = new Map(this.points(from, to, newer).map((point) => [point.t, point]));
    const differing: number[] = [];
    const same: number[] = [];
    for (const t of [...new Set([...before.keys(), ...after.keys()])].sort((a, b) => a - b)) {
      const a = before.get(t);
      const b = after.get(t);
      const equal = a && b && Object.is(a.value, b.value) && Object.is(a.size, b.size);
      (equal ? same : differing).push(t);
    }
    return { differing, same };
  }

  samples(request: {
    from: number;
    to: number;
    asOf: number;
    method: ModelMethod;
    maxPoints?: number | undefined;
    bucket?: number | undefined;
    /** The grid that thinning to so many buckets takes. */
    gridFor: (from: number, to: number, bucketsMax: number) => ModelGrid;
  }): ModelSamples {
    const { from, to, asOf, method, maxPoints, bucket } = request;
    const points = this.points(from, to, asOf);
    const plain = (some: ModelPoint[], thinned: boolean): ModelSamples => ({
      t: some.map(({ t }) => t),
      value: some.map(({ value }) => value),
      size: some.map(({ size }) => size),
      thinned,
    });
    if (bucket !== undefined) return bucketed(points, epochGrid(bucket), method);
    if (maxPoints === undefined || points.length <= maxPoints) return plain(points, false);
    if (maxPoints === 1) return plain(points.slice(-1), true);
    const first = points[0];
    const last = points[points.length - 1];
    if (method !== 'MINMAX') return bucketed(points, request.gridFor(first.t, last.t + 1, maxPoints), method);
    const ends = maxPoints >= 4 ? 2 : 0;
    const grid = request.gridFor(first.t, last.t + 1, Math.floor((maxPoints - ends) / 2));
    const inner = bucketed(points, grid, method);
    if (ends === 0) return inner;
    const all = new Map(inner.t.map((t, i) => [t, inner.value[i]]));
    all.set(first.t, first.value);
    all.set(last.t, last.value);
    const t = [...all.keys()].sort((a, b) => a - b);
    return { t, value: t.map((at) => all.get(at) ?? Number.NaN), size: t.map(() => null), thinned: true };
  }

  /** `grid` of whole candles. */
  candles(request: {
    from: number;
    to: number;
    asOf: number;
    grid: ModelGrid;
    last?: number | undefined;
  }): ModelCandle[] {
    const { from, to, asOf, grid, last } = request;
    const all = this.points(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, asOf);
    const candles: ModelCandle[] = [];
    for (const [index, points] of groups(all, grid)) {
      if (grid.startOf(index) >= to || grid.startOf(index + 1) <= from) continue;
      const values = points.map(({ value }) => value);
      const sizes = points.map(({ size }) => size).filter((size) => size !== null);
      candles.push({
        t: grid.startOf(index),
        open: values[0],
        high: extreme(points, 1).value,
        low: extreme(points, -1).value,
        close: values[values.length - 1],
        volume: sizes.length === 0 ? undefined : exactSum(sizes),
        count: points.length,
        final: all[all.length - 1].t >= grid.startOf(index + 1),
      });
    }
    return last === undefined ? candles : last === 0 ? [] : candles.slice(-last);
  }
}

export class Model {
  /** Living series by key. */
  readonly series = new Map<string, ModelSeries>();

  /** What a call would be answered: ticks of unknown series, or without an instant, are rejected. */
  judge(ticks: readonly ModelTick[], createMissing: boolean): ModelAnswer {
    const rejected: number[] = [];
    const held = new Set<string>();
    let good = 0;
    ticks.forEach((tick, i) => {
      if (Number.isNaN(tick.t) || (!createMissing && !this.series.has(tick.series))) {
        rejected.push(i);
        return;
      }
      good++;
      held.add(JSON.stringify([tick.series, tick.t]));
    });
    return { accepted: held.size, duplicates: good - held.size, rejected };
  }

  ingest(ticks: readonly ModelTick[], revision: number, createMissing: boolean): void {
    for (const { series: key, t, value, size } of ticks) {
      if (Number.isNaN(t)) continue;
      if (createMissing) this.create(key, revision);
      this.series.get(key)?.say({ t, revision, value, size });
    }
  }

  create(key: string, revision: number): void {
    if (!this.series.has(key)) this.series.set(key, new ModelSeries(revision));
  }

  remove(key: string): void {
    this.series.delete(key);
  }

  /** How many points it took away. */
  deleteRange(key: string, from: number, to: number, revision: number): number {
    return this.#deleteWhere(key, (t) => t >= from && t < to, revision);
  }

  deleteAt(key: string, at: readonly number[], revision: number): number {
    return this.#deleteWhere(key, (t) => at.includes(t), revision);
  }

  #deleteWhere(key: string, where: (t: number) => boolean, revision: number): number {
    const series = this.series.get(key);
    const gone = series?.points(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, revision - 1) ?? [];
    const some = gone.filter(({ t }) => where(t));
    for (const { t } of some) series?.say({ t, revision, value: null, size: null });
    return some.length;
  }
}

export function epochGrid(width: number, origin = 0): ModelGrid {
  const floor = (t: bigint, by: bigint) => (t >= 0n ? t / by : -((-t + by - 1n) / by));
  return {
    indexOf: (t) => Number(floor(BigInt(t) - BigInt(origin), BigInt(width))),
    startOf: (index) => Number(BigInt(index) * BigInt(width) + BigInt(origin)),
  };
}

export function exactSum(values: readonly number[]): number {
  return nearest(values.reduce((sum, value) => sum + unitsOf(value), 0n));
}

/** The sum, rounded, by the count; the exact quotient, rounded, where the sum itself is too large for a double. */
export function exactMean(values: readonly number[]): number {
  const sum = values.reduce((units, value) => units + unitsOf(value), 0n);
  const rounded = nearest(sum);
  const mean = Number.isFinite(rounded) ? rounded / values.length : nearest(sum, BigInt(values.length));
  return mean === 0 ? 0 : mean;
}

function groups(points: readonly ModelPoint[], grid: ModelGrid): [number, ModelPoint[]][] {
  const byIndex = new Map<number, ModelPoint[]>();
  for (const point of points) {
    const index = grid.indexOf(point.t);
    const group = byIndex.get(index);
    if (group) group.push(point);
    else byIndex.set(index, [point]);
  }
  return [...byIndex].sort((a, b) => a[0] - b[0]);
}

/** The highest (sign 1) or lowest (-1) point; the earliest of equal ones. */
function extreme(points: readonly ModelPoint[], sign: number): ModelPoint {
  return points.reduce((best, point) => (point.value * sign > best.value * sign ? point : best));
}

function bucketed(points: readonly ModelPoint[], grid: ModelGrid, method: ModelMethod): ModelSamples {
  const t: number[] = [];
  const value: number[] = [];
  for (const [index, some] of groups(points, grid)) {
    if (method === 'MEAN') {
      t.push(grid.startOf(index));
      value.push(exactMean(some.map((point) => point.value)));
    } else {
      const last = some[some.length - 1];
      const wanted = method === 'LAST' ? [last] : [extreme(some, -1), extreme(some, 1)].sort((a, b) => a.t - b.t);
      for (const point of new Set(wanted)) {
        t.push(point.t);
        value.push(point.value);
      }
    }
  }
  return { t, value, size: t.map(() => null), thinned: true };
}
