import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { derivedAmong } from '../derive/where.ts';
import { isLoss } from '../store/retry.ts';
import type { SeriesDelta as News } from '../store/series-delta.ts';
import type { Watch } from './feed.ts';
import { behindMillis, type FoldedEvent, type Followed, silenceMillis as silenceMillisUsual } from './followed.ts';
import { type Render, Step } from './step.ts';

/** Who receives what a flow gives. */
export interface Member<Told> {
  /** Whether it can take more now; else a promise of when it can. */
  ready(): Promise<void> | undefined;
  send(told: Told): void;
  /** Nothing more comes: the flow failed, or the server ends. */
  end(error: unknown): void;
}

type Take<Change, Told> = (step: Step<Change, Told>) => void;

/** Who stands at one cursor and waits for news. */
interface Group<Told> {
  cursor: number;
  /** What was known to have happened when the cursor was read. */
  news: number;
  readonly seats: Set<Seat<Told>>;
  /** While others are being brought here it waits for them. */
  expected: number;
}

/** One who is to stand where a step leads. */
function groupOf<Told>(seat: Seat<Told>): Group<Told> {
  return { cursor: 0, news: 0, seats: new Set([seat]), expected: 0 };
}

interface Seat<Told> {
  readonly member: Member<Told>;
  /** Where it stands; undefined while it cannot take more, and before it was told anything. */
  group: Group<Told> | undefined;
  isNew: boolean;
  sentAt: number;
  left: boolean;
}

