import { randomUUID } from 'node:crypto';
import type { Definitions } from '../derive/definitions.ts';
import { PointSource } from '../derive/line-source.ts';
import { type Checkpoint, walkStage } from '../derive/walk.ts';
import { BatchedReads as Reads } from '../store/batched-reads.ts';
import type { Column } from '../store/block-columns.ts';
import { everything, type Range, readExtent, readStagedExtent } from '../store/block-reads.ts';
import { wasWritten } from '../store/commit.ts';
import type { Database } from '../store/connect.ts';
import { countChanged, readChanged } from '../store/definitions.ts';
import { type CheckpointRow, derive, readLanes, recentWaves, type Step, takeStep } from '../store/lanes.ts';
import { isExactAt, type Lane, standAs } from './book.ts';
import { Changes, Stored, spansOf, storedCheckpoints } from './bring.ts';
import { derivedNotice, payloadOf, stand } from './commits.ts';

/** A step writes so many points at least, and so often that a kill costs little. */
const stepPoints = 131_072;
const stepMillisMax = 2_000;

/** One stretch of work between two looks at whether others wait. */
const stretchMillis = 8;

/** While others write, steps are small and stretches short, and it rests for several times as long: they go first. */
const politeStepPoints = 32_768;
const writtenMillis = 250;
const politeMillis = 4;
const politeRests = 3;

export interface LongWayOptions {
  readonly announce: boolean;
  /** Asked when so long was worked, behind what it took to begin. */
  readonly isOver: (workedMillis: number, beginningMillis: number) => boolean;
  readonly onProgress?: (step: Step) => void;
}

export type LongWayEnd = 'there' | 'interrupted' | 'waiting' | 'elsewhere';

/** What so many storages hold, or a part of it, is kept for the next way. */
const sourcesMax = 4;

/** Sources that several ways to the same revision read one after another. */
export type Sources = Map<string, PointSource>;

/**
 * Brings one lane all the way to a revision in steps, each a commit of its own that nobody sees before the last. The next
 * one who tries goes on from the last step.
 */
export async function goLongWay(
  database: Database,
  definitions: Definitions,
  lane: Lane,
  options: LongWayOptions,
  sources: Sources = new Map(),
): Promise<LongWayEnd> {
  const [stand] = await readLanes(database, [lane.row.id]);
  if (!stand) return 'elsewhere';
  standAs(lane, stand);
  if (lane.basis >= 0 && !lane.step && !(await hasChanged(database, lane))) {
    lane.isLong = false;
    return 'there';
  }
  lane.isLong = true;
  // What is known of the lane may be read anew while the target is looked for.
  const { basis, step } = lane;
  const target = step?.target ?? (await targetOf(database, definitions, lane, basis));
  if (target === undefined) return 'waiting';
  return new LongWay(database, { lane, basis, step, target }, options, sources).go();
}

async function hasChanged(database: Database, lane: Lane): Promise<boolean> {
  const [wave] = await recentWaves(database, 1);
  const asked = lane.row.sources.map((storage) => ({ storage, after: lane.basis }));
  return wave !== undefined && (await countChanged(database, asked, wave)).some((count) => count > 0);
}

/** The newest wave at which all that it reads is exact. */
async function targetOf(
  database: Database,
  definitions: Definitions,
  lane: Lane,
  basis: number,
): Promise<number | undefined> {
  const upstream = await readLanes(database, lane.row.upstream);
  if (upstream.length < lane.row.upstream.length) return undefined;
  const waves = (await recentWaves(database, 50)).filter((wave) => wave > basis);
  if (upstream.length === 0) return waves[0];
  for (const wave of waves) {
    const exact = await Promise.all(
      upstream.map(async (each) => {
        if (each.basis < 0) return false;
        const row = definitions.byId.get(each.definition);
        if (!row) return false;
        const asked = row.sources.map((storage) => ({ storage, after: each.basis }));
        const changed = wave > each.basis ? await readChanged(database, asked, wave) : new Map();
        return isExactAt(each, wave, changed.size > 0 ? wave : Number.POSITIVE_INFINITY);
      }),
    );
    if (exact.every((each) => each)) return wave;
  }
  return undefined;
}

