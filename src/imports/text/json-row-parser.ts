import { textOf } from './parse-number.ts';
import type { RowParser } from './row-parser.ts';

const lf = 10;
const cr = 13;
const quote = 34;
const backslash = 92;
const comma = 44;
const colon = 58;
const open = 123;
const close = 125;

/** The type of a member's value. */
const plain = 0;
const escapedText = 1;
const nothing = 2;

/**
 * Finds the members of one JSON object per line. The cells are the named members; a missing or null member is an empty
 * cell.
 */
export class JsonRowParser implements RowParser {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly cells: number;
  readonly lines = 1;
  readonly openLines = -1;
  badCell = -1;
  problem = '';
  readonly #names: readonly Buffer[];
  readonly #indices: ReadonlyMap<string, number>;
  readonly #kinds: Uint8Array;
  /** Marks the cells that the current row has set: those that hold its number. */
  readonly #met: Uint32Array;
  #row = 0;
  #escapes = false;

  constructor(names: readonly string[]) {
    this.cells = names.length;
    this.starts = new Int32Array(names.length);
    this.ends = new Int32Array(names.length);
    this.#kinds = new Uint8Array(names.length);
    this.#met = new Uint32Array(names.length);
    this.#names = names.map((name) => Buffer.from(name));
    this.#indices = new Map(names.map((name, i) => [name, i]));
  }

  split(bytes: Uint8Array, from: number, to: number, last: boolean): number {
    let end = from;
    while (bytes[end] !== lf && bytes[end] !== cr) end++;
    let next = end + 1;
    if (end >= to) {
      if (!last) return -1;
      next = to;
    } else if (bytes[end] === cr) {
      if (next === to) {
        if (!last) return -1;
      } else if (bytes[next] === lf) next++;
    }
    this.badCell = -1;
    this.#escapes = false;
    this.#row = (this.#row + 1) >>> 0;
    this.starts.fill(from);
    this.ends.fill(from);
    if (!this.#members(bytes, from, end) && this.badCell < 0) this.#bad(bytes, from, end);
    return next;
  }

  unescape(bytes: Uint8Array): void {
    if (!this.#escapes) return;
    for (let cell = 0; cell < this.cells; cell++) {
      if (this.#met[cell] !== this.#row || this.#kinds[cell] !== escapedText) continue;
      const text: string = JSON.parse(`"${textOf(bytes, this.starts[cell], this.ends[cell])}"`);
      // The unescaped text is never longer than the escaped one.
      const made = Buffer.from(text);
      bytes.set(made, this.starts[cell]);
      this.ends[cell] = this.starts[cell] + made.length;
    }
  }

  /** Returns false when the line is not one object. */
  #members(bytes: Uint8Array, from: number, to: number): boolean {
    let at = skip(bytes, from, to);
    if (bytes[at] !== open) return false;
    at = skip(bytes, at + 1, to);
    if (bytes[at] === close && at < to) return skip(bytes, at + 1, to) === to;
    for (let expected = 0; ; expected++) {
      if (at >= to || bytes[at] !== quote) return false;
      const nameEnd = stringEnd(bytes, at + 1, to);
      if (nameEnd < 0) return false;
      const cell = this.#cellNamed(bytes, at + 1, nameEnd, expected);
      if (cell === undefined) return false;
      at = skip(bytes, nameEnd + 1, to);
      if (at >= to || bytes[at] !== colon) return false;
      at = skip(bytes, at + 1, to);
      const end = valueEnd(bytes, at, to);
      if (end < 0 || !this.#take(bytes, cell, at, end)) return false;
      at = skip(bytes, end, to);
      if (at >= to) return false;
      if (bytes[at] === close) return skip(bytes, at + 1, to) === to;
      if (bytes[at] !== comma) return false;
      at = skip(bytes, at + 1, to);
    }
  }

  /** Returns -1 when no column has this name, undefined when it is not a JSON string. */
  #cellNamed(bytes: Uint8Array, from: number, to: number, expected: number): number | undefined {
    // The objects of a file usually have the same members in the same order.
    const name = this.#names[expected];
    if (name !== undefined && same(name, bytes, from, to)) return expected;
    const text = jsonString(bytes, from, to);
    return text === undefined ? undefined : (this.#indices.get(text) ?? -1);
  }

  #take(bytes: Uint8Array, cell: number, from: number, to: number): boolean {
    const string = bytes[from] === quote;
    const escaped = string && hasEscape(bytes, from + 1, to - 1);
    if (escaped || !string) {
      if (escaped ? jsonString(bytes, from + 1, to - 1) === undefined : !isJson(bytes, from, to)) return false;
    }
    if (cell < 0) return true;
    if (this.#met[cell] === this.#row) {
      if (this.badCell < 0) this.#refuse(cell, 'the object has this member twice');
      return true;
    }
    this.#met[cell] = this.#row;
    const isNull = !string && bytes[from] === 110;
    this.#kinds[cell] = isNull ? nothing : escaped ? escapedText : plain;
    if (escaped) this.#escapes = true;
    this.starts[cell] = string ? from + 1 : from;
    this.ends[cell] = isNull ? from : string ? to - 1 : to;
    return true;
  }

  #refuse(cell: number, problem: string): void {
    this.badCell = cell;
    this.problem = problem;
  }

  #bad(bytes: Uint8Array, from: number, to: number): void {
    const text = textOf(bytes, from, to).trimStart();
    const why = /^[[\]"\d-]/.test(text) ? '' : jsonProblem(text);
    this.#refuse(this.cells, `the line is not one JSON object${why}`);
  }
}

function jsonProblem(text: string): string {
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    return /^Unexpected end|^Unterminated/.test(message) ? ': it stops in its middle' : '';
  }
}

