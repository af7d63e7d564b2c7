import type { Column } from '../store/block-columns.ts';

/** Gaps longer than this may cut a block in two, so that a late tick and a live one do not make a block of years. */
const gapMicros = 30 * 86_400_000_000;

/** The limit of gaps at which one write cuts the blocks of a series. */
const gapsMax = 16;

function isAscending(t: Float64Array): boolean {
  for (let i = 1; i < t.length; i++) if (t[i] <= t[i - 1]) return false;
  return true;
}

/** Sorts a column by instant. Of several values for one instant, the last one given wins. */
export function sortColumn(column: Column): { column: Column; duplicates: number } {
  const { t, value, size } = column;
  if (isAscending(t)) return { column, duplicates: 0 };
  const order = ascending(t);
  let count = 0;
  for (let i = 0; i < order.length; i++) {
    if (i + 1 === order.length || t[order[i + 1]] !== t[order[i]]) order[count++] = order[i];
  }
  const pick = (from: Float64Array) => {
    const picked = new Float64Array(count);
    for (let i = 0; i < count; i++) picked[i] = from[order[i]];
    return picked;
  };
  return {
    column: { t: pick(t), value: pick(value), size: size && pick(size) },
    duplicates: t.length - count,
  };
}

/**
 * The positions of the instants in ascending order, equal ones in the order given. A merge sort by hand: the built-in
 * sort would need lists of objects, with ten times the memory.
 */
function ascending(t: Float64Array): Uint32Array {
  const { length } = t;
  let order = new Uint32Array(length);
  let merged = new Uint32Array(length);
  for (let i = 0; i < length; i++) order[i] = i;
  for (let width = 1; width < length; width *= 2) {
    for (let start = 0; start < length; start += 2 * width) {
      const middle = Math.min(start + width, length);
      const end = Math.min(middle + width, length);
      let left = start;
      let right = middle;
      for (let at = start; at < end; at++) {
        const isLeft = right === end || (left < middle && t[order[left]] <= t[order[right]]);
        merged[at] = order[isLeft ? left++ : right++];
      }
    }
    [order, merged] = [merged, order];
  }
  return order;
}

/** Concatenates columns, as if they had been given in one call. */
export function joinColumns(columns: readonly Column[]): Column {
  if (columns.length === 1) return columns[0];
  const length = columns.reduce((sum, column) => sum + column.t.length, 0);
  const joined = {
    t: new Float64Array(length),
    value: new Float64Array(length),
    size: columns.some((column) => column.size) ? new Float64Array(length).fill(Number.NaN) : undefined,
  };
  let at = 0;
  for (const column of columns) {
    joined.t.set(column.t, at);
    joined.value.set(column.value, at);
    if (column.size) joined.size?.set(column.size, at);
    at += column.t.length;
  }
  return joined;
}

/** Columns of this length stay blocks of their own where possible: a merge costs more than another row. */
const ownBlockPoints = 1_000;

/**
 * Merges sorted columns of one series and revision into few columns that share no instant. For equal instants the later
 * column wins.
 */
export function mergeColumns(columns: readonly Column[]): readonly Column[] {
  if (columns.length === 1) return columns;
  const inTime = [...columns].sort((a, b) => a.t[0] - b.t[0]);
  const apart = inTime.every(
    ({ t }, i) => t.length >= ownBlockPoints && (i === 0 || inTime[i - 1].t[inTime[i - 1].t.length - 1] < t[0]),
  );
  return apart ? inTime : [sortColumn(joinColumns(columns)).column];
}

/** Cuts a sorted column at its longest gaps. */
export function cutAtGaps(column: Column): Column[] {
  const { t } = column;
  if (t.length < 2 || t[t.length - 1] - t[0] <= gapMicros) return [column];
  const gaps: number[] = [];
  for (let i = 1; i < t.length; i++) if (t[i] - t[i - 1] > gapMicros) gaps.push(i);
  const longest = gaps.sort((a, b) => t[b] - t[b - 1] - (t[a] - t[a - 1])).slice(0, gapsMax);
  const bounds = [...longest.sort((a, b) => a - b), t.length];
  const pieces: Column[] = [];
  let start = 0;
  for (const end of bounds) {
    pieces.push({
      t: t.subarray(start, end),
      value: column.value.subarray(start, end),
      size: column.size?.subarray(start, end),
    });
    start = end;
  }
  return pieces;
}
