import type { ChangeSource } from './change-source.ts';
import { SharedSubscription, type SharedSubscriptionOptions } from './flow.ts';
import type { SubscriptionEvent } from './followed.ts';
import { pulled } from './pulled.ts';

export interface SubscriptionOptions<Change>
  extends Pick<SharedSubscriptionOptions<Change, unknown>, 'isQuiet' | 'silenceMillis' | 'lateMillis'> {
  /** Whether an event is the last one. */
  readonly isLast?: (event: SubscriptionEvent<Change>) => boolean;
}

/** A subscription to a source from a cursor on: for one client, as an iterator, or for one of many that share it. */
export class Subscription<Change> implements AsyncIterable<SubscriptionEvent<Change>> {
  readonly after: number | undefined;
  readonly #source: ChangeSource<Change>;
  readonly #options: SubscriptionOptions<Change>;

  constructor(source: ChangeSource<Change>, after: number | undefined, options: SubscriptionOptions<Change> = {}) {
    this.after = after;
    this.#source = source;
    this.#options = options;
  }

  /** Whether an event is the last one; undefined: the subscription has no last event of its own. */
  get isLast(): ((event: SubscriptionEvent<Change>) => boolean) | undefined {
    return this.#options.isLast;
  }

  /** Subscriptions of one document differ in the rows that they follow. */
  get ids(): readonly number[] {
    return this.#source.ids;
  }

  shared<Message>(options: SharedSubscriptionOptions<Change, Message>): SharedSubscription<Change, Message> {
    const { isLast: _, ...own } = this.#options;
    return new SharedSubscription(this.#source, { ...own, ...options });
  }

  /** A reader that is slow gets several revisions as one event. */
  [Symbol.asyncIterator](): AsyncGenerator<SubscriptionEvent<Change>, void> {
    const { isLast } = this.#options;
    const options = { render: (event: SubscriptionEvent<Change>) => event, onEmpty: () => undefined, isLast };
    return pulled((subscriber) =>
      this.shared({ ...options, lateMillis: Number.POSITIVE_INFINITY }).join(subscriber, this.after),
    );
  }
}