export interface FlowOptions<Change, Told> {
  readonly render: Render<Change, Told>;
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
const togetherMax = 50;

/** A member that could not take more for so long is given everything anew. */
const lateMillisUsual = 10_000;

/**
 * One stream for all who follow the same. Each member stands at a cursor; what brings those who stand at one cursor to
 * the newest revision is read once, made ready once and sent to all of them. A member that cannot take more is left where it
 * stands: it costs nothing until it can, and is then brought on from there.
 *
 * There may be thousands of flows, and each hears of a tick: the usual way, from the news to what is sent, makes no promise.
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
  readonly #beginnings = new Map<number | undefined, Promise<Step<Change, Told> | undefined>>();
  /** What is being read or was read ahead, by the cursor that it brings on from, and who is to have it. */
  readonly #steps = new Map<number, { step: Step<Change, Told> | undefined; readonly takers: Take<Change, Told>[] }>();
  #news = 0;
  #isBehind: boolean;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    followed: Followed<FoldedEvent<Change>>,
    watch: (onNews: () => void) => Watch,
    options: FlowOptions<Change, Told>,
  ) {
    this.#followed = followed;
    this.#options = options;
    this.#silenceMillis = options.silenceMillis ?? silenceMillisUsual;
    this.#lateMillis = options.lateMillis ?? lateMillisUsual;
    this.#isBehind = derivedAmong(followed.series).length > 0;
    this.#watch = watch(() => this.#hear());
    this.#look();
  }

  /** Brings a member from a cursor on; returns how it leaves. */
  join(member: Member<Told>, after: number | undefined): () => void {
    const seat: Seat<Told> = { member, group: undefined, isNew: true, sentAt: performance.now(), left: false };
    this.#seats.add(seat);
    this.#watch.followers = this.#seats.size;
    this.#tryFor(seat, after);
    return () => this.#leave(seat);
  }

  #leave(seat: Seat<Told>): void {
    seat.left = true;
    seat.group?.seats.delete(seat);
    this.#early.delete(seat);
    if (!this.#seats.delete(seat)) return;
    this.#watch.followers = this.#seats.size;
    if (this.#seats.size === 0) this.#end();
  }

  #end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
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

  /** A store that is away keeps out who comes now; those who are there wait for it. */
  #tryFor(seat: Seat<Told>, after: number | undefined): void {
    this.#try(async () => {
      try {
        await this.#begin(seat, after);
      } catch (error) {
        if (!isLoss(error)) throw error;
        if (!seat.left) seat.member.end(error);
        this.#leave(seat);
      }
    });
  }

  /** Reads, again and again while the store is away: whoever holds a cursor is brought on from there, however late. */
  async #insist<T>(run: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await this.#watch.read(run);
      } catch (error) {
        if (isLoss(error)) await delay(behindMillis, undefined, { ref: false });
        if (!isLoss(error) || this.#watch.ended) throw error;
      }
    }
  }

  /** Looks from time to time, should nobody tell. */
  #look(): void {
    clearTimeout(this.#timer);
    const patience = this.#silenceMillis / 3;
    this.#timer = setTimeout(
      () => {
        this.#look();
        this.#hear();
      },
      this.#isBehind ? Math.min(behindMillis, patience) : patience,
    );
  }

  #hear(): void {
    if (this.#watch.ended) {
      this.#end();
      return;
    }
    this.#news++;
    if (this.#early.size > 0) {
      const early = this.#early;
      this.#early = new Map();
      for (const [seat, after] of early) this.#tryFor(seat, after);
    }
    this.#bringAll();
  }

  #bringAll(): void {
    for (const group of this.#groups.values()) {
      if (group.news === this.#news || group.expected > 0 || this.#watch.ended) continue;
      this.#groups.delete(group.cursor);
      if (group.seats.size > 0) this.#bring(group);
      // What was read ahead for those who have left since.
      else if (this.#steps.get(group.cursor)?.step) this.#steps.delete(group.cursor);
    }
  }

  /** All of a group stand at the cursor of a step from now on; those who do not know it yet are to be told. */
  #move(group: Group<Told>, { cursor, news }: Step<Change, Told>): Group<Told> {
    const known = this.#groups.get(cursor);
    for (const seat of group.seats) {
      known?.seats.add(seat);
      seat.group = known ?? group;
    }
    if (known) {
      known.news = Math.min(known.news, news);
      return known;
    }
    group.cursor = cursor;
    group.news = news;
    this.#groups.set(cursor, group);
    return group;
  }

  async #begin(seat: Seat<Told>, after: number | undefined): Promise<void> {
    const step = await once(this.#beginnings, after, async () => {
      const news = this.#news;
      const event = await this.#watch.read(() => this.#followed.begin(after));
      return event && this.#step(event, news);
    });
    if (step) return this.#give(groupOf(seat), step);
    if (seat.left) return;
    this.#early.set(seat, after);
    if (!this.#isDue(seat)) return;
    // It holds what it came with, which is nothing if it came with nothing.
    const none = this.#step({ kind: 'PROGRESS', cursor: after ?? 0, changes: [], reason: null }, this.#news);
    seat.sentAt = performance.now();
    const told = await none.told();
    // By now it may have been told more.
    if (seat.isNew && !seat.left) seat.member.send(told);
  }

  /** Whether a member has heard nothing for so long that it is told that nothing happened. */
  #isDue({ sentAt }: Seat<Told>): boolean {
    return !this.#options.isQuiet && performance.now() - sentAt >= this.#silenceMillis / 2;
  }

  /** Brings a group to the newest revision: by what was read ahead, by what this process knows, or else by reading. */
  #bring(group: Group<Told>): void {
    const { cursor } = group;
    const reading = this.#steps.get(cursor);
    if (reading?.step) this.#steps.delete(cursor);
    // Whoever has just committed is not to fail with what is told of it.
    try {
      const step = reading ? reading.step : this.#stepNow(cursor);
      if (step) this.#give(group, step);
      else if (reading) reading.takers.push((step) => this.#give(group, step));
      else this.#read(cursor, [(step) => this.#give(group, step)]);
    } catch (error) {
      this.#end(error);
    }
  }

  #stepNow(cursor: number): Step<Change, Told> | undefined {
    const upTo = this.#options.newest?.();
    if (upTo === undefined || upTo <= cursor) return undefined;
    const event = this.#followed.tellNow?.(cursor, upTo);
    return event && this.#step(event, this.#news);
  }

  /** Brings who stands at a cursor to the newest revision: reads how, for whoever is to have it. */
  #read(cursor: number, takers: Take<Change, Told>[]): void {
    const reading = { step: undefined as Step<Change, Told> | undefined, takers };
    this.#steps.set(cursor, reading);
    const news = this.#news;
    const take = (event: FoldedEvent<Change>) => {
      const step = this.#step(event, news);
      if (takers.length > 0 || !this.#groups.has(cursor)) this.#steps.delete(cursor);
      else reading.step = step;
      for (const each of takers) each(step);
    };
    const upTo = this.#options.newest?.();
    if (upTo === undefined || upTo <= cursor || !this.#followed.tell)
      this.#try(() => this.#readWhole(cursor, upTo, take));
    else {
      const done = this.#watch.reading();
      const tell = (event: FoldedEvent<Change> | undefined, known: readonly News[]) => {
        done();
        if (event) take(event);
        else this.#try(() => this.#readWhole(cursor, upTo, take, known));
      };
      const fail = (error: unknown) => {
        done();
        if (isLoss(error)) this.#try(() => this.#readWhole(cursor, upTo, take));
        else this.#end(error);
      };
      // It may tell at once, to whoever has just committed: that is not to fail with it.
      try {
        this.#followed.tell(cursor, upTo, tell, fail);
      } catch (error) {
        fail(error);
      }
    }
  }

  async #readWhole(
    after: number,
    upTo: number | undefined,
    take: (event: FoldedEvent<Change>) => void,
    known?: readonly News[],
  ): Promise<void> {
    const { event, newest } = await this.#insist(() => this.#followed.since(after, upTo, known));
    const isBehind = event.cursor < newest;
    if (isBehind !== this.#isBehind) {
      // Whoever is behind looks more often.
      this.#isBehind = isBehind;
      if (!this.#ended) this.#look();
    }
    take(event);
  }

  /** What comes after a step that is being sent is read meanwhile. */
  #readAhead({ cursor, news }: Step<Change, Told>): void {
    if (news !== this.#news && !this.#steps.has(cursor) && !this.#watch.ended) this.#read(cursor, []);
  }

  /** What has piled up for a member that was late is more than what there is by now. */
  async #renew(seat: Seat<Told>): Promise<void> {
    const news = this.#news;
    const event = await this.#insist(() => this.#followed.begin(undefined));
    if (!event) return void this.#early.set(seat, undefined);
    this.#give(
      groupOf(seat),
      this.#step({ ...event, reason: 'the client read too slowly to be told of each change' }, news),
    );
  }

  #step(event: FoldedEvent<Change>, news: number): Step<Change, Told> {
    return new Step(event, news, this.#options.render);
  }

  /** Gives an event to those who are to have it. That nothing happened is told only to who has heard nothing for long. */
  #give(from: Group<Told>, step: Step<Change, Told>): void {
    if (this.#ended) return;
    const due: Seat<Told>[] = [];
    for (const seat of from.seats) {
      if (seat.left) from.seats.delete(seat);
      else if (!step.isEmpty || seat.isNew || this.#isDue(seat)) due.push(seat);
    }
    const group = this.#move(from, step);
    const told = due.length > 0 ? step.told() : undefined;
    if (due.length > togetherMax || told instanceof Promise) this.#try(() => this.#sendInTurns(due, group, step));
    else {
      if (told !== undefined) this.#send(due, step, told);
      this.#given(step);
    }
  }

  /** To so many at once that others wait for little. */
  async #sendInTurns(seats: readonly Seat<Told>[], group: Group<Told>, step: Step<Change, Told>): Promise<void> {
    group.expected++;
    const told = await step.told();
    for (let i = 0; i < seats.length; i += togetherMax) {
      if (i > 0) await setImmediate();
      this.#readAhead(step);
      this.#send(seats.slice(i, i + togetherMax), step, told);
    }
    group.expected--;
    this.#given(step);
  }

  #send(seats: readonly Seat<Told>[], step: Step<Change, Told>, told: Told): void {
    const now = performance.now();
    for (const seat of seats) {
      if (seat.left) continue;
      seat.member.send(told);
      seat.isNew = false;
      seat.sentAt = now;
      const busy = seat.member.ready();
      if (busy) this.#await(seat, step, busy);
    }
  }

  #given(step: Step<Change, Told>): void {
    if (step.end) this.#end(step.end);
    else this.#bringAll();
  }

  /** A member that cannot take more is brought on when it can. */
  #await(seat: Seat<Told>, step: Step<Change, Told>, busy: Promise<void>): void {
    seat.group?.seats.delete(seat);
    seat.group = undefined;
    const since = performance.now();
    this.#try(async () => {
      await busy;
      if (seat.left) return;
      if (performance.now() - since >= this.#lateMillis) return this.#renew(seat);
      this.#move(groupOf(seat), step);
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
