import { SerialQueue } from './serial-queue.ts';

/** A serial queue of limited length for tasks with ids: a task whose id is in the queue already is not added again. */
export class BoundedQueue {
  readonly #lengthMax: number;
  readonly #ids = new Set<string>();
  readonly #queue = new SerialQueue();

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  /** Returns false if the queue is full. The task must handle its own errors. */
  add(id: string, task: () => Promise<void>): boolean {
    if (this.#ids.has(id)) return true;
    if (this.#ids.size >= this.#lengthMax) return false;
    this.#ids.add(id);
    void this.#queue.run(task).finally(() => this.#ids.delete(id));
    return true;
  }

  /** Resolves when every task that was added before this call has ended. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }
}
