import { setImmediate } from 'node:timers/promises';
import { isLoss } from '../store/retry.ts';
import type { ChangeSource, Watch } from './change-source.ts';
import { EventReads } from './event-reads.ts';
import { behindMillis, noChange, silenceMillis as silenceMillisUsual } from './followed.ts';
import type { PreparedEvent, Render } from './step.ts';
import { type Cohort, cohortOf, type Position, type Subscriber } from './subscriber.ts';

export interface SharedSubscriptionOptions<Change, Message> {
  readonly render: Render<Change, Message>;
  /** Called when the last subscriber has left. */
  readonly onEmpty: () => void;
  /** Whether a message is the last one of its subscription. */
  readonly isLast?: ((message: Message) => boolean) | undefined;
  /** Sends no PROGRESS. */
  readonly isQuiet?: boolean;
  readonly silenceMillis?: number;
  readonly lateMillis?: number;
}

/** After this number of sends, other work of the process gets its turn. */
const togetherMax = 50;

/** A subscriber that could not take more for this time is sent a snapshot. */
const lateMillisUsual = 10_000;

/**
 * One stream of events for all clients that subscribe to the same. The subscribers that hold the same cursor are a cohort:
 * their next event is read once, rendered once and sent to each of them. A subscriber that cannot take more leaves its
 * cohort and costs nothing until it can; then it continues from its own cursor.
 */
