import { takeBuffer } from './buffer-pool.ts';

/** Arrays in PostgreSQL's binary format, for parameters: one dimension, lower bound 1. */

const int4Oid = 23;
const int8Oid = 20;
const float8Oid = 701;
const byteaOid = 17;
const headerBytes = 20;

function header(length: number, oid: number, elementsBytes: number, hasNulls = false): Buffer {
  if (length === 0) {
    const empty = Buffer.alloc(12);
    empty.writeInt32BE(oid, 8);
    return empty;
  }
  const buffer = takeBuffer(headerBytes + length * 4 + elementsBytes);
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(hasNulls ? 1 : 0, 4);
  buffer.writeInt32BE(oid, 8);
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
  return buffer;
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

/** A float8[]. */
export function float8Array(values: readonly number[]): Buffer {
  const buffer = header(values.length, float8Oid, values.length * 8);
  const view = viewOf(buffer);
  for (let i = 0, at = headerBytes; i < values.length; i++, at += 12) {
    view.setInt32(at, 8);
    view.setFloat64(at + 4, values[i]);
  }
  return buffer;
}

/** A bigint[] of safe integers. */
export function int8Array(values: readonly number[]): Buffer {
  const buffer = header(values.length, int8Oid, values.length * 8);
  const view = viewOf(buffer);
  for (let i = 0, at = headerBytes; i < values.length; i++, at += 12) {
    const high = Math.floor(values[i] / 4294967296);
    view.setInt32(at, 8);
    view.setInt32(at + 4, high);
    view.setUint32(at + 8, values[i] - high * 4294967296);
  }
  return buffer;
}

/** An integer[]. */
export function int4Array(values: readonly number[]): Buffer {
  const buffer = header(values.length, int4Oid, values.length * 4);
  const view = viewOf(buffer);
  for (let i = 0, at = headerBytes; i < values.length; i++, at += 8) {
    view.setInt32(at, 4);
    view.setInt32(at + 4, values[i]);
  }
  return buffer;
}

/** A bytea[] of elements with the given lengths; undefined stands for null. The caller writes each element. */
export function byteaArray(
  lengths: readonly (number | undefined)[],
  put: (to: Buffer, at: number, i: number) => void,
): Buffer {
  const bytes = lengths.reduce<number>((sum, length) => sum + (length ?? 0), 0);
  const buffer = header(lengths.length, byteaOid, bytes, lengths.includes(undefined));
  let at = headerBytes;
  lengths.forEach((length, i) => {
    buffer.writeInt32BE(length ?? -1, at);
    at += 4;
    if (length === undefined) return;
    put(buffer, at, i);
    at += length;
  });
  return buffer;
}
