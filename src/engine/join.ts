import type { Rows } from './rows.ts';
import type { Values } from './values.ts';
import { lowerBound } from './versions.ts';

/** An input of a join: the values of a node or leaf, or a constant. */
export type Joined = Values | number;

/** Joins the points of several inputs into rows, chunk by chunk, and remembers the last value of each input. */
export interface Join {
  rows(inputs: readonly Joined[]): Rows;
}

function filled(value: number, length: number): Float64Array {
  return new Float64Array(length).fill(value);
}

/** Joins inputs that all have the same instants. */
function sideBySide(t: Float64Array, inputs: readonly Joined[]): Rows {
  const columns = inputs.map((input) => (typeof input === 'number' ? filled(input, t.length) : input.value));
  return { length: t.length, t, columns, own: undefined };
}

/** Returns the instants of all inputs if they are the same. */
function commonInstants(inputs: readonly Joined[]): Float64Array | undefined {
  let common: Float64Array | undefined;
  for (const input of inputs) {
    if (typeof input === 'number') continue;
    if (common === undefined) common = input.t;
    else if (input.t !== common && !isSame(input.t, common)) return undefined;
  }
  return common;
}

function isSame(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A row at every instant at which any input has a point, with the last known value of each input. */
export class UnionJoin implements Join {
  readonly #last: number[];

  constructor(inputs: number) {
    this.#last = new Array<number>(inputs).fill(Number.NaN);
  }

  rows(inputs: readonly Joined[]): Rows {
    const common = commonInstants(inputs);
    const rows = common ? sideBySide(common, inputs) : this.#merge(inputs);
    if (rows.length > 0) for (let k = 0; k < inputs.length; k++) this.#last[k] = rows.columns[k][rows.length - 1];
    return rows;
  }

  #merge(inputs: readonly Joined[]): Rows {
    const count = inputs.length;
    const lines = inputs.map((input) => (typeof input === 'number' ? undefined : input));
    const most = lines.reduce((sum, line) => sum + (line?.t.length ?? 0), 0);
    const t = new Float64Array(most);
    const own = new Uint32Array(most);
    const columns = inputs.map(() => new Float64Array(most));
    const last = inputs.map((input, k) => (typeof input === 'number' ? input : this.#last[k]));
    const at = new Array<number>(count).fill(0);
    let length = 0;
    for (;;) {
      let next = Number.POSITIVE_INFINITY;
      for (let k = 0; k < count; k++) {
        const line = lines[k];
        if (line && at[k] < line.t.length && line.t[at[k]] < next) next = line.t[at[k]];
      }
      if (next === Number.POSITIVE_INFINITY) break;
      let bits = 0;
      for (let k = 0; k < count; k++) {
        const line = lines[k];
        if (line && at[k] < line.t.length && line.t[at[k]] === next) {
          last[k] = line.value[at[k]++];
          // Nobody asks about constants or about inputs after the 32nd.
          bits |= 1 << k;
        }
        columns[k][length] = last[k];
      }
      t[length] = next;
      own[length] = bits;
      length++;
    }
    return {
      length,
      t: t.subarray(0, length),
      columns: columns.map((column) => column.subarray(0, length)),
      own: own.subarray(0, length),
    };
  }
}

/** A row only at instants at which every input has a point. */
export class SameJoin implements Join {
  rows(inputs: readonly Joined[]): Rows {
    const common = commonInstants(inputs);
    if (common) return sideBySide(common, inputs);
    const lines = inputs.filter((input): input is Values => typeof input !== 'number');
    const shared = lines[0].t.filter((instant) =>
      lines.every(({ t }) => {
        const at = lowerBound(t, instant);
        return at < t.length && t[at] === instant;
      }),
    );
    const picked = inputs.map((input) =>
      typeof input === 'number'
        ? input
        : { t: shared, value: shared.map((instant) => input.value[lowerBound(input.t, instant)]) },
    );
    return sideBySide(shared, picked);
  }
}

/** The rows from an instant on. */
export function rowsFrom(rows: Rows, from: number): Rows {
  const start = lowerBound(rows.t, from);
  if (start === 0) return rows;
  return {
    length: rows.length - start,
    t: rows.t.subarray(start),
    columns: rows.columns.map((column) => column.subarray(start)),
    own: rows.own?.subarray(start),
  };
}
