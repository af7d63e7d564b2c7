import { maxMicros } from '../../engine/instant.ts';
import type { ImportPlan } from '../import-plan.ts';
import type { InstantParser } from './instant-parser.ts';
import type { KeyTable } from './key-table.ts';
import { oneByte } from './open-rows.ts';
import { rowBytesMax } from './read-buffer.ts';

const lf = 10;
const cr = 13;
const dot = 46;
const comma = 44;
const minus = 45;
const zulu = 90;

/** How to parse a cell. */
const ignored = 0;
const instant = 1;
const epoch = 2;
const key = 3;
const number = 4;
/** An instant of RFC 3339 in a file whose delimiter cannot occur inside it. */
const fixed = 5;

/** Factors to microseconds. Units whose numbers have more than 15 digits use the general parser. */
const epochFactors = { SECONDS: 1e6, MILLIS: 1e3, MICROS: undefined, NANOS: undefined } as const;
const powers = Float64Array.from({ length: 16 }, (_, i) => 10 ** i);

/**
 * Parses a row in its plainest notation in one scan, without finding cells first. Every other row goes to the general
 * parser, which can also name the error.
 */
export class FastRowParser {
  t = 0;
  series = -1;
  /** The values of the numeric cells; NaN for an empty cell. */
  readonly numbers: Float64Array;
  readonly #kinds: Uint8Array;
  readonly #delimiter: number;
  readonly #quote: number;
  readonly #point: number;
  readonly #factor: number;
  readonly #instants: InstantParser;
  readonly #keys: KeyTable;
  /** 1 for each byte that can end a cell. */
  readonly #special = new Uint8Array(256);
  /** The end position of the last parsed number. */
  #end = 0;

  constructor(plan: ImportPlan, instants: InstantParser, keys: KeyTable) {
    const factor = plan.time.kind === 'epoch' ? epochFactors[plan.time.unit] : undefined;
    this.#delimiter = oneByte(plan.delimiter, 'delimiter');
    this.#quote = plan.quote === '' ? -1 : oneByte(plan.quote, 'quote');
    this.#point = plan.decimalComma ? comma : dot;
    this.#factor = factor ?? 0;
    this.#instants = instants;
    this.#keys = keys;
    this.numbers = new Float64Array(plan.columns.length);
    const rfc3339 = plan.time.kind === 'rfc3339' && ',;|\t'.includes(plan.delimiter);
    this.#kinds = Uint8Array.from(plan.columns, ({ role }) => {
      if (role === 'T') return factor !== undefined ? epoch : rfc3339 ? fixed : instant;
      if (role === 'SERIES') return key;
      return role === 'IGNORE' ? ignored : number;
    });
    for (const code of [this.#delimiter, lf, cr]) this.#special[code] = 1;
    if (this.#quote >= 0) this.#special[this.#quote] = 1;
  }

  /**
   * Returns the start of the next row, or -1 when this row needs the general parser. The byte at `to` must be a line
   * feed.
   */
  read(bytes: Uint8Array, from: number, to: number): number {
    const kinds = this.#kinds;
    const special = this.#special;
    const quote = this.#quote;
    let at = from;
    for (let cell = 0; ; cell++) {
      const quoted = bytes[at] === quote;
      if (quoted) at++;
      const kind = kinds[cell];
      if (kind === number) {
        const value = this.#number(bytes, at);
        // A numeric cell may be empty. Any other text needs the general parser.
        if (Number.isNaN(value) && this.#end !== at) return -1;
        this.numbers[cell] = value;
        at = this.#end;
      } else if (kind === epoch) {
        const value = this.#number(bytes, at);
        const micros = value * this.#factor;
        if (Number.isInteger(value) && micros <= maxMicros && micros >= -maxMicros) {
          this.t = micros + 0;
          at = this.#end;
        } else {
          // A fraction is read digit by digit.
          const begin = at;
          while (special[bytes[at]] === 0) at++;
          this.t = this.#instants.read(bytes, begin, at);
          if (Number.isNaN(this.t)) return -1;
        }
      } else {
        const begin = at;
        if (kind === key) {
          const end = this.#keys.expected(bytes, at);
          if (end >= 0 && special[bytes[end]] === 1) at = end;
          else {
            while (special[bytes[at]] === 0) at++;
            if (!this.#keys.expect(bytes, begin, at)) return -1;
          }
          this.series = this.#keys.last;
        } else {
          // The instant has a fixed width, with seconds or milliseconds and Z. Its parser checks that it is valid.
          if (kind === fixed && bytes[at + 19] === zulu) at += 20;
          else if (kind === fixed && bytes[at + 23] === zulu) at += 24;
          else while (special[bytes[at]] === 0) at++;
          if (kind === instant || kind === fixed) {
            this.t = this.#instants.read(bytes, begin, at);
            if (Number.isNaN(this.t)) return -1;
          }
        }
      }
      if (quoted && bytes[at++] !== quote) return -1;
      const code = bytes[at++];
      if (cell + 1 < kinds.length) {
        if (code === this.#delimiter) continue;
        return -1;
      }
      if (code === cr && bytes[at++] !== lf) return -1;
      if (code !== cr && code !== lf) return -1;
      return at > to || at - from > rowBytesMax ? -1 : at;
    }
  }

  /** Returns NaN unless a number of at most 15 digits starts here. */
  #number(bytes: Uint8Array, from: number): number {
    const point = this.#point;
    const negative = bytes[from] === minus;
    const first = negative ? from + 1 : from;
    let at = first;
    let whole = 0;
    let code = bytes[at];
    while (code >= 48 && code <= 57) {
      whole = whole * 10 + (code - 48);
      code = bytes[++at];
    }
    let digits = at - first;
    if (code === point && point !== this.#delimiter) {
      const behind = ++at;
      code = bytes[at];
      while (code >= 48 && code <= 57) {
        whole = whole * 10 + (code - 48);
        code = bytes[++at];
      }
      digits += at - behind;
      if (digits <= 15) whole /= powers[at - behind];
    }
    this.#end = at;
    if (digits < 1 || digits > 15) return Number.NaN;
    return negative ? -whole : whole;
  }
}
