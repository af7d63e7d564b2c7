import { derivedAmong } from '../derive/where.ts';
import type { Watch } from './feed.ts';
import { behindMillis, type FoldedEvent, type Followed, silenceMillis as silenceMillisUsual } from './followed.ts';

/** Who receives what a flow gives. */
export interface Member {
  /** Whether it can take more now; else a promise of when it can. */
  ready(): Promise<void> | undefined;
  send(bytes: Buffer): void;
  /** Nothing more comes: the flow failed, or the server ends. */
  end(error: unknown): void;
}

/** An event, made ready for clients when the first one is to have it. */
interface Step {
  readonly cursor: number;
  readonly isEmpty: boolean;
  /** What was known to have happened when it was read. */
  readonly news: number;
  bytes(): Promise<Buffer>;
}

interface Seat {
  readonly member: Member;
  cursor: number;
  sentAt: number;
  left: boolean;
}

export interface FlowOptions {
  /** What clients are sent of an event. */
  readonly render: (event: FoldedEvent<unknown>) => Promise<Buffer>;
  /** Throws when there is nothing left to follow. */
  readonly check: () => Promise<void>;
  /** The newest revision, where it is known and all is exact at it; else it is read. */
  readonly newest?: (() => number) | undefined;
  /** Told when the last member has left. */
  readonly onEmpty: () => void;
  readonly silenceMillis?: number;
  readonly lateMillis?: number;
}

/** A member that could not take more for so long is given everything anew. */
const lateMillisUsual = 10_000;

/**
 * One stream for all who follow the same. Each member stands at a cursor; what brings those who stand at one cursor to
 * the newest revision is read once, made ready once and sent to all of them. A member that cannot take more is left where it
 * stands: it costs nothing until it can, and is then brought on from there.
 */
export class Flow {
  readonly #followed: Followed<FoldedEvent<unknown>>;
  readonly #watch: Watch;
  readonly #options: FlowOptions;
  readonly #silenceMillis: number;
  readonly #lateMillis: number;
  readonly #seats = new Set<Seat>();
  /** Who waits for news, by the cursor that it stands at. */
  readonly #waiting = new Map<number, Set<Seat>>();
  /** Who waits for there to be anything that can be told, with the cursor that it came with. */
  #early = new Map<Seat, number | undefined>();
  readonly #beginnings = new Map<number | undefined, Promise<Step | undefined>>();
  readonly #steps = new Map<number, Promise<Step>>();
  #news = 0;
  #isBehind: boolean;
  #ended = false;

  constructor(followed: Followed<FoldedEvent<unknown>>, watch: Watch, options: FlowOptions) {
    this.#followed = followed;
    this.#watch = watch;
    this.#options = options;
    this.#silenceMillis = options.silenceMillis ?? silenceMillisUsual;
    this.#lateMillis = options.lateMillis ?? lateMillisUsual;
    this.#isBehind = derivedAmong(followed.series).length > 0;
    void this.#listen();
  }

  /** Brings a member from a cursor on; returns how it leaves. */
  join(member: Member, after: number | undefined): () => void {
    const seat: Seat = { member, cursor: -1, sentAt: 0, left: false };
    this.#seats.add(seat);
    this.#watch.followers = this.#seats.size;
    this.#try(() => this.#begin(seat, after));
    return () => this.#leave(seat);
  }

  #leave(seat: Seat): void {
    seat.left = true;
    this.#waiting.get(seat.cursor)?.delete(seat);
    this.#early.delete(seat);
    if (!this.#seats.delete(seat)) return;
    this.#watch.followers = this.#seats.size;
    if (this.#seats.size === 0) this.#end();
  }

  #end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#watch.close();
    for (const seat of this.#seats) {
      seat.left = true;
      seat.member.end(error);
    }
    this.#seats.clear();
    this.#options.onEmpty();
  }

  /** What goes wrong for one goes wrong for all: they follow the same. */
  #try(run: () => Promise<void>): void {
    if (!this.#watch.ended) run().catch((error: unknown) => this.#end(error));
  }

