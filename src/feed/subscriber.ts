/** The client's end of a subscription. */
export interface Subscriber<Message> {
  /** Undefined: it can take a message now. Otherwise a promise that resolves when it can. */
  ready(): Promise<void> | undefined;
  send(message: Message): void;
  /** Ends the subscription: with an error if it failed, without one when it is complete or the server stops. */
  end(error: unknown): void;
}

/** A subscriber and its position in a shared subscription. */
export interface Position<Message> {
  readonly subscriber: Subscriber<Message>;
  /** Undefined before its first event, and while it cannot take more. */
  cohort: Cohort<Message> | undefined;
  isNew: boolean;
  sentAt: number;
  hasLeft: boolean;
}

/** The subscribers that hold the same cursor and wait for the next event. */
export interface Cohort<Message> {
  cursor: number;
  /** The wake-up that its last event was read after. */
  wakeUp: number;
  readonly positions: Set<Position<Message>>;
  /** While an event is being sent to more subscribers, which join it then, it waits for them. */
  joining: number;
}

/** A cohort of one subscriber, which moves to the cursor of its next event. */
export function cohortOf<Message>(position: Position<Message>): Cohort<Message> {
  return { cursor: 0, wakeUp: 0, positions: new Set([position]), joining: 0 };
}
