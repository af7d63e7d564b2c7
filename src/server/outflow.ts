/** No more events are made ready for a client while so many bytes are on their way to it. */
const unflushedMax = 64_000;

/** What is on its way to one client: bytes that the system has not taken. */
export class Outflow {
  #unflushed = 0;
  #movedAt = performance.now();
  #waiting: (() => void)[] = [];

  get isEmpty(): boolean {
    return this.#unflushed === 0;
  }

  /** Returns what is to be called when they were taken, or never will be. */
  add(bytes: number): () => void {
    if (this.#unflushed === 0) this.#movedAt = performance.now();
    this.#unflushed += bytes;
    return () => {
      this.#unflushed -= bytes;
      this.#movedAt = performance.now();
      if (this.#waiting.length === 0 || this.#unflushed >= unflushedMax) return;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const ready of waiting) ready();
    };
  }

  /** Whether more may be sent: undefined, or a promise of when it may. */
  ready(): Promise<void> | undefined {
    if (this.#unflushed < unflushedMax) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** For how long nothing was taken of what is on its way. */
  stuckFor(now: number): number {
    return this.#unflushed > 0 ? now - this.#movedAt : 0;
  }
}