  async #listen(): Promise<void> {
    while (!this.#ended) {
      const patience = this.#silenceMillis / 3;
      await this.#watch.nextOrReached(this.#isBehind ? Math.min(behindMillis, patience) : patience);
      if (this.#watch.ended) return this.#end();
      this.#news++;
      const early = this.#early;
      this.#early = new Map();
      for (const [seat, after] of early) this.#try(() => this.#begin(seat, after));
      for (const [cursor, seats] of this.#waiting) {
        this.#waiting.delete(cursor);
        if (seats.size > 0) this.#try(() => this.#bring(cursor, [...seats]));
      }
    }
  }

  async #begin(seat: Seat, after: number | undefined): Promise<void> {
    const step = await once(this.#beginnings, after, async () => {
      const news = this.#news;
      const event = await this.#watch.read(() => this.#followed.begin(after));
      return event && this.#step(event, news);
    });
    if (step) this.#deliver([seat], step, await step.bytes());
    else if (!seat.left) this.#early.set(seat, after);
  }

  /** Brings who stands at a cursor to the newest revision. */
  async #bring(cursor: number, seats: readonly Seat[]): Promise<void> {
    const step = await this.#stepFrom(cursor);
    // What comes next is read while this is sent.
    if (step.news !== this.#news && !this.#watch.ended) this.#stepFrom(step.cursor).catch(() => undefined);
    const now = performance.now();
    const isDue = ({ sentAt }: Seat) => now - sentAt >= this.#silenceMillis / 2;
    const due = step.isEmpty ? seats.filter(isDue) : seats;
    if (due.length > 0) this.#deliver(due, step, await step.bytes());
    for (const seat of seats) if (!due.includes(seat)) this.#settle(seat, step);
  }

  #stepFrom(cursor: number): Promise<Step> {
    return once(this.#steps, cursor, async () => {
      const known = this.#news;
      const { event, newest } = await this.#watch.read(async () => {
        const since = this.#followed.since(cursor, this.#options.newest?.());
        await Promise.all([since, this.#options.check()]);
        return since;
      });
      const isBehind = event.cursor < newest;
      // Whoever listens is to listen more closely from now on.
      if (isBehind && !this.#isBehind) this.#watch.nudge();
      this.#isBehind = isBehind;
      return this.#step(event, known);
    });
  }

  /** What has piled up for a member that was late is more than what there is by now. */
  async #renew(seat: Seat): Promise<void> {
    const news = this.#news;
    const event = await this.#watch.read(() => this.#followed.begin(undefined));
    if (!event) return void this.#early.set(seat, undefined);
    const step = this.#step({ ...event, reason: 'the client read too slowly to be told of each change' }, news);
    this.#deliver([seat], step, await step.bytes());
  }

  #step(event: FoldedEvent<unknown>, news: number): Step {
    let bytes: Promise<Buffer> | undefined;
    return {
      cursor: event.cursor,
      isEmpty: event.changes.length === 0,
      news,
      bytes: () => {
        bytes ??= this.#options.render(event);
        return bytes;
      },
    };
  }

  #deliver(seats: readonly Seat[], step: Step, bytes: Buffer): void {
    const now = performance.now();
    for (const seat of seats) {
      if (seat.left) continue;
      seat.member.send(bytes);
      seat.sentAt = now;
      this.#settle(seat, step);
    }
  }

  /** A member that was brought to a cursor waits for news, unless it is busy or there are some already. */
  #settle(seat: Seat, step: Step): void {
    if (seat.left) return;
    const { cursor } = step;
    seat.cursor = cursor;
    const busy = seat.member.ready();
    if (busy) {
      const since = performance.now();
      this.#try(async () => {
        await busy;
        if (performance.now() - since < this.#lateMillis) this.#settle(seat, step);
        else await this.#renew(seat);
      });
    } else if (step.news !== this.#news) this.#try(() => this.#bring(cursor, [seat]));
    else {
      const seats = this.#waiting.get(cursor);
      if (seats) seats.add(seat);
      else this.#waiting.set(cursor, new Set([seat]));
    }
  }
}

/** Whoever asks for the same while it is under way gets the same. */
function once<K, T>(running: Map<K, Promise<T>>, key: K, run: () => Promise<T>): Promise<T> {
  const known = running.get(key);
  if (known) return known;
  const started = run().finally(() => running.delete(key));
  running.set(key, started);
  return started;
}