class LongWay {
  readonly #database: Database;
  readonly #reads: Reads;
  readonly #lane: Lane;
  /** As it was at the start: what is known of the lane may be read anew on the way. */
  readonly #basis: number;
  readonly #target: number;
  readonly #options: LongWayOptions;
  readonly #sources: Sources;
  #step: Step;
  #writing: Promise<boolean> = Promise.resolve(true);
  #blocks: { storage: number; column: Column }[] = [];
  #checkpoints: CheckpointRow[] = [];
  #steppedAt = performance.now();
  /** When the first piece was there, and how long that had taken. */
  #begun: { readonly at: number; readonly millis: number } | undefined;
  #othersWrite = false;

  constructor(
    database: Database,
    { lane, basis, step, target }: Pick<Lane, 'basis' | 'step'> & { lane: Lane; target: number },
    options: LongWayOptions,
    sources: Sources,
  ) {
    this.#database = database;
    this.#reads = new Reads(database);
    this.#lane = lane;
    this.#basis = basis;
    this.#target = target;
    this.#options = options;
    this.#sources = sources;
    this.#step = step ?? { count: 0, target, stage: randomUUID(), at: 0, done: everything.from, progress: 0 };
  }

  async go(): Promise<LongWayEnd> {
    const lane = this.#lane;
    const { stages } = lane.plan;
    for (let stage = this.#step.at; stage < stages.length; stage++) {
      const end = await this.#walk(stage, stage === this.#step.at ? this.#step.done : everything.from);
      if (end !== 'there') return end;
    }
    if (!(await this.#writing)) return 'elsewhere';
    const way = {
      definition: lane.row.id,
      basis: this.#basis,
      target: this.#target,
      until: this.#basis,
      blocks: this.#blocks,
      checkpoints: this.#checkpoints,
      stage: this.#step.count > 0 ? this.#step.stage : undefined,
    };
    const notice = this.#options.announce
      ? payloadOf(derivedNotice(this.#target, [{ series: lane.row.series, changed: true }]))
      : undefined;
    const elsewhere = await derive(this.#database, [way], notice);
    if (elsewhere.length > 0) return 'elsewhere';
    stand({ lane, way, brought: undefined });
    lane.step = null;
    lane.isLong = false;
    return 'there';
  }

  /** Goes through one stage, from an instant on before which it is done. */
  async #walk(stage: number, done: number): Promise<LongWayEnd> {
    const lane = this.#lane;
    const enteredAt = performance.now();
    const all = await Promise.all(lane.leaves[stage].map(({ storage }) => this.#changes(storage)));
    const leaves = lane.leaves[stage].map(({ storage, column }, i) => ({
      source: this.#source(storage),
      column,
      changes: restOf(all[i], done),
    }));
    const extent = await this.#extent(all.flat(), stage);
    const storage = lane.row.storages[stage];
    const stored = new Stored(this.#reads, this.#basis < 0 ? undefined : storage, this.#basis);
    const changes = new Changes();
    let workedSince = performance.now();
    // What an earlier attempt has noted behind its last step is noted anew.
    const checkpoints = storedCheckpoints(this.#reads, lane.row.id, stage);
    const note = (checkpoint: Checkpoint | undefined) => {
      if (checkpoint) this.#checkpoints.push({ definition: lane.row.id, stage, ...checkpoint });
    };
    for await (const walked of walkStage({
      stage: lane.plan.stages[stage],
      leaves,
      checkpoints,
    })) {
      const { piece, checkpoint } = walked;
      this.#begin(enteredAt);
      changes.replace(piece, await stored.under(walked));
      note(checkpoint);
      if (
        changes.length >= (this.#othersWrite ? politeStepPoints : stepPoints) ||
        performance.now() - this.#steppedAt > stepMillisMax
      ) {
        const column = changes.take();
        if (column.t.length > 0) this.#blocks.push({ storage, column });
        const share = extent.to > extent.from ? (piece.to - extent.from) / (extent.to - extent.from) : 1;
        const progress = (stage + Math.min(1, Math.max(0, share))) / lane.plan.stages.length;
        if (!(await this.#take(stage, Math.min(piece.to, everything.to), progress))) return 'elsewhere';
        if (this.#isOver()) return (await this.#writing) ? 'interrupted' : 'elsewhere';
      }
      const worked = performance.now() - workedSince;
      if (worked > (this.#othersWrite ? politeMillis : stretchMillis)) {
        if (this.#othersWrite) await new Promise((resolve) => setTimeout(resolve, worked * politeRests));
        else await new Promise((resolve) => setImmediate(resolve));
        workedSince = performance.now();
      }
    }
    const column = changes.take();
    if (column.t.length > 0) this.#blocks.push({ storage, column });
    // The next stage reads what this one has written.
    const isLast = stage === lane.plan.stages.length - 1;
    if (!isLast && !(await this.#take(stage + 1, everything.from, (stage + 1) / lane.plan.stages.length)))
      return 'elsewhere';
    if (!isLast && !(await this.#writing)) return 'elsewhere';
    return 'there';
  }

  /** To begin anew where the last one stopped may take long: a window is to be filled first. */
  #begin(enteredAt: number): void {
    if (this.#begun) return;
    const now = performance.now();
    this.#begun = { at: now, millis: now - enteredAt };
    this.#steppedAt = now;
  }

  #isOver(): boolean {
    const now = performance.now();
    const { at, millis } = this.#begun ?? { at: now, millis: 0 };
    return this.#options.isOver(now - at, millis);
  }

  /** Writes a step while the next one is computed. */
  async #take(at: number, done: number, progress: number): Promise<boolean> {
    if (!(await this.#writing)) return false;
    await this.#lookForOthers();
    const step = { ...this.#step, count: this.#step.count + 1, at, done, progress };
    this.#step = step;
    const blocks = this.#blocks;
    const checkpoints = this.#checkpoints;
    this.#blocks = [];
    this.#checkpoints = [];
    this.#writing = takeStep(
      this.#database,
      { definition: this.#lane.row.id, basis: this.#basis },
      step,
      blocks,
      checkpoints,
    );
    this.#writing.catch(() => undefined);
    this.#steppedAt = performance.now();
    this.#options.onProgress?.(step);
    return true;
  }

  async #lookForOthers(): Promise<void> {
    this.#othersWrite = await wasWritten(this.#database, writtenMillis);
  }

  #source(storage: number): PointSource {
    const own = this.#lane.row.storages.includes(storage);
    if (own)
      return new PointSource(this.#reads, storage, this.#target, undefined, {
        id: this.#step.stage,
        revision: this.#target,
      });
    const name = `${storage} ${this.#target}`;
    let source = this.#sources.get(name);
    if (!source) {
      source = new PointSource(this.#reads, storage, this.#target);
      this.#sources.set(name, source);
      for (const [oldest] of this.#sources) if (this.#sources.size > sourcesMax) this.#sources.delete(oldest);
    }
    return source;
  }

  /** Where a storage changed between the basis and the target. */
  async #changes(storage: number): Promise<Range[]> {
    const { row } = this.#lane;
    const basis = this.#basis;
    if (basis < 0) return [everything];
    if (row.storages.includes(storage)) {
      const staged = await readStagedExtent(this.#database, storage, this.#step.stage);
      return staged ? [staged] : [];
    }
    const changed = await readChanged(this.#database, [{ storage, after: basis }], this.#target);
    const versions = changed.get(storage);
    return versions ? spansOf(versions) : [];
  }

  async #extent(changes: readonly Range[], stage: number): Promise<Range> {
    const extents = await Promise.all(
      this.#lane.leaves[stage].map(({ storage }) => readExtent(this.#database, storage)),
    );
    const known = extents.filter((extent) => extent !== undefined);
    const from = Math.max(
      Math.min(...changes.map((change) => change.from)),
      Math.min(...known.map((extent) => extent.from)),
    );
    return { from, to: Math.max(from, ...known.map((extent) => extent.to)) };
  }
}

/** Changes of which everything before an instant is done: what came of them may still be felt behind it. */
function restOf(changes: readonly Range[], done: number): Range[] {
  if (done === everything.from) return [...changes];
  const rest: Range[] = [];
  let felt = false;
  for (const { from, to } of changes) {
    if (from < done) felt = true;
    if (to > done) rest.push({ from: Math.max(from, done), to });
  }
  if (felt && (rest.length === 0 || rest[0].from > done)) rest.unshift({ from: done, to: done + 1 });
  return rest;
}