export class SharedSubscription<Change, Message> {
  readonly #watch: Watch;
  readonly #reads: EventReads<Change, Message>;
  readonly #options: SharedSubscriptionOptions<Change, Message>;
  readonly #silenceMillis: number;
  readonly #lateMillis: number;
  readonly #positions = new Set<Position<Message>>();
  readonly #cohorts = new Map<number, Cohort<Message>>();
  /** Subscribers that wait for the first revision at which all is exact, with the cursor that they came with. */
  #early = new Map<Position<Message>, number | undefined>();
  /** The number of wake-ups. */
  #wakeUps = 0;
  #isBehind: boolean;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(source: ChangeSource<Change>, options: SharedSubscriptionOptions<Change, Message>) {
    this.#options = options;
    this.#silenceMillis = options.silenceMillis ?? silenceMillisUsual;
    this.#lateMillis = options.lateMillis ?? lateMillisUsual;
    this.#isBehind = source.newest === undefined;
    this.#watch = source.watch(() => this.#wake());
    this.#reads = new EventReads(source, this.#watch, {
      render: options.render,
      deliver: (cohort, event) => this.#deliver(cohort, event),
      isAwaited: (cursor) => this.#cohorts.has(cursor),
      onRead: (isBehind) => this.#setBehind(isBehind),
      fail: (error) => this.#end(error),
    });
    this.#startTimer();
  }

  /** Adds a subscriber that holds a cursor; returns a function by which it leaves. */
  join(subscriber: Subscriber<Message>, after: number | undefined): () => void {
    const position: Position<Message> = {
      subscriber,
      cohort: undefined,
      isNew: true,
      sentAt: performance.now(),
      hasLeft: false,
    };
    this.#positions.add(position);
    this.#watch.subscribers = this.#positions.size;
    const busy = subscriber.ready();
    this.#try(async () => {
      if (busy) await busy;
      if (!position.hasLeft) await this.#begin(position, after);
    });
    return () => this.#leave(position);
  }

  #leave(position: Position<Message>): void {
    position.hasLeft = true;
    position.cohort?.positions.delete(position);
    this.#early.delete(position);
    if (!this.#positions.delete(position)) return;
    this.#watch.subscribers = this.#positions.size;
    if (this.#positions.size === 0) this.#end();
  }

  /** Ends the subscription of one subscriber: it has had all that it will get. */
  #complete(position: Position<Message>, error: unknown): void {
    position.subscriber.end(error);
    this.#leave(position);
  }

  #end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#watch.close();
    for (const position of this.#positions) {
      position.hasLeft = true;
      position.subscriber.end(error);
    }
    this.#positions.clear();
    this.#options.onEmpty();
  }

  /** An error ends the subscription for all of its subscribers: they follow the same. */
  #try(run: () => Promise<void>): void {
    if (!this.#watch.ended) run().catch((error: unknown) => this.#end(error));
  }

  /** Wakes itself now and then: a notice may have been lost. */
  #startTimer(): void {
    clearTimeout(this.#timer);
    const usual = this.#silenceMillis / 3;
    this.#timer = setTimeout(
      () => {
        this.#startTimer();
        this.#wake();
      },
      this.#isBehind ? Math.min(behindMillis, usual) : usual,
    );
  }

  #setBehind(isBehind: boolean): void {
    if (isBehind === this.#isBehind) return;
    this.#isBehind = isBehind;
    if (!this.#ended) this.#startTimer();
  }

  #wake(): void {
    if (this.#watch.ended) {
      this.#end();
      return;
    }
    this.#wakeUps++;
    if (this.#early.size > 0) {
      const early = this.#early;
      this.#early = new Map();
      for (const [position, after] of early) this.#try(() => this.#begin(position, after));
    }
    this.#advanceAll();
  }

  #advanceAll(): void {
    for (const cohort of this.#cohorts.values()) {
      if (cohort.wakeUp === this.#wakeUps || cohort.joining > 0 || this.#watch.ended) continue;
      this.#cohorts.delete(cohort.cursor);
      if (cohort.positions.size > 0) this.#advance(cohort);
      else this.#reads.drop(cohort.cursor);
    }
  }

  /** An error here must not fail the write that caused the event. */
  #advance(cohort: Cohort<Message>): void {
    try {
      this.#reads.advance(cohort, this.#wakeUps);
    } catch (error) {
      this.#end(error);
    }
  }

  /** While the store is away, a new subscriber is refused; those that hold a cursor wait for it. */
  async #begin(position: Position<Message>, after: number | undefined): Promise<void> {
    try {
      const event = await this.#reads.begin(after, this.#wakeUps);
      if (event) this.#deliver(cohortOf(position), event);
      else await this.#waitForFirst(position, after);
    } catch (error) {
      if (!isLoss(error)) throw error;
      if (!position.hasLeft) position.subscriber.end(error);
      this.#leave(position);
    }
  }

  async #waitForFirst(position: Position<Message>, after: number | undefined): Promise<void> {
    if (position.hasLeft) return;
    this.#early.set(position, after);
    if (!this.#isDue(position)) return;
    // Sends the client's own cursor back, or 0.
    const progress = this.#reads.prepare({ ...noChange(after ?? 0), isBehind: true }, this.#wakeUps);
    position.sentAt = performance.now();
    const message = await progress.message();
    // It may have had its first event meanwhile.
    if (position.isNew && !position.hasLeft) position.subscriber.send(message);
  }

  /** True when a subscriber has received nothing for long enough that PROGRESS is due. */
  #isDue({ sentAt }: Position<Message>): boolean {
    return !this.#options.isQuiet && performance.now() - sentAt >= this.#silenceMillis / 2;
  }

  /** Moves a cohort to the cursor of an event, into the cohort that is there already if there is one. */
  #move(cohort: Cohort<Message>, { cursor, wakeUp }: PreparedEvent<Change, Message>): Cohort<Message> {
    const known = this.#cohorts.get(cursor);
    for (const position of cohort.positions) {
      known?.positions.add(position);
      position.cohort = known ?? cohort;
    }
    if (known) {
      known.wakeUp = Math.min(known.wakeUp, wakeUp);
      return known;
    }
    cohort.cursor = cursor;
    cohort.wakeUp = wakeUp;
    this.#cohorts.set(cursor, cohort);
    return cohort;
  }

  /** Sends an event to a cohort. An event without a change is sent only to those that have been sent nothing for long. */
  #deliver(from: Cohort<Message>, event: PreparedEvent<Change, Message>): void {
    if (this.#ended) return;
    const due: Position<Message>[] = [];
    for (const position of from.positions) {
      if (position.hasLeft) from.positions.delete(position);
      else if (!event.isEmpty || position.isNew || this.#isDue(position)) due.push(position);
      else if (event.end) this.#complete(position, event.end);
    }
    const cohort = this.#move(from, event);
    const message = due.length > 0 ? event.message() : undefined;
    if (due.length > togetherMax || message instanceof Promise) this.#try(() => this.#sendInTurns(due, cohort, event));
    else {
      if (message !== undefined) this.#send(due, event, message);
      this.#advanceAll();
    }
  }

  async #sendInTurns(
    positions: readonly Position<Message>[],
    cohort: Cohort<Message>,
    event: PreparedEvent<Change, Message>,
  ): Promise<void> {
    cohort.joining++;
    const message = await event.message();
    for (let i = 0; i < positions.length; i += togetherMax) {
      if (i > 0) await setImmediate();
      this.#readAhead(event);
      this.#send(positions.slice(i, i + togetherMax), event, message);
    }
    cohort.joining--;
    this.#advanceAll();
  }

  /** Reads the event after the one that is being sent. */
  #readAhead({ cursor, wakeUp }: PreparedEvent<Change, Message>): void {
    if (wakeUp !== this.#wakeUps && !this.#watch.ended) this.#reads.readAhead(cursor, this.#wakeUps);
  }

  #send(positions: readonly Position<Message>[], event: PreparedEvent<Change, Message>, message: Message): void {
    const isLast = event.end !== undefined || (this.#options.isLast?.(message) ?? false);
    const now = performance.now();
    for (const position of positions) {
      if (position.hasLeft) continue;
      const { subscriber } = position;
      subscriber.send(message);
      position.isNew = false;
      position.sentAt = now;
      const busy = isLast ? undefined : subscriber.ready();
      if (isLast) this.#complete(position, event.end);
      else if (busy) this.#waitFor(position, event, busy);
    }
  }

  /** Takes a subscriber that cannot take more out of its cohort until it can. */
  #waitFor(position: Position<Message>, event: PreparedEvent<Change, Message>, busy: Promise<void>): void {
    position.cohort?.positions.delete(position);
    position.cohort = undefined;
    const since = performance.now();
    this.#try(async () => {
      await busy;
      if (position.hasLeft) return;
      if (performance.now() - since >= this.#lateMillis) return this.#restart(position);
      this.#move(cohortOf(position), event);
      this.#advanceAll();
    });
  }

  /** Sends a snapshot to a subscriber that was slow: it is less than all that it has missed. */
  async #restart(position: Position<Message>): Promise<void> {
    const reason = 'the client read too slowly to be told of each change';
    const event = await this.#reads.snapshot(reason, this.#wakeUps);
    if (event) this.#deliver(cohortOf(position), event);
    else this.#early.set(position, undefined);
  }
}
