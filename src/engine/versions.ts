/**
 * Every version of the instants of one series: parallel columns sorted by (t, revision), with at most one version per
 * pair. NaN as a value marks a deletion; NaN as a size means no size.
 */
export interface Versions {
  readonly t: Float64Array;
  readonly revision: Float64Array;
  readonly value: Float64Array;
  readonly size: Float64Array | undefined;
}

/** The points of a series at one revision: ascending instants, with a value and the revision that wrote it. */
export type Points = Versions;

export const noVersions: Versions = {
  t: new Float64Array(0),
  revision: new Float64Array(0),
  value: new Float64Array(0),
  size: undefined,
};

export function sliceVersions(versions: Versions, from: number, to: number): Versions {
  if (from === 0 && to === versions.t.length) return versions;
  return {
    t: versions.t.subarray(from, to),
    revision: versions.revision.subarray(from, to),
    value: versions.value.subarray(from, to),
    size: versions.size?.subarray(from, to),
  };
}

/** The index of the first instant at or after `t`. */
export function lowerBound(instants: Float64Array, t: number): number {
  let low = 0;
  let high = instants.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (instants[middle] < t) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The versions with instants in [from, to). */
export function clipVersions(versions: Versions, from: number, to: number): Versions {
  return sliceVersions(versions, lowerBound(versions.t, from), lowerBound(versions.t, to));
}

function allocate(length: number, sized: boolean): Versions {
  return {
    t: new Float64Array(length),
    revision: new Float64Array(length),
    value: new Float64Array(length),
    size: sized ? new Float64Array(length).fill(Number.NaN) : undefined,
  };
}

/** Adjacent slices of one column become one slice again, without copying. */
function adjoined(parts: readonly Float64Array[], length: number): Float64Array | undefined {
  const [first] = parts;
  let end = first.byteOffset;
  for (const part of parts) {
    if (part.buffer !== first.buffer || part.byteOffset !== end) return undefined;
    end += part.byteLength;
  }
  return new Float64Array(first.buffer, first.byteOffset, length);
}

function adjoinedRuns(runs: readonly Versions[], length: number): Versions | undefined {
  const columns = (of: (run: Versions) => Float64Array | undefined) => {
    const parts = runs.flatMap((run) => of(run) ?? []);
    return parts.length === runs.length ? adjoined(parts, length) : undefined;
  };
  const isSized = runs.some(({ size }) => size !== undefined);
  const t = columns((run) => run.t);
  const revision = columns((run) => run.revision);
  const value = columns((run) => run.value);
  const size = isSized ? columns((run) => run.size) : undefined;
  if (!t || !revision || !value || (isSized && !size)) return undefined;
  return { t, revision, value, size };
}

function concatenate(runs: readonly Versions[]): Versions {
  if (runs.length === 1) return runs[0];
  const length = runs.reduce((sum, run) => sum + run.t.length, 0);
  const there = adjoinedRuns(runs, length);
  if (there) return there;
  const whole = allocate(
    length,
    runs.some((run) => run.size !== undefined),
  );
  let at = 0;
  for (const run of runs) {
    whole.t.set(run.t, at);
    whole.revision.set(run.revision, at);
    whole.value.set(run.value, at);
    if (run.size) whole.size?.set(run.size, at);
    at += run.t.length;
  }
  return whole;
}

/** If one column is this many times longer, it is copied in runs between the points of the other one. */
const fewTimes = 16;

/** Inserts a few versions into many. */
function mergeFew(many: Versions, few: Versions): Versions {
  const whole = allocate(many.t.length + few.t.length, many.size !== undefined || few.size !== undefined);
  let k = 0;
  const copy = (run: Versions, from: number, to: number) => {
    whole.t.set(run.t.subarray(from, to), k);
    whole.revision.set(run.revision.subarray(from, to), k);
    whole.value.set(run.value.subarray(from, to), k);
    if (run.size) whole.size?.set(run.size.subarray(from, to), k);
    k += to - from;
  };
  let i = 0;
  for (let j = 0; j < few.t.length; j++) {
    let next = Math.max(i, lowerBound(many.t, few.t[j]));
    while (many.t[next] === few.t[j] && many.revision[next] <= few.revision[j]) next++;
    copy(many, i, next);
    copy(few, j, j + 1);
    i = next;
  }
  copy(many, i, many.t.length);
  return whole;
}

function mergeTwo(a: Versions, b: Versions): Versions {
  if (a.t.length > b.t.length * fewTimes) return mergeFew(a, b);
  if (b.t.length > a.t.length * fewTimes) return mergeFew(b, a);
  const whole = allocate(a.t.length + b.t.length, a.size !== undefined || b.size !== undefined);
  const { t, revision, value, size } = whole;
  const { t: at, revision: ar, value: av, size: as } = a;
  const { t: bt, revision: br, value: bv, size: bs } = b;
  const ends = at.length;
  let i = 0;
  let j = 0;
  let k = 0;
  while (i < ends && j < bt.length) {
    if (at[i] < bt[j] || (at[i] === bt[j] && ar[i] <= br[j])) {
      t[k] = at[i];
      revision[k] = ar[i];
      value[k] = av[i];
      if (size && as) size[k] = as[i];
      i++;
    } else {
      t[k] = bt[j];
      revision[k] = br[j];
      value[k] = bv[j];
      if (size && bs) size[k] = bs[j];
      j++;
    }
    k++;
  }
  const [left, from] = i < ends ? [a, i] : [b, j];
  t.set(left.t.subarray(from), k);
  revision.set(left.revision.subarray(from), k);
  value.set(left.value.subarray(from), k);
  if (left.size) size?.set(left.size.subarray(from), k);
  return whole;
}

/**
 * Concatenates runs that follow one another in time without comparing their points. The number of resulting chains is
 * the greatest number of runs that overlap anywhere.
 */
function joinSuccessive(runs: readonly Versions[]): Versions[] {
  const chains: { runs: Versions[]; end: number }[] = [];
  for (const run of runs) {
    const end = run.t[run.t.length - 1];
    const chain = chains.find((one) => one.end < run.t[0]);
    if (!chain) chains.push({ runs: [run], end });
    else {
      chain.runs.push(run);
      chain.end = end;
    }
  }
  return chains.map((chain) => concatenate(chain.runs));
}

/** Merges runs that are sorted by (t, revision) into one. */
export function mergeVersions(runs: readonly Versions[]): Versions {
  let rest = joinSuccessive(runs.filter((run) => run.t.length > 0).sort((a, b) => a.t[0] - b.t[0]));
  while (rest.length > 1) {
    const next: Versions[] = [];
    for (let i = 0; i < rest.length; i += 2) {
      next.push(i + 1 < rest.length ? mergeTwo(rest[i], rest[i + 1]) : rest[i]);
    }
    rest = next;
  }
  return rest[0] ?? noVersions;
}

/** The points at a revision: for each instant its newest version up to it, without deletions. */
export function foldVersions(versions: Versions, asOf: number): Points {
  const { t, revision, value, size } = versions;
  const length = t.length;
  if (isFolded(versions, asOf)) return versions;
  const folded = allocate(length, size !== undefined);
  let n = 0;
  for (let i = 0; i < length; i++) {
    if (revision[i] > asOf) continue;
    if (i + 1 < length && t[i + 1] === t[i] && revision[i + 1] <= asOf) continue;
    if (Number.isNaN(value[i])) continue;
    folded.t[n] = t[i];
    folded.revision[n] = revision[i];
    folded.value[n] = value[i];
    if (size && folded.size) folded.size[n] = size[i];
    n++;
  }
  return sliceVersions(folded, 0, n);
}

/** The common case needs no copy: every instant once, none deleted, none too new. */
function isFolded({ t, revision, value }: Versions, asOf: number): boolean {
  for (let i = 0; i < t.length; i++) {
    if (revision[i] > asOf || t[i] === t[i + 1] || Number.isNaN(value[i])) return false;
  }
  return true;
}
