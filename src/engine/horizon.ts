import type { Memory } from './operator.ts';

export const never = Number.POSITIVE_INFINITY;
export const always = Number.NEGATIVE_INFINITY;

/**
 * The instant from which a value no longer depends on inputs before a given instant. It answers two questions: from
 * where a run that began in the middle is certain, and from where a changed past has no more effect.
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

  /** For a state with unlimited memory, once it was found equal to the state before the change. */
  set(instant: number): void {
    this.#asked = instant;
    this.#instant = instant;
  }

  /** Starts again for another input instant. It applies to later rows. */
  restart(): void {
    this.#asked = Number.NaN;
    this.#seen = 0;
    this.#instant = never;
  }

  /**
   * Advances over rows; those at or after `input` count. `input` stays the same once known, and no row at or after it
   * may have passed before.
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
