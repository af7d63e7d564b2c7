import { setImmediate } from 'node:timers/promises';
import { derivedAmong } from '../derive/where.ts';
import type { Fault } from '../engine/fault.ts';
import type { Watch } from './feed.ts';
import { behindMillis, type FoldedEvent, type Followed, silenceMillis as silenceMillisUsual } from './followed.ts';

/** Who receives what a flow gives. */
export interface Member<Told> {
  /** Whether it can take more now; else a promise of when it can. */
  ready(): Promise<void> | undefined;
  send(told: Told): void;
  /** Nothing more comes: the flow failed, or the server ends. */
  end(error: unknown): void;
}

/** An event, made ready for clients when the first one is to have it. */
interface Step<Told> {
  readonly cursor: number;
  readonly isEmpty: boolean;
  /** What was known to have happened when it was read. */
  readonly news: number;
  /** Why nothing comes after it. */
  readonly end: Fault | undefined;
  told(): Promise<Told>;
}

/** Who stands at one cursor and waits for news. */
interface Group<Told> {
  readonly cursor: number;
  /** What was known to have happened when the cursor was read. */
  news: number;
  readonly seats: Set<Seat<Told>>;
  /** While others are being brought here it waits for them. */
  expected: number;
}

interface Seat<Told> {
  readonly member: Member<Told>;
  cursor: number;
  sentAt: number;
  left: boolean;
}

export interface FlowOptions<Change, Told> {
  /** What clients are sent of an event. */
  readonly render: (event: FoldedEvent<Change>) => Told | Promise<Told>;
  /** The newest revision, where it is known and all is exact at it; else it is read. */
  readonly newest?: (() => number) | undefined;
  /** Told when the last member has left. */
  readonly onEmpty: () => void;
  /** Whose members are not told that nothing happened. */
  readonly isQuiet?: boolean;
  readonly silenceMillis?: number;
  readonly lateMillis?: number;
}

/** So many are sent to before others get their turn. */
const togetherMax = 100;

/** A member that could not take more for so long is given everything anew. */
const lateMillisUsual = 10_000;

/**
 * One stream for all who follow the same. Each member stands at a cursor; what brings those who stand at one cursor to
 * the newest revision is read once, made ready once and sent to all of them. A member that cannot take more is left where it
 * stands: it costs nothing until it can, and is then brought on from there.
 */
export class Flow<Change, Told> {
  readonly #followed: Followed<FoldedEvent<Change>>;
  readonly #watch: Watch;
  readonly #options: FlowOptions<Change, Told>;
  readonly #silenceMillis: number;
  readonly #lateMillis: number;
  readonly #seats = new Set<Seat<Told>>();
  readonly #groups = new Map<number, Group<Told>>();
  /** Who waits for there to be anything that can be told, with the cursor that it came with. */
  #early = new Map<Seat<Told>, number | undefined>();
  readonly #beginnings = new Map<number | undefined, Promise<Step<Told> | undefined>>();
  readonly #steps = new Map<number, Promise<Step<Told>>>();
  /** What comes after the step that is being sent. */
  #ahead: { readonly cursor: number; readonly step: Promise<Step<Told>> } | undefined;
  #news = 0;
  #isBehind: boolean;
  #ended = false;

  constructor(followed: Followed<FoldedEvent<Change>>, watch: Watch, options: FlowOptions<Change, Told>) {
    this.#followed = followed;
    this.#watch = watch;
    this.#options = options;
    this.#silenceMillis = options.silenceMillis ?? silenceMillisUsual;
    this.#lateMillis = options.lateMillis ?? lateMillisUsual;
    this.#isBehind = derivedAmong(followed.series).length > 0;
    void this.#listen();
  }

  /** Brings a member from a cursor on; returns how it leaves. */
  join(member: Member<Told>, after: number | undefined): () => void {
    const seat: Seat<Told> = { member, cursor: -1, sentAt: 0, left: false };
    this.#seats.add(seat);
    this.#watch.followers = this.#seats.size;
    this.#try(() => this.#begin(seat, after));
    return () => this.#leave(seat);
  }

