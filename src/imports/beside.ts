/** Work that takes long and fails by itself, one after another: no other job waits for it. What is asked twice is done once. */
export class Beside {
  readonly #max: number;
  readonly #waiting = new Map<string, Promise<void>>();
  #last: Promise<void> = Promise.resolve();

  constructor(max: number) {
    this.#max = max;
  }

  /** Returns false when it is not taken: too much waits. */
  take(id: string, work: () => Promise<void>): boolean {
    if (this.#waiting.has(id)) return true;
    if (this.#waiting.size >= this.#max) return false;
    this.#last = this.#last.then(work).finally(() => this.#waiting.delete(id));
    this.#waiting.set(id, this.#last);
    return true;
  }

  /** Resolves when nothing is under way. */
  async ended(): Promise<void> {
    await this.#last;
  }
}