function skip(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && (bytes[at] === 32 || bytes[at] === 9)) at++;
  return at;
}

/** The position of the closing quote; -1 when there is none or the string is invalid. */
function stringEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    const code = bytes[at];
    if (code === quote) return at;
    if (code < 32) return -1;
    if (code === backslash) at++;
  }
  return -1;
}

/** The end of the value that starts at `from`, or -1. The caller validates the value. */
function valueEnd(bytes: Uint8Array, from: number, to: number): number {
  if (bytes[from] === quote) {
    const end = stringEnd(bytes, from + 1, to);
    return end < 0 ? -1 : end + 1;
  }
  let depth = 0;
  for (let at = from; at < to; at++) {
    const code = bytes[at];
    if (code === quote) {
      at = stringEnd(bytes, at + 1, to);
      if (at < 0) return -1;
    } else if (code === open || code === 91) depth++;
    else if (code === close || code === 93) {
      if (depth === 0) return at;
      depth--;
    } else if (depth === 0 && (code === comma || code === 32 || code === 9)) return at;
  }
  return -1;
}

/** Validates a value that is not a string. JSON.parse decides about everything but plain numbers. */
function isJson(bytes: Uint8Array, from: number, to: number): boolean {
  if (isPlainNumber(bytes, from, to)) return true;
  try {
    JSON.parse(textOf(bytes, from, to));
    return true;
  } catch {
    return false;
  }
}

function isPlainNumber(bytes: Uint8Array, from: number, to: number): boolean {
  let at = bytes[from] === 45 ? from + 1 : from;
  const first = at;
  while (at < to && bytes[at] >= 48 && bytes[at] <= 57) at++;
  if (at === first || (bytes[first] === 48 && at > first + 1)) return false;
  if (at === to) return true;
  if (bytes[at] !== 46) return false;
  const fraction = ++at;
  while (at < to && bytes[at] >= 48 && bytes[at] <= 57) at++;
  return at === to && at > fraction;
}

function hasEscape(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] === backslash) return true;
  return false;
}

function jsonString(bytes: Uint8Array, from: number, to: number): string | undefined {
  const text = textOf(bytes, from, to);
  if (!hasEscape(bytes, from, to)) return text;
  try {
    return JSON.parse(`"${text}"`);
  } catch {
    return undefined;
  }
}

function same(name: Buffer, bytes: Uint8Array, from: number, to: number): boolean {
  if (name.length !== to - from) return false;
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[from + i]) return false;
  return true;
}
