import { to as copyTo } from 'pg-copy-streams';
import { type Database, withClient } from './connect.ts';
import { patiently } from './patience.ts';

const copyHeaderBytes = 19;

/** A cursor over the rows of a binary COPY: `next()` steps to a row, then its fields are read in order. */
export class BinaryRows {
  readonly #buffer: Buffer;
  readonly #view: DataView;
  #at: number;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    this.#at = copyHeaderBytes;
    if (buffer.length >= copyHeaderBytes) this.#at += this.#view.getInt32(15);
  }

  next(): boolean {
    if (this.#at + 2 > this.#buffer.length) return false;
    const fields = this.#view.getInt16(this.#at);
    this.#at += 2;
    return fields >= 0;
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

  int8s(plus = 0): Float64Array | undefined {
    const array = this.#array(8);
    if (!array) return undefined;
    const values = new Float64Array(array.length);
    for (let i = 0, at = array.at; i < array.length; i++, at += 12) {
      values[i] = this.#view.getInt32(at) * 4294967296 + this.#view.getUint32(at + 4) + plus;
    }
    return values;
  }

  int4s(plus = 0): Float64Array | undefined {
    const array = this.#array(4);
    if (!array) return undefined;
    const values = new Float64Array(array.length);
    for (let i = 0, at = array.at; i < array.length; i++, at += 8) values[i] = this.#view.getInt32(at) + plus;
    return values;
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
      return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    });
  return new BinaryRows(await patiently(read, database.patienceMillis));
}
