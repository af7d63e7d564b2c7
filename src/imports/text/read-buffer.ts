import { isUtf8 } from 'node:buffer';

/** The longest row that is accepted. */
export const rowBytesMax = 1_048_576;
const lf = 10;

/** A sliding buffer over a text. After `fill` it holds a complete row, or more bytes than a row may have. */
export class ReadBuffer {
  /** One byte larger than the capacity, for a line feed behind the last byte. */
  readonly bytes: Buffer;
  /** The start and the end of the unread bytes. */
  at = 0;
  end = 0;
  /** True when the text ends at `end`. */
  done = false;
  /** The position of the first invalid UTF-8 byte; infinite when none was found. */
  badAt = Number.POSITIVE_INFINITY;
  /** The position in the text of the first byte in memory. */
  #first: number;
  #checked = 0;
  #rest: Buffer | undefined;
  readonly #chunks: AsyncIterator<Buffer>;

  /** `capacity` must exceed the longest row. */
  constructor(chunks: AsyncIterable<Buffer>, first: number, capacity = 2 * rowBytesMax) {
    this.bytes = Buffer.allocUnsafeSlow(capacity + 1);
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#first = first;
  }

  /** The position of `at` in the text. */
  get place(): number {
    return this.#first + this.at;
  }

  /** Reads until the buffer is full or the text ends. */
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

/** The length of the UTF-8 character that starts with this byte; 1 for an invalid first byte. */
function charBytes(lead: number): number {
  return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
}

/** The number of trailing bytes that are the start of an incomplete character. */
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
