import type { Columns } from './columns.ts';
import type { Connection } from './connection.ts';
import { errorFrom, type TidemarkError } from './error.ts';
import { type ChangesVariables, changesDocument } from './operations.ts';
import { type ChangedIndexes, type ReceivedEvent, SeriesCopy, type Update } from './series-copy.ts';
import { completeEvent } from './truncated.ts';

export interface LineRequest {
  readonly series: readonly string[];
  readonly range?: ChangesVariables['range'] | undefined;
  readonly bucket?: string | undefined;
}

/** The copy that a line holds. It can be cloned and stored, and a later line can continue from it. */
export interface LineState {
  readonly wanted: LineRequest;
  readonly cursor: number;
  readonly series: ReadonlyMap<string, Columns>;
}

const steadyMillis = 1_000;

/** The limit of events that wait while points are fetched. Above it, the line subscribes again later. */
const waitingMax = 100;

/** Followed series. Their copy always equals a query with `asOf: cursor`. */
export class Line implements AsyncIterable<Update> {
  /** Resolves when the line has ended: with undefined after `close`, else with the server's error. */
  readonly ended: Promise<TidemarkError | undefined>;
  readonly #link: Connection;
  readonly #wanted: LineRequest;
  readonly #fold: SeriesCopy;
  readonly #listeners = new Set<(update: Update) => void>();
  readonly #readers = new Set<Reader>();
  #isOver = false;
  #error: TidemarkError | undefined;
  #failures = 0;
  /** The time of the subscription's first event. */
  #heardAt: number | undefined;
  #stop: () => void = () => undefined;
  #end!: (error?: TidemarkError) => void;

  constructor(link: Connection, wanted: LineRequest, state?: LineState) {
    this.#link = link;
    this.#wanted = wanted;
    const isOfThis = state && JSON.stringify(state.wanted) === JSON.stringify(wanted);
    this.#fold = isOfThis ? new SeriesCopy(state.cursor, state.series) : new SeriesCopy();
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#keepUp();
  }

  /** The revision of the copy; undefined before the first event. */
  get cursor(): number | undefined {
    return this.#fold.cursor;
  }

  /** Undefined before the first event. */
  get state(): LineState | undefined {
    const { cursor } = this.#fold;
    return cursor === undefined ? undefined : { wanted: this.#wanted, cursor, series: this.#fold.all() };
  }

  get(key: string): Columns | undefined {
    return this.#fold.get(key);
  }

  /** Calls a listener for every later update. Returns a function that removes it. */
  onChange(listener: (update: Update) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Yields the present copy first. While the reader is busy, updates are merged into one. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Update> {
    const held = [...this.#fold.all().keys()];
    const reader = new Reader(
      (changed) => this.#fold.update(changed),
      () => this.#readers.delete(reader),
      held.length > 0 ? new Map(held.map((key) => [key, 0])) : undefined,
    );
    if (this.#isOver) reader.end(this.#error);
    else this.#readers.add(reader);
    return reader;
  }

  close(): void {
    this.#finish(undefined);
  }

  #finish(error: TidemarkError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#stop();
    for (const reader of [...this.#readers]) reader.end(error);
    this.#readers.clear();
    this.#listeners.clear();
    this.#end(error);
  }

  async #keepUp(): Promise<void> {
    while (!this.#isOver) {
      this.#heardAt = undefined;
      const error = await this.#subscribe();
      if (this.#isOver) return;
      if (this.#heardAt !== undefined) {
        // A subscription that ends immediately is not renewed immediately.
        const isSteady = performance.now() - this.#heardAt > steadyMillis;
        const isLost = error === undefined || error.code === 'DISCONNECTED';
        if (isSteady) this.#failures = 0;
        else if (isLost) this.#failures = Math.min(this.#failures, 1);
      }
      if (error?.isForGood) return this.#finish(error);
      await this.#link.pause(this.#failures++);
    }
  }

  /** Resolves when the subscription ends, for any reason. */
  #subscribe(): Promise<TidemarkError | undefined> {
    return new Promise((resolve) => {
      const waiting: ReceivedEvent[] = [];
      let isBusy = false;
      let isFull = false;
      let isOver = false;
      const end = (error?: TidemarkError) => {
        isOver = true;
        resolve(error);
      };
      // A complete event applies at once. Later events wait while the points of a truncated one are fetched.
      const takeAll = async () => {
        isBusy = true;
        for (let event = waiting.shift(); event; event = waiting.shift()) {
          const isWhole = !event.changes.some(({ truncated }) => truncated);
          const whole = isWhole ? event : await completeEvent(this.#link, this.#wanted, event);
          if (isOver || this.#isOver) return;
          this.#take(whole);
        }
        isBusy = false;
        if (isFull) end();
      };
      const stop = this.#link.run(
        changesDocument,
        () => ({ ...this.#wanted, after: this.#fold.cursor }),
        {
          next: ({ changes }) => {
            if (isFull) return;
            waiting.push(changes);
            if (waiting.length > waitingMax) {
              isFull = true;
              stop();
            }
            if (isBusy) return;
            takeAll().catch((cause) => {
              stop();
              // Any other error of the query will reach the subscription when it is renewed.
              const error = errorFrom(cause);
              end(error.code === 'TOO_EXPENSIVE' ? error : undefined);
            });
          },
          end,
        },
        true,
      );
      this.#stop = () => {
        stop();
        end();
      };
    });
  }

  #take(event: ReceivedEvent): void {
    this.#heardAt ??= performance.now();
    const changed = this.#fold.apply(event);
    if (changed.size === 0) return;
    const update = this.#listeners.size > 0 ? this.#fold.update(changed) : undefined;
    for (const reader of this.#readers) reader.add(changed);
    for (const listener of [...this.#listeners]) tell(listener, update!);
  }
}

/** An error in a listener is reported, and the other listeners still run. */
function tell(listener: (update: Update) => void, update: Update): void {
  try {
    listener(update);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Records only which parts changed, so a slow reader costs almost nothing. */
class Reader implements AsyncIterableIterator<Update> {
  readonly #read: (changed: ChangedIndexes) => Update;
  readonly #left: () => void;
  #changed: ChangedIndexes | undefined;
  #over: { error: TidemarkError | undefined } | undefined;
  #wake: () => void = () => undefined;

  constructor(read: (changed: ChangedIndexes) => Update, left: () => void, changed: ChangedIndexes | undefined) {
    this.#read = read;
    this.#left = left;
    this.#changed = changed;
  }

  add(changed: ChangedIndexes): void {
    this.#changed ??= new Map();
    for (const [key, from] of changed) this.#changed.set(key, Math.min(from, this.#changed.get(key) ?? from));
    this.#wake();
  }

  end(error: TidemarkError | undefined): void {
    this.#over ??= { error };
    this.#wake();
  }

  async next(): Promise<IteratorResult<Update>> {
    while (!this.#changed && !this.#over)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const changed = this.#changed;
    this.#changed = undefined;
    if (changed) return { done: false, value: this.#read(changed) };
    if (this.#over?.error) throw this.#over.error;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Update>> {
    this.#changed = undefined;
    this.#left();
    this.end(undefined);
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
