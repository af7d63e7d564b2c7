import { to as copyTo } from 'pg-copy-streams';
import { type Database, withClient } from './connect.ts';
import { patiently } from './patience.ts';

const copyHeaderBytes = 19;

/** Memory to receive into again: a new piece of this size for every read costs more in garbage collection than to fill it. */
const spare: Buffer[] = [];
const spareBuffersMax = 6;
const spareBytesMin = 65_536;
const spareBytesMax = 16_000_000;

function takeSpare(bytes: number): Buffer {
  const at = spare.findIndex((buffer) => buffer.length >= bytes);
  return at < 0 ? Buffer.allocUnsafeSlow(Math.ceil(bytes * 1.25)) : spare.splice(at, 1)[0];
}

/**
 * A cursor over the rows of a binary COPY: `next()` steps to a row, then its fields are read in order. Behind the last row
 * nothing can be read any more.
 */
export class BinaryRows {
  readonly #buffer: Buffer;
  readonly #view: DataView;
  readonly #onEnd: (() => void) | undefined;
  #at: number;

  constructor(buffer: Buffer, onEnd?: () => void) {
    this.#buffer = buffer;
    this.#onEnd = onEnd;
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    this.#at = copyHeaderBytes;
    if (buffer.length >= copyHeaderBytes) this.#at += this.#view.getInt32(15);
  }

  next(): boolean {
    const fields = this.#at + 2 > this.#buffer.length ? -1 : this.#view.getInt16(this.#at);
    this.#at += 2;
    if (fields >= 0) return true;
    this.#at = this.#buffer.length;
    this.#onEnd?.();
    return false;
  }

  /** How many elements the arrays of one field hold in all rows that are to come. */
  elementsAhead(field: number): number {
    let sum = 0;
    for (let at = this.#at; at + 2 <= this.#buffer.length; ) {
      const fields = this.#view.getInt16(at);
      if (fields < 0) break;
      at += 2;
      for (let i = 0; i < fields; i++) {
        const length = this.#view.getInt32(at);
        if (i === field && length > 12) sum += this.#view.getInt32(at + 4 + 12);
        at += 4 + Math.max(0, length);
      }
    }
    return sum;
  }

  /** Passes over so many fields. */
  skip(fields: number): void {
    for (let i = 0; i < fields; i++) {
      const length = this.#view.getInt32(this.#at);
      this.#at += 4 + Math.max(0, length);
    }
  }

  int8(): number {
    const at = this.#at + 4;
    this.#at += 12;
    return this.#view.getInt32(at) * 4294967296 + this.#view.getUint32(at + 4);
  }

  int4(): number {
    const value = this.#view.getInt32(this.#at + 4);
    this.#at += 8;
    return value;
  }

  text(): string | undefined {
    const length = this.#view.getInt32(this.#at);
    this.#at += 4;
    if (length < 0) return undefined;
    this.#at += length;
    return this.#buffer.toString('utf8', this.#at - length, this.#at);
  }

  /** The start of the elements, their number, and the position moved behind them; undefined for null. */
  #array(elementBytes: number): { at: number; length: number } | undefined {
    const bytes = this.#view.getInt32(this.#at);
    this.#at += 4;
    if (bytes < 0) return undefined;
    const at = this.#at;
    this.#at += bytes;
    if (this.#view.getInt32(at) === 0) return { at, length: 0 };
    const length = this.#view.getInt32(at + 12);
    if (bytes !== 20 + length * (4 + elementBytes))
      throw new Error('an array of a block holds nulls or has two dimensions');
    return { at: at + 24, length };
  }

  float8s(): Float64Array | undefined {
    const array = this.#array(8);
    if (!array) return undefined;
    const values = new Float64Array(array.length);
    for (let i = 0, at = array.at; i < array.length; i++, at += 12) values[i] = this.#view.getFloat64(at);
    return values;
  }

  isNull(): boolean {
    return this.#view.getInt32(this.#at) < 0;
  }

  /** Arrays can be read into a part of a larger one that is there already. */
  float8sInto(to: Float64Array, start: number): number | undefined {
    const array = this.#array(8);
    if (!array) return undefined;
    const view = this.#view;
    for (let i = 0, at = array.at; i < array.length; i++, at += 12) to[start + i] = view.getFloat64(at);
    return array.length;
  }

  int8sInto(to: Float64Array, start: number, plus = 0): number | undefined {
    const array = this.#array(8);
    if (!array) return undefined;
    const view = this.#view;
    for (let i = 0, at = array.at; i < array.length; i++, at += 12) {
      to[start + i] = view.getInt32(at) * 4294967296 + view.getUint32(at + 4) + plus;
    }
    return array.length;
  }

  int4sInto(to: Float64Array, start: number, plus = 0): number | undefined {
    const array = this.#array(4);
    if (!array) return undefined;
    const view = this.#view;
    for (let i = 0, at = array.at; i < array.length; i++, at += 8) to[start + i] = view.getInt32(at) + plus;
    return array.length;
  }
}

/** How long a read may go without a byte before its connection is given up. */
const silenceMillis = 60_000;

/** Reads one SELECT (numbers written into it: COPY takes no parameters) in PostgreSQL's binary format. */
export async function readBinary(database: Database, select: string): Promise<BinaryRows> {
  const read = () =>
    withClient(database, silenceMillis, async (client, alive) => {
      const chunks: Buffer[] = [];
      for await (const chunk of client.query(copyTo(`COPY (${select}) TO STDOUT (FORMAT binary)`))) {
        alive();
        chunks.push(chunk);
      }
      return chunks;
    });
  const chunks = await patiently(read, database.patienceMillis);
  if (chunks.length === 1) return new BinaryRows(chunks[0]);
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (bytes < spareBytesMin) return new BinaryRows(Buffer.concat(chunks));
  const whole = takeSpare(bytes);
  let at = 0;
  for (const chunk of chunks) {
    chunk.copy(whole, at);
    at += chunk.length;
  }
  return new BinaryRows(whole.subarray(0, bytes), () => {
    if (whole.length <= spareBytesMax && spare.length < spareBuffersMax) spare.push(whole);
  });
}
