import { expect } from 'vitest';
import { Fault } from '../../src/engine/fault.ts';
import type { IngestResult } from '../../src/ingest/ingest.ts';
import { readHistory } from '../../src/query/history.ts';
import { sealSeries } from '../../src/store/seal.ts';
import type { SealSizes } from '../../src/store/seal-plan.ts';
import { sealWhole } from '../../src/upkeep/upkeep.ts';
import { Model, type ModelTick } from '../support/model.ts';
import type { DeleteOp, IngestOp, Op, WriteOp } from './model-operations.ts';
import { compareSeries, compareView, givenColumns, idOf, type Process, type Question, startProcess } from './world.ts';

let runs = 0;

interface Kept {
  readonly write: IngestOp | DeleteOp;
  readonly key: string;
  readonly answer: IngestResult;
}

type Outcome =
  | { kind: 'done'; answer: IngestResult }
  | { kind: 'dropped'; revision: number }
  | { kind: 'fault'; fault: Fault };

/** A store and its model, side by side. */
export class Pair {
  readonly model = new Model();
  readonly #prefix = `${runs++}-`;
  readonly #url: string;
  readonly #sizes: SealSizes;
  #processes: [Process, Process];
  #kept: Kept[] = [];
  #keys = 0;

  constructor(url: string, theSizes: SealSizes) {
    this.#url = url;
    this.#sizes = theSizes;
    this.#processes = [startProcess(this.#url), startProcess(this.#url)];
  }

  get process(): Process {
    return this.#processes[0];
  }

  key(series: string): string {
    return this.#prefix + series;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
  }

  async run(some: Op): Promise<void> {
    if (some.kind === 'restart') {
      await this.stop();
      this.#processes = [startProcess(this.#url), startProcess(this.#url)];
    } else if (some.kind === 'create') {
      const created = await this.process.ingest.createSeries({ key: this.key(some.series), tags: ['x'] });
      this.model.create(some.series, created.createdRevision);
    } else if (some.kind === 'seal') {
      await this.#seal(some.series, some.whole);
    } else if (some.kind === 'repeat') {
      await this.#repeat(some.which);
    } else {
      await this.#writeAll(some.kind === 'bunch' ? some.writes : [{ by: 0, write: some }]);
    }
  }

  async #seal(series: string, whole: boolean): Promise<void> {
    if (!this.model.series.has(series)) return;
    const { database } = this.process;
    const id = await idOf(this.process, this.key(series));
    if (whole) await sealWhole(database, id, undefined, this.#sizes);
    else await sealSeries(database, id, 0, this.#sizes);
    const overlapping = await database.query(
      `SELECT a.from_t, a.to_t, b.from_t, b.to_t FROM sealed_blocks AS a JOIN sealed_blocks AS b USING (series)
       WHERE series = ${id} AND a.from_t < b.from_t AND a.to_t >= b.from_t`,
    );
    expect(overlapping, 'sealed blocks that overlap').toStrictEqual([]);
  }

  async #repeat(which: number): Promise<void> {
    if (this.#kept.length === 0) return;
    const { write, key, answer } = this.#kept[which % this.#kept.length];
    const newest = await this.process.catalogue.newestRevision();
    expect(await this.#call(this.process, write, key), 'a repetition is answered as the first time').toStrictEqual(
      answer,
    );
    expect(await this.process.catalogue.newestRevision(), 'a repetition writes nothing').toBe(newest);
  }

  #call({ ingest }: Process, write: IngestOp | DeleteOp, key: string | null): Promise<IngestResult> {
    if (write.kind === 'delete') {
      return ingest.deleteTicks({
        series: this.key(write.series),
        range: write.range ?? undefined,
        at: write.range ? undefined : Float64Array.from(write.at),
        note: write.note,
        idempotencyKey: key,
      });
    }
    return ingest.ingest({
      columns: givenColumns(write.ticks.map((some) => ({ ...some, series: this.key(some.series) }))),
      createMissing: write.createMissing,
      partial: write.partial,
      note: write.note,
      idempotencyKey: key,
    });
  }

