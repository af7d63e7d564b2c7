/** Arrays in PostgreSQL's binary format, for parameters: one dimension, no nulls, lower bound 1. */

const int4Oid = 23;
const int8Oid = 20;
const float8Oid = 701;
const headerBytes = 20;

function header(length: number, oid: number, elementBytes: number): Buffer {
  if (length === 0) {
    const empty = Buffer.alloc(12);
    empty.writeInt32BE(oid, 8);
    return empty;
  }
  const buffer = Buffer.allocUnsafe(headerBytes + length * (4 + elementBytes));
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(0, 4);
  buffer.writeInt32BE(oid, 8);
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
  return buffer;
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

export function float8Array(values: ArrayLike<number>): Buffer {
  const buffer = header(values.length, float8Oid, 8);
  const view = viewOf(buffer);
  for (let i = 0, at = headerBytes; i < values.length; i++, at += 12) {
    view.setInt32(at, 8);
    view.setFloat64(at + 4, values[i]);
  }
  return buffer;
}

/** Safe integers as bigint[]. */
export function int8Array(values: ArrayLike<number>): Buffer {
  const buffer = header(values.length, int8Oid, 8);
  const view = viewOf(buffer);
  for (let i = 0, at = headerBytes; i < values.length; i++, at += 12) {
    const value = values[i];
    const high = Math.floor(value / 4294967296);
    view.setInt32(at, 8);
    view.setInt32(at + 4, high);
    view.setUint32(at + 8, value - high * 4294967296);
  }
  return buffer;
}

export function int4Array(values: ArrayLike<number>): Buffer {
  const buffer = header(values.length, int4Oid, 4);
  const view = viewOf(buffer);
  for (let i = 0, at = headerBytes; i < values.length; i++, at += 8) {
    view.setInt32(at, 4);
    view.setInt32(at + 4, values[i]);
  }
  return buffer;
}
