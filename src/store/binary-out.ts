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

/** Buffers to use again: a new one of this size for every commit costs more in garbage collection than to fill it. */
const spare: Buffer[] = [];
const spareBuffersMax = 8;
const spareBytesMin = 65_536;
const spareBytesMax = 4_000_000;

function takeHeader(length: number, oid: number): Buffer {
  const bytes = headerBytes + length * 12;
  const at = length === 0 ? -1 : spare.findIndex((buffer) => buffer.length >= bytes);
  if (at < 0 && bytes < spareBytesMin) return header(length, oid, 8);
  const whole = at < 0 ? Buffer.allocUnsafeSlow(bytes) : spare.splice(at, 1)[0];
  const buffer = whole.subarray(0, bytes);
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(0, 4);
  buffer.writeInt32BE(oid, 8);
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
  return buffer;
}

/** Gives the buffer of an array back, once the server has answered what it was sent with. */
export function release(buffer: Buffer): void {
  const bytes = buffer.buffer.byteLength;
  if (buffer.byteOffset === 0 && bytes >= spareBytesMin && bytes <= spareBytesMax && spare.length < spareBuffersMax) {
    spare.push(Buffer.from(buffer.buffer));
  }
}

function lengthOf(parts: readonly ArrayLike<number>[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/** Columns one after another, as one float8[]. */
export function float8Array(...parts: readonly ArrayLike<number>[]): Buffer {
  const buffer = takeHeader(lengthOf(parts), float8Oid);
  const view = viewOf(buffer);
  let at = headerBytes;
  for (const values of parts) {
    for (let i = 0; i < values.length; i++, at += 12) {
      view.setInt32(at, 8);
      view.setFloat64(at + 4, values[i]);
    }
  }
  return buffer;
}

/** Columns of safe integers one after another, as one bigint[]. */
export function int8Array(...parts: readonly ArrayLike<number>[]): Buffer {
  const buffer = takeHeader(lengthOf(parts), int8Oid);
  const view = viewOf(buffer);
  let at = headerBytes;
  for (const values of parts) {
    for (let i = 0; i < values.length; i++, at += 12) {
      const value = values[i];
      const high = Math.floor(value / 4294967296);
      view.setInt32(at, 8);
      view.setInt32(at + 4, high);
      view.setUint32(at + 8, value - high * 4294967296);
    }
  }
  return buffer;
}

/** Columns of small integers one after another, as one integer[]. */
export function int4Array(...parts: readonly ArrayLike<number>[]): Buffer {
  const buffer = header(lengthOf(parts), int4Oid, 4);
  const view = viewOf(buffer);
  let at = headerBytes;
  for (const values of parts) {
    for (let i = 0; i < values.length; i++, at += 8) {
      view.setInt32(at, 4);
      view.setInt32(at + 4, values[i]);
    }
  }
  return buffer;
}
