import type { Fault } from '../engine/fault.ts';
import type { SubscriptionEvent } from './followed.ts';

/** Makes the message that subscribers are sent of an event. */
export type Render<Change, Message> = (event: SubscriptionEvent<Change>) => Message | Promise<Message>;

/** An event and its message, which is made when the first subscriber is to be sent it. */
export class PreparedEvent<Change, Message> {
  readonly cursor: number;
  readonly isEmpty: boolean;
  /** The number of the wake-up after which it was read: it holds all that was known by then. */
  readonly wakeUp: number;
  /** The error that ends the subscription after it. */
  readonly end: Fault | undefined;
  readonly #event: SubscriptionEvent<Change>;
  readonly #render: Render<Change, Message>;
  #message: Message | Promise<Message> | undefined;

  constructor(event: SubscriptionEvent<Change>, wakeUp: number, render: Render<Change, Message>) {
    this.cursor = event.cursor;
    this.isEmpty = event.changes.length === 0;
    this.wakeUp = wakeUp;
    this.end = event.end;
    this.#event = event;
    this.#render = render;
  }

  message(): Message | Promise<Message> {
    this.#message ??= this.#render(this.#event);
    return this.#message;
  }
}
