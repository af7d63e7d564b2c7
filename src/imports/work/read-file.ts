import { Catalogue } from '../../store/catalogue.ts';
import type { ImportTask } from '../../store/imports/import-rows.ts';
import {
  beginReading,
  type ImportCheckpoint,
  readMadeSeries,
  readStageSpans,
  readStages,
  type StagedBlocks,
  writeCheckpoint,
} from '../../store/imports/import-stages.ts';
import type { ImportCounts } from '../../store/imports/import-work.ts';
import type { ImportPlan } from '../import-plan.ts';
import { type FilePosition, startOfFile, type TickBatch } from '../text/tick-batch.ts';
import { hashOfInput } from '../work-identity.ts';
import { compareWithStored, stagePieces } from './compare-and-stage.ts';
import type { ImportRun } from './import-run.ts';
import { columnsOfKeys, RejectedRows } from './rejected-rows.ts';
import { SeriesKeys } from './series-keys.ts';
import { StagedCoverage } from './staged-coverage.ts';
import { TickBuffer } from './tick-buffer.ts';

/** The longest time between two checkpoints, even when few ticks were staged. */
const checkpointMillis = 2_000;

/** The progress of reading, stored with the import. */
export interface ReadProgress {
  readonly task: ImportTask;
  /** The hash of the input: another input means reading the file again from its start. */
  readonly input: string;
  readonly step: number;
  readonly place: FilePosition;
  readonly ended: boolean;
  /** In a preview: the series whose points would change. */
  readonly touched: readonly number[];
}

const nothing: ImportCounts = { bytes: 0, rows: 0, accepted: 0, rejected: 0, unchanged: 0, changed: 0, created: 0 };

/**
 * The saved progress of this task; undefined when reading must start at the beginning. A finished preview starts again.
 */
export function savedProgress({ taken, input }: ImportRun): ReadProgress | undefined {
  const kept = taken.place as ReadProgress | null;
  if (kept?.task !== taken.task || kept.input !== hashOfInput(input)) return undefined;
  return kept.ended && taken.task === 'PREVIEW' ? undefined : kept;
}

/**
 * Reads a file from its saved progress to its end. It stages ticks as it reads, and checkpoints record which stages
 * count, so that another worker continues after the last checkpoint.
 */
export async function readToEnd(
  task: ImportRun,
  plan: ImportPlan,
): Promise<{ stand: ReadProgress; counts: ImportCounts }> {
  const { database, lease, taken } = task;
  let stand = savedProgress(task);
  let counts = taken.counts;
  if (!stand) {
    stand = {
      task: taken.task,
      input: hashOfInput(task.input),
      step: 0,
      place: startOfFile,
      ended: false,
      touched: [],
    };
    counts = nothing;
    await beginReading(database, lease, stand);
  }
  if (stand.ended) return { stand, counts };
  const reading = new Reading(task, plan, stand, counts);
  return reading.run();
}

class Reading {
  readonly #task: ImportRun;
  readonly #plan: ImportPlan;
  readonly #columnOf: (key: string) => string | null;
  readonly #gathering: TickBuffer;
  readonly #coverage = new StagedCoverage();
  readonly #touched: Set<number>;
  readonly #rejects: RejectedRows;
  #stand: ReadProgress;
  #counts: ImportCounts;
  #writtenAt = performance.now();

  constructor(task: ImportRun, plan: ImportPlan, stand: ReadProgress, counts: ImportCounts) {
    this.#task = task;
    this.#plan = plan;
    this.#columnOf = columnsOfKeys(plan);
    this.#gathering = new TickBuffer(task.sizes.ticks);
    this.#stand = stand;
    this.#counts = counts;
    this.#touched = new Set(stand.touched);
    this.#rejects = new RejectedRows(counts.rejected);
  }

  async run(): Promise<{ stand: ReadProgress; counts: ImportCounts }> {
    const { database, lease, reader, source, input, sizes } = this.#task;
    const keys = new SeriesKeys(new Catalogue(database), input.createMissing, await readMadeSeries(database, lease.id));
    await this.#recover();
    let place = this.#stand.place;
    for await (const batch of reader.readTicks(source, this.#plan, place)) {
      lease.check();
      await keys.learn(batch.keys);
      this.#take(batch, keys);
      place = batch.end;
      const isDue = this.#gathering.count >= sizes.ticks || this.#rejects.isMany;
      if (isDue || performance.now() - this.#writtenAt > checkpointMillis) await this.#write(keys, place, false);
    }
    await this.#write(keys, place, true);
    return { stand: this.#stand, counts: this.#counts };
  }

  /** Blocks staged by an earlier run still determine the generations of the next ones. */
  async #recover(): Promise<void> {
    const { database, lease } = this.#task;
    for (const { stage, generation } of await readStages(database, lease.id)) {
      for (const { series, from, to } of await readStageSpans(database, stage)) {
        this.#coverage.add(series, from, to, generation);
      }
    }
  }

  #take(batch: TickBatch, keys: SeriesKeys): void {
    const { targets } = keys;
    const refused = new Set(batch.rejects.map(({ line }) => line));
    const rejects = [...batch.rejects];
    if (keys.someRefused) {
      for (let i = 0; i < batch.count; i++) {
        const target = targets[batch.series[i]];
        if (!('reason' in target)) continue;
        const column = this.#columnOf(batch.keys[batch.series[i]]);
        rejects.push({ line: batch.line[i], column, reason: target.reason });
        refused.add(batch.line[i]);
      }
      rejects.sort((a, b) => a.line - b.line);
    }
    this.#gathering.add(batch, (slot) => 'series' in targets[slot]);
    this.#rejects.add(rejects);
    this.#counts = {
      ...this.#counts,
      bytes: batch.bytes,
      rows: this.#counts.rows + batch.rows,
      accepted: this.#counts.accepted + batch.rows - refused.size,
      rejected: this.#rejects.count,
    };
  }

  async #write(keys: SeriesKeys, place: FilePosition, ended: boolean): Promise<void> {
    const { database, lease, taken, notify } = this.#task;
    const stages: StagedBlocks[] = [];
    let { unchanged, changed } = this.#counts;
    for (const some of this.#gathering.take()) {
      const given = some.flatMap(({ slot, column }) => {
        const target = keys.targets[slot];
        return 'series' in target ? [{ series: target.series, column }] : [];
      });
      const compared = await compareWithStored(database, given, this.#coverage);
      if (taken.task === 'COMMIT') stages.push(...(await stagePieces(database, compared.pieces, this.#coverage)));
      else for (const series of compared.touched) if (series > 0) this.#touched.add(series);
      unchanged += compared.unchanged;
      changed += compared.changed;
    }
    this.#counts = { ...this.#counts, unchanged, changed, created: keys.made };
    this.#stand = { ...this.#stand, step: this.#stand.step + 1, place, ended, touched: [...this.#touched] };
    const checkpoint: ImportCheckpoint = {
      step: this.#stand.step,
      place: this.#stand,
      counts: this.#counts,
      stages,
      rejects: this.#rejects.take(),
      series: keys.takeNew(),
    };
    if (!(await writeCheckpoint(database, lease, checkpoint))) lease.lost();
    this.#writtenAt = performance.now();
    await notify();
    lease.check();
  }
}
