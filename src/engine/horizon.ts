import type { Memory } from './operator.ts';

export const never = Number.POSITIVE_INFINITY;
export const always = Number.NEGATIVE_INFINITY;

/**
 * From which instant on something no longer depends on what lay before an instant of its input. Two questions have this
 * one answer: from where on is a run certain that began in the middle, and from where on is a changed past forgotten.
 */
export class Horizon {
  readonly #memory: Memory;
  #seen = 0;
  #asked = Number.NaN;
  #instant = never;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  get instant(): number {
    return this.#instant;
  }

  /** Said of something that remembers forever, when it was found to be as if nothing had been. */
  set(instant: number): void {
    this.#asked = instant;
    this.#instant = instant;
  }

  /** Another answer is wanted: of the rows that come. */
  restart(): void {
    this.#asked = Number.NaN;
    this.#seen = 0;
    this.#instant = never;
  }

  /**
   * Goes on through rows, of which those at or after `input` count. Once `input` is known it stays the same, and no row
   * at or after it has been passed before it was known.
   */
  pass(input: number, t: Float64Array, length: number): void {
    if (this.#instant !== never || input === never) return;
    const memory = this.#memory;
    if (input === always) {
      this.#instant = always;
      return;
    }
    if (memory.kind === 'forever') return;
    this.#asked = input;
    if (memory.kind === 'time') {
      this.#instant = input + memory.micros;
      return;
    }
    if (memory.kind === 'rows' && memory.rows === 0) {
      this.#instant = input;
      return;
    }
    const wanted = memory.kind === 'rows' ? memory.rows : 1;
    let at = 0;
    while (at < length && t[at] < this.#asked) at++;
    const missing = wanted - this.#seen;
    if (length - at < missing) {
      this.#seen += length - at;
      return;
    }
    this.#instant = t[at + missing - 1] + (memory.kind === 'asOf' ? memory.micros : 0);
  }
}
