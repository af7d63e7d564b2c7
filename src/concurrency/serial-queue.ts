/** Runs tasks one after another, in the order in which they came. A task that fails does not stop those behind it. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves with the result of the task, or rejects with its error. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#last.then(task);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Resolves when every task that was added before this call has ended. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
