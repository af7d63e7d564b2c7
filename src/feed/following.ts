import { derivedAmong } from '../derive/where.ts';
import type { Feed } from './feed.ts';
import { Flow, type FlowOptions, type Member } from './flow.ts';
import type { FoldedEvent, Followed } from './followed.ts';

export type FollowOptions = Pick<FlowOptions<unknown, unknown>, 'isQuiet' | 'silenceMillis' | 'lateMillis'>;

/** What a subscription follows and from where on: alone, by going through it, or together with others. */
export class Following<Change> implements AsyncIterable<FoldedEvent<Change>> {
  readonly after: number | undefined;
  readonly #feed: Feed;
  readonly #followed: Followed<FoldedEvent<Change>>;
  readonly #options: FollowOptions;

  constructor(
    feed: Feed,
    followed: Followed<FoldedEvent<Change>>,
    after: number | undefined,
    options: FollowOptions = {},
  ) {
    this.after = after;
    this.#feed = feed;
    this.#followed = followed;
    this.#options = options;
  }

  /** A key may name another series by tomorrow; an id never does. */
  get series(): readonly number[] {
    return this.#followed.series.map(({ id }) => id);
  }

  flow<Told>(options: Pick<FlowOptions<Change, Told>, 'render' | 'onEmpty'> & FollowOptions): Flow<Change, Told> {
    const newest = derivedAmong(this.#followed.series).length === 0 ? () => this.#feed.newest : undefined;
    const watch = (onNews: () => void) => this.#feed.watch(new Set(this.series), onNews);
    return new Flow(this.#followed, watch, { newest, ...this.#options, ...options });
  }

  /** One that is slow gets several revisions as one. */
  [Symbol.asyncIterator](): AsyncGenerator<FoldedEvent<Change>, void> {
    const options = { render: (event: FoldedEvent<Change>) => event, onEmpty: () => undefined };
    return pulled((member) => this.flow({ ...options, lateMillis: Number.POSITIVE_INFINITY }).join(member, this.after));
  }
}

/** What a member is sent, one by one, and only when it is asked for. Leaving does not wait for what comes next. */
export function pulled<Told>(join: (member: Member<Told>) => () => void): AsyncGenerator<Told, void> {
  let leave: (() => void) | undefined;
  let held: { readonly told: Told } | undefined;
  let over: { readonly error: unknown } | undefined;
  let isWanted = false;
  let onWanted: () => void = () => undefined;
  let onNews: () => void = () => undefined;
  const member: Member<Told> = {
    ready: () => {
      if (isWanted) return undefined;
      return new Promise<void>((resolve) => {
        onWanted = resolve;
      });
    },
    send: (told) => {
      held = { told };
      isWanted = false;
      onNews();
    },
    end: (error) => {
      over ??= { error };
      onNews();
    },
  };
  const finish = () => {
    held = undefined;
    over = { error: undefined };
    leave?.();
    onWanted();
    onNews();
  };
  const done = { done: true, value: undefined } as const;
  return {
    next: async () => {
      if (!held && !over) {
        isWanted = true;
        onWanted();
        leave ??= join(member);
      }
      while (!held && !over)
        await new Promise<void>((resolve) => {
          onNews = resolve;
        });
      if (held) {
        const { told } = held;
        held = undefined;
        return { done: false, value: told };
      }
      const error = over?.error;
      over = { error: undefined };
      if (error !== undefined) throw error;
      return done;
    },
    return: async () => {
      finish();
      return done;
    },
    throw: async (error: unknown) => {
      finish();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