  #leave(seat: Seat<Told>): void {
    seat.left = true;
    this.#groups.get(seat.cursor)?.seats.delete(seat);
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
      this.#bringAll();
    }
  }

  #bringAll(): void {
    for (const group of this.#groups.values()) {
      if (group.news === this.#news || group.expected > 0) continue;
      this.#groups.delete(group.cursor);
      if (group.seats.size > 0) this.#try(() => this.#bring(group));
    }
  }

  #group({ cursor, news }: Step<Told>): Group<Told> {
    const known = this.#groups.get(cursor);
    if (known) {
      known.news = Math.min(known.news, news);
      return known;
    }
    const made = { cursor, news, seats: new Set<Seat<Told>>(), expected: 0 };
    this.#groups.set(cursor, made);
    return made;
  }

  async #begin(seat: Seat<Told>, after: number | undefined): Promise<void> {
    const step = await once(this.#beginnings, after, async () => {
      const news = this.#news;
      const event = await this.#watch.read(() => this.#followed.begin(after));
      return event && this.#step(event, news);
    });
    if (step) await this.#deliver([seat], step);
    else if (!seat.left) this.#early.set(seat, after);
  }

  /** Brings who stands at a cursor to the newest revision. */
  async #bring({ cursor, seats }: Group<Told>): Promise<void> {
    const step = await this.#stepFrom(cursor);
    if (!step.isEmpty) return this.#deliver(seats, step);
    const now = performance.now();
    const due: Seat<Told>[] = [];
    for (const seat of seats) {
      if (!this.#options.isQuiet && now - seat.sentAt >= this.#silenceMillis / 2) due.push(seat);
      else this.#settle(seat, step);
    }
    if (due.length > 0) return this.#deliver(due, step);
    this.#bringAll();
  }

  #stepFrom(cursor: number): Promise<Step<Told>> {
    const ahead = this.#ahead;
    if (ahead?.cursor === cursor) {
      this.#ahead = undefined;
      return ahead.step;
    }
    return once(this.#steps, cursor, () => this.#read(cursor));
  }

  async #read(cursor: number): Promise<Step<Told>> {
    const news = this.#news;
    const { event, newest } = await this.#watch.read(() => this.#followed.since(cursor, this.#options.newest?.()));
    const isBehind = event.cursor < newest;
    // Whoever listens is to listen more closely from now on.
    if (isBehind && !this.#isBehind) this.#watch.nudge();
    this.#isBehind = isBehind;
    return this.#step(event, news);
  }

  #readAhead({ cursor, news }: Step<Told>): void {
    if (news === this.#news || this.#ahead?.cursor === cursor || this.#watch.ended) return;
    const step = this.#read(cursor);
    step.catch(() => undefined);
    this.#ahead = { cursor, step };
  }

  /** What has piled up for a member that was late is more than what there is by now. */
  async #renew(seat: Seat<Told>): Promise<void> {
    const news = this.#news;
    const event = await this.#watch.read(() => this.#followed.begin(undefined));
    if (!event) return void this.#early.set(seat, undefined);
    const step = this.#step({ ...event, reason: 'the client read too slowly to be told of each change' }, news);
    await this.#deliver([seat], step);
  }

  #step(event: FoldedEvent<Change>, news: number): Step<Told> {
    let told: Promise<Told> | undefined;
    return {
      cursor: event.cursor,
      isEmpty: event.changes.length === 0,
      news,
      end: event.end,
      told: async () => {
        told ??= Promise.resolve(this.#options.render(event));
        return told;
      },
    };
  }

  /** Sends it to so many at once that others wait for little; what comes next is read meanwhile. */
  async #deliver(seats: Iterable<Seat<Told>>, step: Step<Told>): Promise<void> {
    const told = await step.told();
    const group = this.#group(step);
    group.expected++;
    let sent = 0;
    const now = performance.now();
    for (const seat of seats) {
      if (++sent % togetherMax === 0) {
        await setImmediate();
        this.#readAhead(step);
      }
      if (seat.left) continue;
      seat.member.send(told);
      seat.sentAt = now;
      this.#settle(seat, step);
    }
    group.expected--;
    if (step.end) this.#end(step.end);
    else this.#bringAll();
  }

  /** A member that was brought to a cursor waits for news there, once it can take more. */
  #settle(seat: Seat<Told>, step: Step<Told>): void {
    if (seat.left) return;
    seat.cursor = step.cursor;
    const busy = seat.member.ready();
    if (!busy) {
      this.#group(step).seats.add(seat);
      return;
    }
    const since = performance.now();
    this.#try(async () => {
      await busy;
      if (performance.now() - since >= this.#lateMillis) return this.#renew(seat);
      this.#settle(seat, step);
      this.#bringAll();
    });
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
