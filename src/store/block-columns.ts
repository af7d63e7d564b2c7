import { byteaArray, int4Array, int8Array } from './binary-out.ts';
import { giveBuffer } from './buffer-pool.ts';
import { putFloat8s, putInstants, widthOfInstants } from './packed-columns.ts';

/** Points of one series, sorted by instant. NaN as a value is a deletion; NaN as a size means that there is none. */
export interface Column {
  readonly t: Float64Array;
  readonly value: Float64Array;
  readonly size: Float64Array | undefined;
}

/** Blocks as parameters of a statement, one array per column. `releaseBlocks` returns their buffers to the pool. */
export interface BlockColumns {
  readonly from: Buffer;
  readonly to: Buffer;
  readonly versions: Buffer;
  readonly t: Buffer;
  readonly value: Buffer;
  /** null when no block has sizes. */
  readonly size: Buffer | null;
}

/** The columns that `unnest` produces, in the order of `blockParameters`. */
export const blockColumnNames = 'from_t, to_t, versions, t, value, size';

export function packBlocks(columns: readonly Column[]): BlockColumns {
  const widths = columns.map(({ t }) => widthOfInstants(t));
  const sized = columns.some(({ size }) => size !== undefined);
  return {
    from: int8Array(columns.map(({ t }) => t[0])),
    to: int8Array(columns.map(({ t }) => t[t.length - 1])),
    versions: int4Array(columns.map(({ t }) => t.length)),
    t: byteaArray(
      widths.map(({ length }) => length),
      (to, at, i) => putInstants(to, at, columns[i].t, widths[i]),
    ),
    value: byteaArray(
      columns.map(({ value }) => value.byteLength),
      (to, at, i) => putFloat8s(to, at, columns[i].value),
    ),
    size: sized
      ? byteaArray(
          columns.map(({ size }) => size?.byteLength),
          (to, at, i) => putFloat8s(to, at, columns[i].size ?? new Float64Array(0)),
        )
      : null,
  };
}

/** The placeholders of a statement, from $n on, and their values. */
export function blockParameters(n: number): string {
  const types = ['bigint', 'bigint', 'int', 'bytea', 'bytea', 'bytea'];
  return types.map((type, i) => `$${n + i}::${type}[]`).join(', ');
}

export function blockValues({ from, to, versions, t, value, size }: BlockColumns): (Buffer | null)[] {
  return [from, to, versions, t, value, size];
}

export function releaseBlocks({ t, value, size }: BlockColumns): void {
  for (const buffer of [t, value, size]) if (buffer) giveBuffer(buffer);
}
