import { randomUUID } from 'node:crypto';
import type { Definitions } from '../derive/definitions.ts';
import { newestCommonWave, positionAfter } from '../derive/lane-progress.ts';
import { PointSource } from '../derive/line-source.ts';
import { everything, type Range } from '../engine/ranges.ts';
import { BatchedReads } from '../store/batched-reads.ts';
import { readExtent, readStagedExtent } from '../store/block-reads.ts';
import type { Database } from '../store/connect.ts';
import { countChanged, readChanged } from '../store/definitions.ts';
import { derive, readLanes, recentWaves, type Step, takeStep } from '../store/lanes.ts';
import { type AdvanceContext, advanceLane, LaneOutput, type LeafChanges } from './advance-lane.ts';
import { BackfillPace } from './backfill-pace.ts';
import { earliest, firstChangeOf } from './changes.ts';
import { type Lane, updateLane } from './lane-registry.ts';
import { derivedNotice, payloadOf } from './pass-commits.ts';
import { storedCheckpoints } from './stored-stage.ts';

export interface BackfillOptions {
  readonly announce: boolean;
  /** Asked after each step with the time since the first piece, and the time that the first piece took. */
  readonly isOver: (workedMillis: number, beginningMillis: number) => boolean;
  readonly onProgress?: (step: Step) => void;
}

/** 'waiting': there is no wave yet to aim at. 'elsewhere': another worker has advanced the lane. */
export type BackfillEnd = 'complete' | 'interrupted' | 'waiting' | 'elsewhere';

/** The number of storages whose points are kept for the next backfill to the same revision. */
const sourcesMax = 4;

/** The number of waves that are searched for one at which all inputs are exact. */
const wavesBack = 50;

/** Sources that several backfills to the same revision read one after another. */
export type SharedSources = Map<string, PointSource>;

/**
 * Advances one lane to a revision in steps. Each step is a commit; the last one publishes all of them. A later call continues
 * from the last step.
 */
export async function backfill(
  database: Database,
  definitions: Definitions,
  lane: Lane,
  options: BackfillOptions,
  sources: SharedSources = new Map(),
): Promise<BackfillEnd> {
  const [stand] = await readLanes(database, [lane.row.id]);
  if (!stand) return 'elsewhere';
  updateLane(lane, stand);
  if (lane.basis >= 0 && !lane.step && !(await hasChanged(database, lane))) {
    lane.needsBackfill = false;
    return 'complete';
  }
  lane.needsBackfill = true;
  lane.tails = [];
  // The registry may read the lane anew while the target is searched.
  const { basis, step } = lane;
  const target = step?.target ?? (await targetOf(database, definitions, lane, basis));
  if (target === undefined) return 'waiting';
  return new Backfill(database, { lane, basis, step, target }, options, sources).run();
}

async function hasChanged(database: Database, lane: Lane): Promise<boolean> {
  const [wave] = await recentWaves(database, 1);
  const asked = lane.row.sources.map((storage) => ({ storage, after: lane.basis }));
  return wave !== undefined && (await countChanged(database, asked, wave)).some((count) => count > 0);
}

/** The newest wave at which all lanes that it reads are exact; undefined when there is none yet. */
async function targetOf(
  database: Database,
  definitions: Definitions,
  lane: Lane,
  basis: number,
): Promise<number | undefined> {
  const upstream = await readLanes(database, lane.row.upstream);
  if (upstream.length < lane.row.upstream.length) return undefined;
  const waves = (await recentWaves(database, wavesBack)).filter((wave) => wave > basis);
  if (waves.length === 0) return undefined;
  const rows = upstream.map(({ definition }) => definitions.byId.get(definition));
  if (upstream.some(({ basis }, i) => basis < 0 || !rows[i])) return undefined;
  const sources = upstream.flatMap(({ basis }, i) =>
    basis < waves[0] ? (rows[i]?.sources ?? []).map((storage) => ({ storage, after: basis })) : [],
  );
  const changed = await readChanged(database, earliest(sources), waves[0]);
  const progress = upstream.map((position, i) => ({
    ...position,
    firstChange: firstChangeOf(changed, rows[i]?.sources ?? [], position.basis),
  }));
  return newestCommonWave(waves, progress);
}

/** One attempt to advance a lane to its target. */
class Backfill implements AdvanceContext {
  readonly reads: BatchedReads;
  /** The lane's basis at the start: the registry may read it anew meanwhile. */
  readonly basis: number;
  readonly target: number;
  readonly #database: Database;
  readonly #lane: Lane;
  readonly #options: BackfillOptions;
  readonly #sources: SharedSources;
  readonly #output = new LaneOutput();
  readonly #pace: BackfillPace;
  readonly #startedAt = performance.now();
  /** Checkpoints of the basis, or of an earlier attempt. */
  readonly #hasCheckpoints: boolean;
  #step: Step;
  #writing: Promise<boolean> = Promise.resolve(true);
  /** The moment of the first piece, and how long it took: a run may have to fill a long window first. */
  #begun: { readonly at: number; readonly millis: number } | undefined;
  /** The span that the current stage goes through, for its progress. */
  #extent: Range = everything;
  #end: BackfillEnd = 'complete';

  constructor(
    database: Database,
    { lane, basis, step, target }: Pick<Lane, 'basis' | 'step'> & { lane: Lane; target: number },
    options: BackfillOptions,
    sources: SharedSources,
  ) {
    this.#database = database;
    this.reads = new BatchedReads(database);
    this.#lane = lane;
    this.basis = basis;
    this.target = target;
    this.#options = options;
    this.#sources = sources;
    this.#pace = new BackfillPace(database);
    this.#hasCheckpoints = basis >= 0 || step !== null;
    this.#step = step ?? { count: 0, target, stage: randomUUID(), at: 0, done: everything.from, progress: 0 };
  }

