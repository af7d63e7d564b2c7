import type { Piece } from '../engine/stage-run.ts';
import { clipValues, type Values } from '../engine/values.ts';
import { lowerBound } from '../engine/versions.ts';
import type { Column } from '../store/block-columns.ts';

/** The differences between the computed and the stored points of a stage: new values, and NaN where a point is deleted. */
export class StageDiff {
  #parts: Column[] = [];
  length = 0;

  /** Adds the differences within a piece. */
  replace({ line, from, to }: Piece, stored: Values): void {
    const before = clipValues(stored, from, to);
    const start = lowerBound(line.t, from);
    const end = lowerBound(line.t, to);
    if (before.t.length === 0) {
      this.#push({ t: line.t.subarray(start, end), value: line.value.subarray(start, end), size: undefined });
      return;
    }
    const most = end - start + before.t.length;
    const t = new Float64Array(most);
    const value = new Float64Array(most);
    let n = 0;
    let j = 0;
    for (let i = start; i < end || j < before.t.length; ) {
      const now = i < end ? line.t[i] : Number.POSITIVE_INFINITY;
      const then = j < before.t.length ? before.t[j] : Number.POSITIVE_INFINITY;
      if (now < then) {
        t[n] = now;
        value[n++] = line.value[i++];
      } else if (then < now) {
        t[n] = then;
        value[n++] = Number.NaN;
        j++;
      } else {
        if (!Object.is(line.value[i], before.value[j])) {
          t[n] = now;
          value[n++] = line.value[i];
        }
        i++;
        j++;
      }
    }
    this.#push({ t: t.subarray(0, n), value: value.subarray(0, n), size: undefined });
  }

  #push(column: Column): void {
    if (column.t.length === 0) return;
    this.#parts.push(column);
    this.length += column.t.length;
  }

  /** Returns all differences as one column and forgets them. */
  take(): Column {
    const parts = this.#parts;
    this.#parts = [];
    const { length } = this;
    this.length = 0;
    if (parts.length === 1) return parts[0];
    const whole = { t: new Float64Array(length), value: new Float64Array(length), size: undefined };
    let at = 0;
    for (const { t, value } of parts) {
      whole.t.set(t, at);
      whole.value.set(value, at);
      at += t.length;
    }
    return whole;
  }
}
