import { randomInt } from 'node:crypto';
import { keyProblem } from '../../engine/key.ts';
import { textOf } from './parse-number.ts';

/** The limit of distinct series in one file: all their keys are kept in memory. */
const keysMax = 100_000;
const full = `these are more than ${keysMax.toLocaleString('en')} series in one file`;

/** The distinct keys of a file, looked up by their bytes. */
export class KeyTable {
  readonly keys: string[] = [];
  /** The bytes of all keys, concatenated; key i ends at #ends[i]. */
  #bytes = new Uint8Array(1 << 14);
  #ends = new Int32Array(1 << 10);
  /** For each key, the key that followed it last time: files often repeat the same order of series. */
  #followers = new Int32Array(1 << 10);
  /** The key of the last row. */
  last = 0;
  /** The hash table with open addressing: each slot holds the index of a key plus 1, or 0. */
  #slots = new Int32Array(1 << 11);

  constructor(keys: readonly string[]) {
    for (const key of keys) {
      const bytes = Buffer.from(key);
      this.#add(bytes, 0, bytes.length, key);
    }
  }

  /** The index of the key with these bytes; -1 for a new key, which `add` validates. */
  find(bytes: Uint8Array, from: number, to: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hashOf(bytes, from, to) & mask; ; slot = (slot + 1) & mask) {
      const index = slots[slot] - 1;
      if (index < 0 || this.#is(index, bytes, from, to)) return index;
    }
  }

  /**
   * Compares the bytes with the predicted next key and returns its end. Returns -1 when they differ; `last` stays
   * unchanged then.
   */
  expected(bytes: Uint8Array, from: number): number {
    const guess = this.#followers[this.last];
    if (guess >= this.keys.length) return -1;
    const known = this.#bytes;
    const end = this.#ends[guess];
    let at = from;
    for (let i = guess === 0 ? 0 : this.#ends[guess - 1]; i < end; i++) if (known[i] !== bytes[at++]) return -1;
    this.last = guess;
    return at;
  }

  /** Makes the key at this position the last one. Returns false when the key is unknown. */
  expect(bytes: Uint8Array, from: number, to: number): boolean {
    const index = this.find(bytes, from, to);
    if (index < 0) return false;
    this.#followers[this.last] = index;
    this.last = index;
    return true;
  }

  /** The index of a new key, or the reason why it is invalid. */
  add(bytes: Uint8Array, from: number, to: number): number | string {
    if (this.keys.length >= keysMax) return full;
    // A text with more bytes than any valid key can have is refused before it is decoded.
    const text = textOf(bytes, from, Math.min(to, from + 1_000));
    const problem = keyProblem(text);
    if (problem !== undefined) return problem;
    return this.#add(bytes, from, to, text);
  }

  #add(bytes: Uint8Array, from: number, to: number, key: string): number {
    const index = this.keys.length;
    this.keys.push(key);
    const start = index === 0 ? 0 : this.#ends[index - 1];
    const end = start + to - from;
    while (end > this.#bytes.length) this.#bytes = doubled(this.#bytes);
    if (index === this.#ends.length) {
      this.#ends = doubled(this.#ends);
      this.#followers = doubled(this.#followers);
    }
    this.#bytes.set(bytes.subarray(from, to), start);
    this.#ends[index] = end;
    if (this.keys.length * 2 > this.#slots.length) {
      this.#slots = new Int32Array(this.#slots.length * 2);
      for (let known = 0; known < index; known++) this.#place(known);
    }
    this.#place(index);
    return index;
  }

  #place(index: number): void {
    const mask = this.#slots.length - 1;
    const start = index === 0 ? 0 : this.#ends[index - 1];
    let slot = hashOf(this.#bytes, start, this.#ends[index]) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = index + 1;
  }

  #is(index: number, bytes: Uint8Array, from: number, to: number): boolean {
    const known = this.#bytes;
    const start = index === 0 ? 0 : this.#ends[index - 1];
    if (this.#ends[index] - start !== to - from) return false;
    for (let i = 0; i < to - from; i++) if (known[start + i] !== bytes[from + i]) return false;
    return true;
  }
}

function doubled<A extends Uint8Array | Int32Array>(array: A): A {
  const larger = new (array.constructor as new (length: number) => A)(array.length * 2);
  larger.set(array);
  return larger;
}

/** A random seed per process: nobody can construct keys with equal hashes. */
const factor = randomInt(1 << 20, 1 << 30) * 2 + 1;

function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0;
  for (let at = from; at < to; at++) hash = Math.imul(hash, factor) + bytes[at];
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 8;
}
