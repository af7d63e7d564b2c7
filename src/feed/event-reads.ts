import { setTimeout as delay } from 'node:timers/promises';
import { isLoss } from '../store/retry.ts';
import type { ChangeSource, Watch } from './change-source.ts';
import { behindMillis, type SubscriptionEvent } from './followed.ts';
import { PreparedEvent, type Render } from './step.ts';
import type { Cohort } from './subscriber.ts';

export interface EventReadsOptions<Change, Message> {
  readonly render: Render<Change, Message>;
  readonly deliver: (cohort: Cohort<Message>, event: PreparedEvent<Change, Message>) => void;
  /** Whether subscribers wait at a cursor. */
  readonly isAwaited: (cursor: number) => boolean;
  /** Whether the series do not all reflect the newest revision. */
  readonly onRead: (isBehind: boolean) => void;
  readonly fail: (error: unknown) => void;
}

/** The event that follows a cursor. */
interface EventRead<Change, Message> {
  readonly cursor: number;
  readonly wakeUp: number;
  /** The cohorts that wait for it; none: it is read ahead. */
  readonly cohorts: Cohort<Message>[];
  /** Set when it was read ahead. */
  event: PreparedEvent<Change, Message> | undefined;
}

/**
 * Reads the events of one shared subscription, each once for all cohorts that wait for it. An event that the reader has at
 * hand is delivered without a promise: one commit may wake thousands of subscriptions.
 */
export class EventReads<Change, Message> {
  readonly #source: ChangeSource<Change>;
  readonly #watch: Watch;
  readonly #options: EventReadsOptions<Change, Message>;
  /** The first events that are being read, by the cursor that the subscriber came with. */
  readonly #beginnings = new Map<number | undefined, Promise<PreparedEvent<Change, Message> | undefined>>();
  readonly #reads = new Map<number, EventRead<Change, Message>>();

  constructor(source: ChangeSource<Change>, watch: Watch, options: EventReadsOptions<Change, Message>) {
    this.#source = source;
    this.#watch = watch;
    this.#options = options;
  }

  prepare(event: SubscriptionEvent<Change>, wakeUp: number): PreparedEvent<Change, Message> {
    return new PreparedEvent(event, wakeUp, this.#options.render);
  }

  /** The first event for a subscriber that came with a cursor. Subscribers that come with the same one share the read. */
  begin(after: number | undefined, wakeUp: number): Promise<PreparedEvent<Change, Message> | undefined> {
    const running = this.#beginnings.get(after);
    if (running) return running;
    const read = async () => {
      const event = await this.#once(() => this.#source.reader.begin(after));
      return event && this.prepare(event, wakeUp);
    };
    const started = read().finally(() => this.#beginnings.delete(after));
    this.#beginnings.set(after, started);
    return started;
  }

  /** A first event for a subscriber that holds nothing any more. */
  async snapshot(reason: string, wakeUp: number): Promise<PreparedEvent<Change, Message> | undefined> {
    const event = await this.#untilRead(() => this.#source.reader.begin(undefined));
    return event && this.prepare({ ...event, reason }, wakeUp);
  }

  /** Delivers the next event to a cohort: what was read ahead, what is being read, or what is read now. */
  advance(cohort: Cohort<Message>, wakeUp: number): void {
    const { cursor } = cohort;
    const read = this.#reads.get(cursor);
    if (!read) this.#read(cursor, wakeUp, cohort);
    else if (read.event) {
      this.#reads.delete(cursor);
      this.#options.deliver(cohort, read.event);
    } else read.cohorts.push(cohort);
  }

  /** Reads the event after a cursor before its cohort asks for it. */
  readAhead(cursor: number, wakeUp: number): void {
    if (!this.#reads.has(cursor)) this.#read(cursor, wakeUp);
  }

  /** Drops an event that was read ahead for subscribers that have left since. */
  drop(cursor: number): void {
    if (this.#reads.get(cursor)?.event) this.#reads.delete(cursor);
  }

  #read(cursor: number, wakeUp: number, cohort?: Cohort<Message>): void {
    const { reader, newest } = this.#source;
    const upTo = newest?.();
    const found = reader.read(cursor, upTo);
    if (!(found instanceof Promise)) {
      const event = this.prepare(found, wakeUp);
      if (cohort) this.#options.deliver(cohort, event);
      else if (this.#options.isAwaited(cursor)) this.#reads.set(cursor, { cursor, wakeUp, cohorts: [], event });
      return;
    }
    const read: EventRead<Change, Message> = { cursor, wakeUp, cohorts: cohort ? [cohort] : [], event: undefined };
    this.#reads.set(cursor, read);
    const done = this.#watch.reading();
    found.then(
      (event) => {
        done();
        this.#finish(read, event);
      },
      (error: unknown) => {
        done();
        if (isLoss(error)) void this.#retry(read, upTo);
        else this.#options.fail(error);
      },
    );
  }

  /** Continues while the store is away: a subscriber that holds a cursor loses nothing by waiting. */
  async #retry(read: EventRead<Change, Message>, upTo: number | undefined): Promise<void> {
    try {
      this.#finish(read, await this.#untilRead(() => this.#source.reader.read(read.cursor, upTo)));
    } catch (error) {
      this.#options.fail(error);
    }
  }

  #finish(read: EventRead<Change, Message>, found: SubscriptionEvent<Change>): void {
    const { cursor, cohorts } = read;
    const { deliver, fail, isAwaited, onRead } = this.#options;
    try {
      onRead(found.isBehind ?? false);
      const event = this.prepare(found, read.wakeUp);
      if (cohorts.length > 0 || !isAwaited(cursor)) this.#reads.delete(cursor);
      else read.event = event;
      for (const cohort of cohorts) deliver(cohort, event);
    } catch (error) {
      fail(error);
    }
  }

  async #untilRead<T>(read: () => T | Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await this.#once(read);
      } catch (error) {
        if (isLoss(error)) await delay(behindMillis, undefined, { ref: false });
        if (!isLoss(error) || this.#watch.ended) throw error;
      }
    }
  }

  async #once<T>(read: () => T | Promise<T>): Promise<T> {
    const done = this.#watch.reading();
    try {
      return await read();
    } finally {
      done();
    }
  }
}
