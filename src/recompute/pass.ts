import { isDeepStrictEqual } from 'node:util';
import { PointSource } from '../derive/line-source.ts';
import { TooFar } from '../derive/walk.ts';
import { mergeVersions, type Versions } from '../engine/versions.ts';
import { BatchedReads as Reads } from '../store/batched-reads.ts';
import type { Database } from '../store/connect.ts';
import { type Asked, countChanged, readChanged, storageOf, within } from '../store/definitions.ts';
import { readLanes, recentWaves } from '../store/lanes.ts';
import { isLoss } from '../store/retry.ts';
import { type Book, isExactAt, type Lane } from './book.ts';
import { type Brought, bring, type Scene, versionsOf } from './bring.ts';
import { type CommitOptions, Commits, type Move, pointsOf } from './commits.ts';
import { Foresight } from './foresight.ts';

export interface PassOptions extends CommitOptions {
  /** Something large may be among what changed: it is counted before it is read. */
  readonly count: boolean;
  /** Of lanes that a pass leaves to others: they are too far behind to go with it. */
  readonly onLong: (lane: Lane) => void;
  readonly onFailure: (lane: Lane, error: unknown) => void;
  /** What changed up to the target, as it was read with it, for whom it was thought to be. */
  readonly ahead?: { readonly asked: readonly Asked[]; readonly changed: ReadonlyMap<number, Versions> } | undefined;
}

export interface Passed {
  /** Lanes that now stand at their targets, also those that nothing of it concerned. */
  readonly lanes: readonly Lane[];
  /** The series whose points changed, with the newest revision that they were brought to. */
  readonly series: readonly number[];
  /** How many points were written. */
  readonly points: number;
  /** How many points went through formulas, and how many versions and points were read for it. */
  readonly passed: number;
  readonly read: number;
  /** Lanes that could not go on yet, or not as far as the wave: another one that they read has not got there. */
  readonly waiting: readonly Lane[];
}

/** More changed versions than this behind one lane, or behind all of a pass, and a lane goes its way alone. */
const missedMax = 100_000;
const changedMax = 1_000_000;

/** What was never computed goes its way alone if there are more versions than this to start from. */
const startVersionsMax = 20_000;

/** From so many revisions on it is counted what they changed. */
const revisionsMax = 2_000;

/** How many waves back a lane looks for one at which all that it reads stood exactly. */
const wavesBack = 12;

/** So many lanes are brought at the same time: while one waits for the store, another one computes. */
const lanesAtOnce = 32;

/** Lets so many go at once, the others in the order in which they came. */
class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  async take(run: () => Promise<void>): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      await run();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/** Where a lane stands, and stood before. */
type Stand = Pick<Lane, 'basis' | 'stops' | 'untils'>;

/** What is to be read of what changed behind the bases of lanes, in the sources near and far and in what other lanes gave. */
function askedOf(lanes: readonly Lane[], book: Book, bases: ReadonlyMap<number, Pick<Lane, 'basis'>>): Asked[] {
  const asked = new Map<number, number>();
  const ask = (storage: number, after: number) => {
    const known = asked.get(storage);
    if (known === undefined || after < known) asked.set(storage, after);
  };
  for (const lane of lanes) {
    const { row } = lane;
    const { basis } = bases.get(row.id) ?? lane;
    for (const source of row.sources) ask(source, basis);
    for (const id of row.upstream) {
      // What goes along from the same revision is known when it has gone.
      const upstream = book.lanes.get(id);
      if (upstream && bases.get(id)?.basis !== basis) ask(storageOf(upstream.row), basis);
    }
  }
  return [...asked].map(([storage, after]) => ({ storage, after }));
}

/** What a pass of lanes will ask for first, if it is near and hangs on no lane that is brought elsewhere; else nothing. */
export function askedAhead(lanes: readonly Lane[], book: Book, newest: number): Asked[] {
  const bases = new Map(lanes.map((lane) => [lane.row.id, lane]));
  const isNear = lanes.every(
    ({ row, basis }) => basis >= 0 && newest - basis <= revisionsMax && row.upstream.every((id) => bases.has(id)),
  );
  return isNear ? askedOf(lanes, book, bases) : [];
}

/** Brings lanes to a wave, each behind those that it reads, and commits what changes. */
export class Pass {
  readonly #database: Database;
  readonly #reads: Reads;
  readonly #foresight: Foresight;
  readonly #book: Book;
  readonly #target: number;
  readonly #options: PassOptions;
  readonly #overlay = new Map<number, Versions>();
  readonly #sources = new Map<string, PointSource>();
  readonly #moves = new Map<number, Move>();
  /** Where its lanes stood at the start: what is known of a lane may be read anew on the way. */
  readonly #stood = new Map<number, Stand>();
  #changed: ReadonlyMap<number, Versions> = new Map();
  readonly #commits: Commits;