  async run(): Promise<BackfillEnd> {
    const lane = this.#lane;
    const policy = {
      start: { stage: this.#step.at, done: this.#step.done },
      onPiece: (stage: number, done: number) => this.#onPiece(stage, done),
      onStage: (stage: number) => this.#onStage(stage),
    };
    if ((await advanceLane(lane, this, policy, this.#output)) === 'stopped') return this.#end;
    if (!(await this.#writing)) return 'elsewhere';
    const way = {
      definition: lane.row.id,
      basis: this.basis,
      target: this.target,
      until: this.basis,
      ...this.#output.take(),
      stage: this.#step.count > 0 ? this.#step.stage : undefined,
    };
    const notice = this.#options.announce
      ? payloadOf(derivedNotice(this.target, [{ series: lane.row.series, changed: true }]))
      : undefined;
    const elsewhere = await derive(this.#database, [way], notice);
    if (elsewhere.length > 0) return 'elsewhere';
    Object.assign(lane, positionAfter(lane, way), { step: null, needsBackfill: false });
    return 'complete';
  }

  async changes(stage: number): Promise<LeafChanges[]> {
    const changes = await Promise.all(this.#lane.leaves[stage].map(({ storage }) => this.#changesOf(storage)));
    if (changes.some((each) => each !== undefined)) this.#extent = await this.#extentOf(changes, stage);
    this.#pace.works();
    return changes;
  }

  checkpoints(stage: number) {
    return this.#hasCheckpoints ? storedCheckpoints(this.reads, this.#lane.row.id, stage) : undefined;
  }

  source(storage: number): PointSource {
    if (this.#lane.row.storages.includes(storage)) {
      const staged = { id: this.#step.stage, revision: this.target };
      return new PointSource(this.reads, storage, this.target, undefined, staged);
    }
    const name = `${storage} ${this.target}`;
    let source = this.#sources.get(name);
    if (!source) {
      source = new PointSource(this.reads, storage, this.target);
      this.#sources.set(name, source);
      for (const [oldest] of this.#sources) if (this.#sources.size > sourcesMax) this.#sources.delete(oldest);
    }
    return source;
  }

  async #onPiece(stage: number, done: number): Promise<'go on' | 'stop'> {
    if (!this.#begun) {
      const now = performance.now();
      this.#begun = { at: now, millis: now - this.#startedAt };
      this.#pace.stepped();
    }
    if (this.#pace.isStepDue(this.#output.diff.length)) {
      this.#output.cut(this.#lane.row.storages[stage]);
      const { from, to } = this.#extent;
      const share = to > from ? (done - from) / (to - from) : 1;
      const progress = (stage + Math.min(1, Math.max(0, share))) / this.#lane.plan.stages.length;
      if (!(await this.#takeStep(stage, Math.min(done, everything.to), progress))) return this.#stop('elsewhere');
      if (this.#isOver()) return this.#stop((await this.#writing) ? 'interrupted' : 'elsewhere');
    }
    await this.#pace.rest();
    return 'go on';
  }

  /** The next stage reads the points of this one from the store. */
  async #onStage(stage: number): Promise<'go on' | 'stop'> {
    const next = stage + 1;
    const { length } = this.#lane.plan.stages;
    if (next === length) return 'go on';
    const isWritten = (await this.#takeStep(next, everything.from, next / length)) && (await this.#writing);
    return isWritten ? 'go on' : this.#stop('elsewhere');
  }

  #stop(end: BackfillEnd): 'stop' {
    this.#end = end;
    return 'stop';
  }

  #isOver(): boolean {
    const now = performance.now();
    const { at, millis } = this.#begun ?? { at: now, millis: 0 };
    return this.#options.isOver(now - at, millis);
  }

  /** Writes a step while the next one is computed; false when the last one was not taken. */
  async #takeStep(at: number, done: number, progress: number): Promise<boolean> {
    if (!(await this.#writing)) return false;
    await this.#pace.look();
    const step = { ...this.#step, count: this.#step.count + 1, at, done, progress };
    this.#step = step;
    const { blocks, checkpoints } = this.#output.take();
    const lane = { definition: this.#lane.row.id, basis: this.basis };
    this.#writing = takeStep(this.#database, lane, step, blocks, checkpoints);
    this.#writing.catch(() => undefined);
    this.#pace.stepped();
    this.#options.onProgress?.(step);
    return true;
  }

  async #changesOf(storage: number): Promise<LeafChanges> {
    if (this.basis < 0) return [everything];
    if (this.#lane.row.storages.includes(storage)) {
      const staged = await readStagedExtent(this.#database, storage, this.#step.stage);
      return staged ? [staged] : undefined;
    }
    const changed = await readChanged(this.#database, [{ storage, after: this.basis }], this.target);
    return changed.get(storage);
  }

  async #extentOf(changes: readonly LeafChanges[], stage: number): Promise<Range> {
    const leaves = this.#lane.leaves[stage];
    const extents = await Promise.all(leaves.map(({ storage }) => readExtent(this.#database, storage)));
    const known = extents.filter((extent) => extent !== undefined);
    const firsts = changes.flatMap((each) => (each ? ('t' in each ? each.t[0] : each[0].from) : []));
    const from = Math.max(Math.min(...firsts), Math.min(...known.map((extent) => extent.from)));
    return { from, to: Math.max(from, ...known.map((extent) => extent.to)) };
  }
}
