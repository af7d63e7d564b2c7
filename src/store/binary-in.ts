import { to as copyTo } from 'pg-copy-streams';
import { giveBuffer, takeBuffer } from './buffer-pool.ts';
import { type Database, withClient } from './connect.ts';
import { takeFloat8s, takeInstants, takeRevisions } from './packed-columns.ts';
import { retryOnConnectionLoss } from './retry.ts';

const copyHeaderBytes = 19;

/**
 * A cursor over the rows of a binary COPY. `next()` moves to a row; then its fields are read in order. After the last
 * row nothing can be read.
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

  /** The sum of an int4 field over all remaining rows. */
  sumAhead(field: number): number {
    let sum = 0;
    for (let at = this.#at; at + 2 <= this.#buffer.length; ) {
      const fields = this.#view.getInt16(at);
      if (fields < 0) break;
      at += 2;
      for (let i = 0; i < fields; i++) {
        const length = this.#view.getInt32(at);
        if (i === field && length === 4) sum += this.#view.getInt32(at + 4);
        at += 4 + Math.max(0, length);
      }
    }
    return sum;
  }

  /** Skips this number of fields. */
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

  isNull(): boolean {
    return this.#view.getInt32(this.#at) < 0;
  }

  /** Moves past a field and returns its length. The field ends where the next one begins. */
  #field(): number {
    const bytes = this.#view.getInt32(this.#at);
    this.#at += 4 + Math.max(0, bytes);
    return bytes;
  }

  /** An array of float8; undefined for null. */
  float8s(): Float64Array | undefined {
    const bytes = this.#field();
    if (bytes < 0) return undefined;
    const start = this.#at - bytes;
    const length = this.#view.getInt32(start) === 0 ? 0 : this.#view.getInt32(start + 12);
    if (length > 0 && bytes !== 20 + length * 12) throw new Error('an array holds nulls or has two dimensions');
    const values = new Float64Array(length);
    for (let i = 0, at = start + 24; i < length; i++, at += 12) values[i] = this.#view.getFloat64(at);
    return values;
  }

  /** Unpacks a column of a block into an array; returns false for null. */
  packedFloat8s(to: Float64Array): boolean {
    const bytes = this.#field();
    if (bytes < 0) return false;
    if (bytes !== to.byteLength) throw new Error(`a column of ${bytes} bytes in a block of ${to.length} versions`);
    takeFloat8s(this.#buffer, this.#at - bytes, to);
    return true;
  }

  packedInstants(first: number, to: Float64Array): void {
    const bytes = this.#field();
    takeInstants(this.#buffer, this.#at - bytes, bytes, first, to);
  }

  packedRevisions(base: number, to: Float64Array): void {
    const bytes = this.#field();
    if (bytes < 0) to.fill(base);
    else takeRevisions(this.#buffer, this.#at - bytes, bytes, base, to);
  }
}

/** The time without a byte after which a read gives its connection up. */
const silenceMillis = 60_000;

/** An SQL array of ids. */
export function idArray(ids: readonly number[]): string {
  return `'{${ids.join(',')}}'::int[]`;
}

export function revisionArray(revisions: readonly number[]): string {
  return `'{${revisions.join(',')}}'::bigint[]`;
}

/**
 * Runs one SELECT in PostgreSQL's binary format. Its numbers are part of the text, because COPY takes no parameters.
 */
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
  const chunks = await retryOnConnectionLoss(read, database.patienceMillis);
  if (chunks.length === 1) return new BinaryRows(chunks[0]);
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const whole = takeBuffer(bytes);
  let at = 0;
  for (const chunk of chunks) {
    chunk.copy(whole, at);
    at += chunk.length;
  }
  return new BinaryRows(whole, () => giveBuffer(whole));
}