  constructor(database: Database, book: Book, target: number, options: PassOptions) {
    this.#database = database;
    this.#reads = new Reads(database);
    this.#foresight = new Foresight(this.#reads);
    this.#book = book;
    this.#target = target;
    this.#options = options;
    this.#commits = new Commits(database, target, options);
  }

  async run(candidates: readonly Lane[]): Promise<Passed> {
    const near = await this.#near(candidates.filter(({ basis, isLong }) => !isLong && basis < this.#target));
    for (const { row, basis, stops, untils } of near) this.#stood.set(row.id, { basis, stops, untils });
    // First where the others stand, then what changed: what they commit in between is not yet where they stand.
    const foreign = await this.#foreignLanes(near);
    const waiting = this.#withoutGround(near, foreign);
    const grounded = near.filter((lane) => !waiting.includes(lane));
    await this.#readChanged(grounded);
    const lanes = grounded.filter(({ isLong }) => !isLong);
    this.#foresight.look(lanes, this.#changed);
    let asked: Promise<readonly number[]> | undefined;
    const waves = () => {
      asked ??= recentWaves(this.#database, wavesBack);
      return asked;
    };
    const turns = new Turns(lanesAtOnce);
    const done = new Map<number, Promise<void>>();
    for (const lane of lanes) {
      const firstChange = this.#firstChange(lane);
      // Nothing that concerns it: it stands at the target as it is.
      if (firstChange === Number.POSITIVE_INFINITY && lane.basis >= 0) continue;
      const bring = async (): Promise<void> => {
        await Promise.all(lane.row.upstream.map((id) => done.get(id)));
        await turns.take(async () => {
          const target = await this.#targetOf(lane, foreign, waves);
          // Also one that gets to an older wave only has something left to wait for.
          if (target !== this.#target) waiting.push(lane);
          if (target !== undefined && (firstChange <= target || lane.basis < 0))
            await this.#move(lane, target, firstChange);
        });
      };
      const brought = bring();
      // A failure is thrown below, when all have ended.
      brought.catch(() => undefined);
      done.set(lane.row.id, brought);
    }
    const ends = await Promise.allSettled(done.values());
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) {
      await this.#commits.settle();
      for (const lane of lanes) lane.tails = [];
      throw failed.reason;
    }
    return this.#end(waiting);
  }

  async #readChanged(lanes: readonly Lane[]): Promise<void> {
    const asked = askedOf(lanes, this.#book, this.#stood);
    const ahead = this.#options.ahead;
    this.#changed =
      ahead && isDeepStrictEqual(asked, ahead.asked)
        ? ahead.changed
        : await readChanged(this.#database, asked, this.#target);
  }

  /**
   * Those that are not too far behind to go along. Far behind, it is counted first: what a lane has missed in a day may not
   * fit into memory.
   */
  async #near(lanes: readonly Lane[]): Promise<Lane[]> {
    const asked = lanes.map(({ row, basis }) => {
      const isFar = basis < 0 || this.#options.count || this.#target - basis > revisionsMax;
      return isFar ? row.sources.map((storage) => ({ storage, after: basis })) : [];
    });
    const counts = await countChanged(this.#database, asked.flat(), this.#target);
    const missed = asked.map(({ length }) => counts.splice(0, length).reduce((sum, count) => sum + count, 0));
    let together = 0;
    return lanes.filter((lane, i) => {
      const isNear = missed[i] <= (lane.basis < 0 ? startVersionsMax : missedMax) && together + missed[i] <= changedMax;
      if (isNear) together += missed[i];
      else this.#leave(lane);
      return isNear;
    });
  }

  /** Those that read what was never computed, near or far, and is not on its way here. */
  #withoutGround(lanes: readonly Lane[], foreign: ReadonlyMap<number, Stand>): Lane[] {
    const out = new Set<number>();
    for (const [id, { basis }] of foreign) if (basis < 0) out.add(id);
    return lanes.filter(({ row }) => {
      if (!row.upstream.some((id) => out.has(id))) return false;
      out.add(row.id);
      return true;
    });
  }

  #basisOf(lane: Lane): number {
    return this.#stood.get(lane.row.id)?.basis ?? lane.basis;
  }

