import { isUtf8 } from 'node:buffer';

/** No row is longer. */
export const rowBytesMax = 1_048_576;
const lf = 10;

/** The part of a text that lies in memory: read on, it always holds a whole row, or more than a row may be long. */
export class ReadBuffer {
  /** One more than it holds, for the line feed behind the last one. */
  readonly bytes: Buffer;
  /** Where the bytes that are not used yet begin and end. */
  at = 0;
  end = 0;
  /** The text ends at `end`. */
  done = false;
  /** Where the first byte lies that is no UTF-8; infinite: not in sight. */
  badAt = Number.POSITIVE_INFINITY;
  /** Of the text, the place of the first byte in memory. */
  #first: number;
  #checked = 0;
  #rest: Buffer | undefined;
  readonly #chunks: AsyncIterator<Buffer>;

  /** `capacity`: more than the longest row. */
  constructor(chunks: AsyncIterable<Buffer>, first: number, capacity = 2 * rowBytesMax) {
    this.bytes = Buffer.allocUnsafeSlow(capacity + 1);
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#first = first;
  }

  /** The place of `at` in the text. */
  get place(): number {
    return this.#first + this.at;
  }

  /** Reads until there is no more room, or no more text. */
  async fill(): Promise<void> {
    this.#makeRoom();
    const capacity = this.bytes.length - 1;
    while (this.end < capacity) {
      if (this.#rest === undefined) {
        const { value, done } = await this.#chunks.next();
        if (done === true) {
          this.done = true;
          break;
        }
        this.#rest = value;
      }
      const taken = Math.min(this.#rest.length, capacity - this.end);
      this.#rest.copy(this.bytes, this.end, 0, taken);
      this.end += taken;
      this.#rest = taken < this.#rest.length ? this.#rest.subarray(taken) : undefined;
    }
    this.bytes[this.end] = lf;
    this.#check();
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  #makeRoom(): void {
    const { at } = this;
    if (at === 0) return;
    this.bytes.copyWithin(0, at, this.end);
    this.#first += at;
    this.end -= at;
    this.#checked -= at;
    this.badAt -= at;
    this.at = 0;
  }

  #check(): void {
    if (this.badAt !== Number.POSITIVE_INFINITY) return;
    const from = this.#checked;
    const to = this.done ? this.end : this.end - unfinished(this.bytes, from, this.end);
    this.#checked = to;
    if (!isUtf8(this.bytes.subarray(from, to))) this.badAt = firstBad(this.bytes, from, to);
  }
}

/** How many bytes a character takes that begins with this one; 1 for those that begin none. */
function charBytes(lead: number): number {
  return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
}

/** How many of the last bytes are the beginning of a character that goes on behind them. */
export function unfinished(bytes: Buffer, from: number, to: number): number {
  for (let back = 1; back <= Math.min(3, to - from); back++) {
    const needed = charBytes(bytes[to - back]);
    if (needed > 1) return needed > back ? back : 0;
    if (bytes[to - back] < 0x80) return 0;
  }
  return 0;
}

function firstBad(bytes: Buffer, from: number, to: number): number {
  let at = from;
  while (at < to) {
    const next = Math.min(to, at + charBytes(bytes[at]));
    if (bytes[at] >= 0x80 && !isUtf8(bytes.subarray(at, next))) return at;
    at = next;
  }
  return to;
}