  async #outcome(process: Process, write: WriteOp): Promise<Outcome> {
    try {
      if (write.kind === 'drop') {
        const { revision } = await process.ingest.deleteSeries(this.key(write.series));
        return { kind: 'dropped', revision };
      }
      const key = write.keyed ? `${this.#prefix}k${this.#keys++}` : null;
      const answer = await this.#call(process, write, key);
      // What rejects everything writes nothing, and so keeps no answer.
      if (key !== null && (write.kind === 'delete' || answer.accepted > 0)) this.#kept.push({ write, key, answer });
      return { kind: 'done', answer };
    } catch (error) {
      if (error instanceof Fault) return { kind: 'fault', fault: error };
      throw error;
    }
  }

  /** Makes the writes at once, then applies them to the model in the order that their revisions give. */
  async #writeAll(writes: readonly { by: number; write: WriteOp }[]): Promise<void> {
    const outcomes = await Promise.all(
      writes.map(async ({ by, write }) => ({ write, outcome: await this.#outcome(this.#processes[by], write) })),
    );
    const droppedKeys = new Set(writes.flatMap(({ write }) => (write.kind === 'drop' ? [write.series] : [])));
    const alone = writes.length === 1;
    const rank = { delete: 0, ingest: 1, drop: 2 };
    const done = outcomes.flatMap(({ write, outcome }) => {
      if (outcome.kind === 'fault') {
        this.#expectRefusal(write, outcome.fault, droppedKeys, alone);
        return [];
      }
      return [{ write, outcome, revision: outcome.kind === 'done' ? outcome.answer.revision : outcome.revision }];
    });
    // In one commit deletions come first: they delete what was there when they were read.
    done.sort((a, b) => a.revision - b.revision || rank[a.write.kind] - rank[b.write.kind]);
    const dropped = new Map<string, number>();
    for (const { write, outcome, revision } of done) {
      if (write.kind === 'drop') {
        // Who drops what another one has just dropped is answered with what that one was.
        if (dropped.get(write.series) === revision) continue;
        dropped.set(write.series, revision);
        expect(this.model.series.has(write.series), 'what is dropped was there').toBe(true);
        this.model.remove(write.series);
      } else if (outcome.kind === 'done') {
        if (write.kind === 'delete') this.#applyDelete(write, outcome.answer, droppedKeys);
        else this.#applyIngest(write, outcome.answer, droppedKeys.size > 0 || !alone);
      }
    }
    for (const { write, outcome } of done) {
      if (write.kind === 'delete' && outcome.kind === 'done') this.#checkEmpty(write, outcome.answer, droppedKeys);
    }
    await this.#settleTies(done.map(({ write, revision }) => ({ write, revision })));
  }

  #expectRefusal(write: WriteOp, fault: Fault, droppedKeys: ReadonlySet<string>, alone: boolean): void {
    if (write.kind !== 'ingest') {
      expect(fault.code).toBe('NOT_FOUND');
      if (alone) expect(this.model.series.has(write.series)).toBe(false);
      return;
    }
    expect(fault.code).toBe('BAD_USER_INPUT');
    expect(write.partial).toBe(false);
    const { rejected } = this.model.judge(write.ticks, write.createMissing);
    if (alone || droppedKeys.size === 0) expect(fault.details.rejectedCount).toBeGreaterThan(0);
    if (alone) expect(fault.details.rejectedCount).toBe(rejected.length);
  }

  #applyDelete(write: DeleteOp, answer: IngestResult, droppedKeys: ReadonlySet<string>): void {
    const { series, range, at } = write;
    // Of a series that was dropped and made anew while it looked it may have seen the old one, empty.
    if (answer.accepted === 0 && droppedKeys.has(series)) return;
    if (answer.accepted === 0 && !write.keyed) return;
    const count = range
      ? this.model.deleteRange(series, range.from, range.to, answer.revision)
      : this.model.deleteAt(series, at, answer.revision);
    expect(answer.accepted, 'points deleted').toBe(count);
  }

  /** A deletion that found nothing took no revision: it names the one at which there was nothing. */
  #checkEmpty({ series, range, at, keyed }: DeleteOp, answer: IngestResult, droppedKeys: ReadonlySet<string>): void {
    if (keyed || answer.accepted > 0 || droppedKeys.has(series)) return;
    const held = this.model.series
      .get(series)
      ?.points(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, answer.revision);
    const missed = held?.filter(({ t }) => (range ? t >= range.from && t < range.to : at.includes(t))) ?? [];
    expect(missed, 'points that a deletion passed over').toStrictEqual([]);
  }

  #applyIngest(write: IngestOp, answer: IngestResult, racing: boolean): void {
    const judged = this.model.judge(write.ticks, write.createMissing);
    if (racing && !write.createMissing) {
      // Which series there were when it was judged is not known; what it says it rejected is.
      const rejected = new Set(answer.rejected.map(({ index }) => index));
      if (answer.accepted > 0) {
        const accepted = write.ticks.filter((_, i) => !rejected.has(i));
        this.model.ingest(accepted, answer.revision, false);
      }
      return;
    }
    const { accepted, duplicates } = answer;
    expect({ accepted, duplicates, rejected: answer.rejected.map(({ index }) => index) }, 'the answer').toStrictEqual(
      judged,
    );
    if (accepted > 0) this.model.ingest(write.ticks, answer.revision, write.createMissing);
  }

  /** Of writes that share a revision either may be the later one: what the store holds must be of one of them. */
  async #settleTies(done: readonly { write: WriteOp; revision: number }[]): Promise<void> {
    const said = new Map<
      string,
      { series: string; t: number; revision: number; by: Set<WriteOp>; ticks: ModelTick[] }
    >();
    for (const { write, revision } of done) {
      if (write.kind !== 'ingest') continue;
      const last = new Map(
        write.ticks.filter(({ t }) => !Number.isNaN(t)).map((some) => [`${some.series} ${some.t}`, some]),
      );
      for (const some of last.values()) {
        const place = `${some.series} ${some.t} ${revision}`;
        const known = said.get(place) ?? { series: some.series, t: some.t, revision, by: new Set(), ticks: [] };
        known.by.add(write);
        known.ticks.push(some);
        said.set(place, known);
      }
    }
    for (const { series, t, revision, by, ticks: candidates } of said.values()) {
      const model = this.model.series.get(series);
      if (by.size < 2 || !model || revision < model.createdRevision) continue;
      if (!model.versions.some((version) => version.t === t && version.revision === revision)) continue;
      const [held] = await readHistory(
        this.process.database,
        await idOf(this.process, this.key(series)),
        t,
        1,
        revision,
      );
      const one = candidates.find((some) => Object.is(some.value, held.value) && Object.is(some.size, held.size));
      expect(one, 'one of the values that were written').toBeDefined();
      model.say({ t, revision, value: held.value, size: held.size });
    }
  }

  async compare(asked: Question): Promise<void> {
    for (const [series, model] of this.model.series) {
      await compareSeries(this.process, this.key(series), model, asked);
    }
  }

  async compareNow(): Promise<void> {
    const renamed = new Model();
    for (const [series, model] of this.model.series) renamed.series.set(this.key(series), model);
    await compareView(this.process, renamed);
  }
}
