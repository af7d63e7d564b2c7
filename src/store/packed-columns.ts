import { endianness } from 'node:os';

/**
 * Columns of a block as the store keeps them, in a bytea each: PostgreSQL copies it, where it would send and receive an
 * array number by number.
 *
 * Values and sizes lie one after another as float8send gives them. Instants are steps from the first one, which stands
 * beside them, and revisions are offsets from the lowest: a byte says how many bytes each of them has, then they follow,
 * the highest byte first. If all steps are the same, one is enough. Where a step is no safe integer, the byte is 8 and the
 * instants themselves follow as float8.
 */

const wholeInstants = 8;

const isLittle = endianness() === 'LE';

/** Below this count, numbers are written and read one by one, because a view of the buffer costs more. */
const manyMin = 32;

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function bytesOf(values: Float64Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

export function putFloat8s(to: Buffer, at: number, values: Float64Array): void {
  if (values.length < manyMin || !isLittle) {
    for (let i = 0; i < values.length; i++) to.writeDoubleBE(values[i], at + i * 8);
    return;
  }
  to.set(bytesOf(values), at);
  to.subarray(at, at + values.byteLength).swap64();
}

export function takeFloat8s(from: Buffer, at: number, to: Float64Array): void {
  if (to.length < manyMin || !isLittle) {
    for (let i = 0; i < to.length; i++) to[i] = from.readDoubleBE(at + i * 8);
    return;
  }
  const bytes = bytesOf(to);
  bytes.set(from.subarray(at, at + to.byteLength));
  bytes.swap64();
}

/** The number of bytes of a whole number, 1 to 7. */
function bytesFor(number: number): number {
  let bytes = 1;
  for (let bound = 256; number >= bound; bound *= 256) bytes++;
  return bytes;
}

function putNumber(view: DataView, at: number, bytes: number, number: number): void {
  if (bytes === 1) view.setUint8(at, number);
  else if (bytes === 2) view.setUint16(at, number);
  else if (bytes === 3) {
    view.setUint16(at, number >>> 8);
    view.setUint8(at + 2, number & 255);
  } else {
    const high = Math.floor(number / 4294967296);
    if (bytes > 4) putNumber(view, at, bytes - 4, high);
    view.setUint32(at + bytes - 4, number - high * 4294967296);
  }
}

function takeNumber(view: DataView, at: number, bytes: number): number {
  if (bytes === 1) return view.getUint8(at);
  if (bytes === 2) return view.getUint16(at);
  if (bytes === 3) return view.getUint16(at) * 256 + view.getUint8(at + 2);
  const low = view.getUint32(at + bytes - 4);
  return bytes === 4 ? low : takeNumber(view, at, bytes - 4) * 4294967296 + low;
}

/** The length of a column of numbers, and the bytes per number. */
export interface Width {
  readonly length: number;
  readonly each: number;
}

export function widthOfInstants(t: Float64Array): Width {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 1; i < t.length; i++) {
    const step = t[i] - t[i - 1];
    if (step < least) least = step;
    if (step > most) most = step;
  }
  if (most > Number.MAX_SAFE_INTEGER) return { length: 1 + t.length * 8, each: wholeInstants };
  const each = bytesFor(most);
  return { length: 1 + each * (least < most ? t.length - 1 : 1), each };
}

export function putInstants(to: Buffer, at: number, t: Float64Array, { length, each }: Width): void {
  to[at] = each;
  if (each === wholeInstants) {
    putFloat8s(to, at + 1, t);
    return;
  }
  // A single tick has no step, so no view is needed.
  if (t.length === 1) {
    to.fill(0, at + 1, at + length);
    return;
  }
  const view = viewOf(to);
  const steps = (length - 1) / each;
  for (let i = 0; i < steps; i++) putNumber(view, at + 1 + i * each, each, t[i + 1] - t[i]);
}

export function takeInstants(from: Buffer, at: number, length: number, first: number, to: Float64Array): void {
  const each = from[at];
  if (each === wholeInstants && length === 1 + to.length * 8) {
    takeFloat8s(from, at + 1, to);
    return;
  }
  to[0] = first;
  if (to.length === 1 && length === 1 + each) return;
  const view = viewOf(from);
  if (length === 1 + each) {
    const step = takeNumber(view, at + 1, each);
    for (let i = 1; i < to.length; i++) to[i] = first + i * step;
    return;
  }
  if (length !== 1 + each * (to.length - 1)) {
    throw new Error(`${length} bytes are not the instants of ${to.length} versions`);
  }
  for (let i = 1, t = first; i < to.length; i++) {
    t += takeNumber(view, at + 1 + (i - 1) * each, each);
    to[i] = t;
  }
}

/** The lowest and highest revision, and the encoding of the offsets; there are none when all are equal. */
export function widthOfRevisions(revision: Float64Array): { base: number; max: number; width: Width | undefined } {
  let base = Number.POSITIVE_INFINITY;
  let max = 0;
  for (const one of revision) {
    if (one < base) base = one;
    if (one > max) max = one;
  }
  const each = bytesFor(max - base);
  return { base, max, width: base === max ? undefined : { length: 1 + revision.length * each, each } };
}

export function putRevisions(to: Buffer, at: number, revision: Float64Array, base: number, { each }: Width): void {
  to[at] = each;
  const view = viewOf(to);
  for (let i = 0; i < revision.length; i++) putNumber(view, at + 1 + i * each, each, revision[i] - base);
}

export function takeRevisions(from: Buffer, at: number, length: number, base: number, to: Float64Array): void {
  const each = from[at];
  if (length !== 1 + each * to.length) throw new Error(`${length} bytes are not ${to.length} revisions`);
  const view = viewOf(from);
  for (let i = 0; i < to.length; i++) to[i] = base + takeNumber(view, at + 1 + i * each, each);
}