  #leave(lane: Lane): void {
    lane.isLong = true;
    lane.tails = [];
    this.#options.onLong(lane);
  }

  /** The lanes that are read here and brought elsewhere, as they stand now. */
  async #foreignLanes(lanes: readonly Lane[]): Promise<Map<number, Stand>> {
    const here = new Set(lanes.map(({ row }) => row.id));
    const ids = new Set(lanes.flatMap(({ row }) => row.upstream.filter((id) => !here.has(id))));
    if (ids.size === 0) return new Map();
    return new Map((await readLanes(this.#database, [...ids])).map((row) => [row.definition, row]));
  }

  /** The first revision behind its basis that changed something of it; infinite if none did. */
  #firstChange(lane: Lane, after = this.#basisOf(lane), sources = lane.row.sources): number {
    let first = Number.POSITIVE_INFINITY;
    for (const source of sources) {
      const versions = this.#changed.get(source);
      if (!versions) continue;
      for (const revision of versions.revision) if (revision > after && revision < first) first = revision;
    }
    return first;
  }

  /** The newest wave at which all that it reads is exact; undefined when there is none yet. */
  async #targetOf(
    lane: Lane,
    foreign: ReadonlyMap<number, Stand>,
    waves: () => Promise<readonly number[]>,
  ): Promise<number | undefined> {
    const standsAt = (revision: number): boolean =>
      lane.row.upstream.every((id) => {
        const move = this.#moves.get(id);
        if (move && move.way.target === revision) return true;
        const upstream = foreign.get(id) ?? this.#stood.get(id);
        const row = this.#book.lanes.get(id)?.row;
        if (!upstream || !row) return false;
        // Its sources are among those of the lane, whose changes are known from its basis on: there, all was exact.
        return isExactAt(
          upstream,
          revision,
          this.#firstChange(lane, Math.max(upstream.basis, this.#basisOf(lane)), row.sources),
        );
      });
    if (standsAt(this.#target)) return this.#target;
    for (const wave of await waves()) {
      if (wave < this.#target && wave > this.#basisOf(lane) && standsAt(wave)) return wave;
    }
    return undefined;
  }

  async #move(lane: Lane, target: number, firstChange: number): Promise<void> {
    const basis = this.#basisOf(lane);
    const scene: Scene = {
      reads: this.#foresight,
      basis,
      target,
      source: (storage) => this.#sourceAt(storage, target),
      changed: (storage) => this.#changedOf(storage, basis, target),
      write: (storage, column) => {
        this.#overlay.set(storage, versionsOf(column, target));
      },
    };
    const move = (brought: Brought | undefined): Move => ({
      lane,
      brought,
      way: {
        definition: lane.row.id,
        basis,
        target,
        until: Math.min(firstChange - 1, target),
        blocks: brought?.blocks ?? [],
        checkpoints: brought?.checkpoints ?? [],
        stage: undefined,
      },
    });
    try {
      const moved = move(await bring(lane, scene));
      this.#moves.set(lane.row.id, moved);
      this.#commits.offer(moved);
    } catch (error) {
      if (isLoss(error)) throw error;
      lane.tails = [];
      for (const storage of lane.row.storages) this.#overlay.delete(storage);
      if (error instanceof TooFar) this.#leave(lane);
      else this.#options.onFailure(lane, error);
    }
  }

  #sourceAt(storage: number, target: number): PointSource {
    const name = `${storage} ${target}`;
    let source = this.#sources.get(name);
    if (!source) {
      const overlay = this.#overlay.get(storage);
      source = new PointSource(
        this.#foresight,
        storage,
        target,
        overlay && overlay.revision[0] <= target ? overlay : undefined,
      );
      this.#sources.set(name, source);
    }
    return source;
  }

  #changedOf(storage: number, after: number, target: number): Versions | undefined {
    const stored = this.#changed.get(storage);
    const overlay = this.#overlay.get(storage);
    const parts = [stored, overlay].flatMap((versions) => (versions ? [within(versions, after, target)] : []));
    const versions = parts.length === 1 ? parts[0] : mergeVersions(parts);
    return versions.t.length > 0 ? versions : undefined;
  }

  async #end(waiting: readonly Lane[]): Promise<Passed> {
    const { moved, lost } = await this.#commits.end();
    if (lost.size > 0) await this.#book.refresh([...lost]);
    // Whoever brought them need not have brought them as far.
    const behind = [...this.#moves.values()].flatMap(({ lane }) => (lost.has(lane.row.id) ? [lane] : []));
    const changed = moved.filter(({ way }) => way.blocks.length > 0);
    return {
      lanes: moved.map(({ lane }) => lane),
      series: [...new Set(changed.map(({ lane }) => lane.row.series))],
      points: changed.reduce((sum, move) => sum + pointsOf(move), 0),
      ...this.#counts(),
      waiting: [...waiting, ...behind],
    };
  }

  #counts(): Pick<Passed, 'passed' | 'read'> {
    let passed = 0;
    let read = this.#reads.pointsRead;
    for (const { t } of this.#changed.values()) read += t.length;
    for (const { brought } of this.#moves.values()) passed += brought?.points ?? 0;
    return { passed, read };
  }
}
