import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Fault } from '../../src/engine/fault.ts';
import type { IngestResult } from '../../src/ingest/ingest.ts';
import { readHistory } from '../../src/query/history.ts';
import { sealSeries } from '../../src/store/seal.ts';
import { type SealSizes, sealSizes } from '../../src/store/seal-plan.ts';
import { sealWhole } from '../../src/upkeep/upkeep.ts';
import { createDatabase } from '../support/database.ts';
import { times } from '../support/long.ts';
import { Model, type ModelTick } from '../support/model.ts';
import { compareSeries, compareView, givenColumns, idOf, type Process, type Question, startProcess } from './world.ts';

let url = '';
let drop: () => Promise<void>;
let runs = 0;

beforeAll(async () => {
  ({ url, drop } = await createDatabase());
});
afterAll(() => drop());

const day = 86_400_000_000;
const year2026 = 1_767_225_600_000_000;
const clusters = [0, 7 * day, year2026 - 11 * 365 * day, year2026];

const instant = fc
  .oneof(
    {
      weight: 8,
      arbitrary: fc.tuple(fc.constantFrom(...clusters), fc.integer({ min: -6, max: 6 })).map(([c, i]) => c + i),
    },
    { weight: 4, arbitrary: fc.integer({ min: -20, max: 200 }).map((i) => year2026 + i * 17_000_000) },
    { weight: 2, arbitrary: fc.integer({ min: -40, max: 40 }).map((i) => i * 13 * day) },
    { weight: 1, arbitrary: fc.constantFrom(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) },
    { weight: 1, arbitrary: fc.integer({ min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }) },
  )
  .map((t) => t + 0);

const value = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 3, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(-0, 5e-324, -5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 53, 0.1, 1e300),
  },
);
const size = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, 0.1, 2.5, 1e16, 1e308) },
);

const names = ['A', 'B', 'C'] as const;
const name = fc.constantFrom(...names);
const tick = fc.record({ series: name, t: instant, value, size });
const badTick = fc.record({ series: name, t: fc.constant(Number.NaN), value, size });
const ticks = fc.array(fc.oneof({ weight: 30, arbitrary: tick }, { weight: 1, arbitrary: badTick }), {
  minLength: 1,
  maxLength: 24,
  size: 'max',
});
/** One series, dense, so that blocks fill up. */
const denseTicks = fc
  .tuple(
    name,
    fc.constantFrom(...clusters),
    fc.integer({ min: 0, max: 60 }),
    fc.array(value, { minLength: 20, maxLength: 60, size: 'max' }),
  )
  .map(([series, start, skip, values]): ModelTick[] =>
    values.map((some, i) => ({
      series,
      t: start + (skip + i) * 1_000_000,
      value: some,
      size: i % 3 === 0 ? i / 10 : null,
    })),
  );

interface IngestOp {
  kind: 'ingest';
  ticks: ModelTick[];
  createMissing: boolean;
  partial: boolean;
  note: string | null;
  keyed: boolean;
}
interface DeleteOp {
  kind: 'delete';
  series: string;
  range: { from: number; to: number } | null;
  at: number[];
  note: string | null;
  keyed: boolean;
}
interface DropOp {
  kind: 'drop';
  series: string;
}
type WriteOp = IngestOp | DeleteOp | DropOp;
type Op =
  | WriteOp
  | { kind: 'create'; series: string }
  | { kind: 'seal'; series: string; whole: boolean }
  | { kind: 'restart' }
  | { kind: 'repeat'; which: number }
  | { kind: 'bunch'; writes: { by: number; write: WriteOp }[] };

const note = fc.option(fc.constantFrom('fix', 'late'), { freq: 4 });
const keyed = fc.boolean();
const ingestOp: fc.Arbitrary<IngestOp> = fc.record({
  kind: fc.constant('ingest' as const),
  ticks: fc.oneof({ weight: 3, arbitrary: ticks }, { weight: 2, arbitrary: denseTicks }),
  createMissing: fc.boolean().map((no) => !no),
  partial: fc.boolean(),
  note,
  keyed,
});
const deleteOp: fc.Arbitrary<DeleteOp> = fc.record({
  kind: fc.constant('delete' as const),
  series: name,
  range: fc.option(
    fc.tuple(instant, instant).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) + 1 })),
    { freq: 2 },
  ),
  at: fc.array(instant, { minLength: 1, maxLength: 6 }),
  note,
  keyed,
});
const dropOp: fc.Arbitrary<DropOp> = fc.record({ kind: fc.constant('drop' as const), series: name });
const bunch = fc
  .array(
    fc.record({
      by: fc.nat({ max: 1 }),
      write: fc.oneof(
        { weight: 10, arbitrary: ingestOp },
        { weight: 4, arbitrary: deleteOp },
        { weight: 1, arbitrary: dropOp },
      ),
    }),
    { minLength: 2, maxLength: 8 },
  )
  .map((writes) => ({ kind: 'bunch' as const, writes }));

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 10, arbitrary: ingestOp },
  { weight: 4, arbitrary: deleteOp },
  { weight: 1, arbitrary: dropOp },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('create' as const), series: name }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('seal' as const),
      series: name,
      whole: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('repeat' as const), which: fc.nat() }) },
  { weight: 4, arbitrary: bunch },
);

const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const question: fc.Arbitrary<Question> = fc.record({
  asOf: share,
  older: share,
  from: share,
  to: share,
  open: fc.boolean(),
  count: fc.integer({ min: 1, max: 12 }),
  maxPoints: fc.integer({ min: 1, max: 30 }),
  bucketMicros: fc.constantFrom(1, 7, 1_000, 60_000_000, day, 400 * day),
  intervalMicros: fc.constantFrom(1_000, 60_000_000, 5 * 60_000_000, day, 7 * day, 30 * day),
});

const sizes: fc.Arbitrary<SealSizes> = fc.record({
  blockVersions: fc.integer({ min: 2, max: 24 }),
  chunkVersions: fc.integer({ min: 1, max: 6 }),
  passVersionsMax: fc.integer({ min: 4, max: 80 }),
  passBlocksMax: fc.integer({ min: 1, max: 40 }),
  passHeadsMax: fc.integer({ min: 2, max: 20 }),
});

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
class Pair {
  readonly model = new Model();
  readonly #prefix = `${runs++}-`;
  readonly #sizes: SealSizes;
  #processes: [Process, Process];
  #kept: Kept[] = [];
  #keys = 0;

  constructor(theSizes: SealSizes) {
    this.#sizes = theSizes;
    this.#processes = [startProcess(url), startProcess(url)];
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
      this.#processes = [startProcess(url), startProcess(url)];
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

async function replay(history: readonly (readonly [Op, Question])[], theSizes: SealSizes, end: readonly Question[]) {
  const pair = new Pair(theSizes);
  try {
    for (const [some, asked] of history) {
      await pair.run(some);
      await pair.compare(asked);
    }
    for (const asked of end) await pair.compare(asked);
    await pair.compareNow();
  } finally {
    await pair.stop();
  }
}

const calm: Question = {
  asOf: 0.999,
  older: 0,
  from: 0,
  to: 0.999,
  open: true,
  count: 3,
  maxPoints: 3,
  bucketMicros: 400 * day,
  intervalMicros: 30 * day,
};

function writeOf(...some: [series: string, t: number, value: number][]): IngestOp {
  const given = some.map(([series, t, each]): ModelTick => ({ series, t, value: each, size: null }));
  return { kind: 'ingest', ticks: given, createMissing: true, partial: false, note: null, keyed: false };
}

/** Once wrong: the very last instant was neither read nor sealed, and thinning what is wider than 2^53 was refused. */
const ends: Parameters<typeof replay> = [
  [
    [writeOf(['A', Number.MAX_SAFE_INTEGER, 1], ['A', -Number.MAX_SAFE_INTEGER, 2], ['A', 0, 3], ['A', 1, 4]), calm],
    [{ kind: 'seal', series: 'A', whole: true }, calm],
    [writeOf(['A', 1, 5]), { ...calm, maxPoints: 2 }],
  ],
  { blockVersions: 2, chunkVersions: 1, passVersionsMax: 80, passBlocksMax: 40, passHeadsMax: 20 },
  [calm],
];

/** Once wrong in the model: two who drop the same series are answered alike. */
const twice: Parameters<typeof replay> = [
  [
    [writeOf(['C', 0, 1]), calm],
    [{ kind: 'bunch', writes: [0, 1, 0].map((by) => ({ by, write: { kind: 'drop' as const, series: 'C' } })) }, calm],
  ],
  { blockVersions: 2, chunkVersions: 1, passVersionsMax: 80, passBlocksMax: 40, passHeadsMax: 20 },
  [calm],
];

test('whatever is written, sealed, repeated and raced, every past revision answers as the plain model does', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.tuple(op, question), { minLength: 1, maxLength: 14, size: 'max' }),
    sizes,
    fc.array(question, { minLength: 3, maxLength: 3 }),
    replay,
  );
  await fc.assert(property, { numRuns: 12 * times, examples: [ends, twice], interruptAfterTimeLimit: 45_000 * times });
});

/** A write of more points than a commit holds: staged first. Some instants repeat, some lie far apart. */
const largeOp: fc.Arbitrary<IngestOp> = fc
  .record({
    count: fc.integer({ min: 20_500, max: 24_000 }),
    start: fc.constantFrom(...clusters),
    step: fc.constantFrom(1, 1_000, 60_000_000),
    others: fc.integer({ min: 0, max: 500 }),
    factor: fc.double({ noNaN: true, noDefaultInfinity: true }),
  })
  .map(({ count, start, step, others, factor }) => ({
    kind: 'ingest' as const,
    ticks: Array.from({ length: count }, (_, i) => ({
      series: i < others ? 'B' : 'A',
      t: start + ((i * 7) % (count - 100)) * step,
      value: Number.isFinite(factor * i) ? factor * i : i,
      size: i % 5 === 0 ? i : null,
    })),
    createMissing: true,
    partial: false,
    note: null,
    keyed: true,
  }));

test('large writes, which are staged, read and seal as small ones do', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.oneof({ weight: 1, arbitrary: largeOp }, { weight: 2, arbitrary: op }), { minLength: 2, maxLength: 4 }),
    largeOp,
    question,
    async (ops, large, asked) => {
      const pair = new Pair(sealSizes);
      try {
        for (const some of [...ops.slice(0, 1), large, ...ops.slice(1)]) await pair.run(some);
        await pair.compare(asked);
        for (const series of names) await pair.run({ kind: 'seal', series, whole: true });
        await pair.run({ kind: 'repeat', which: 0 });
        await pair.compare({ ...asked, open: true, asOf: 0.999 });
        await pair.compareNow();
      } finally {
        await pair.stop();
      }
    },
  );
  await fc.assert(property, { numRuns: 2 * times, interruptAfterTimeLimit: 45_000 * times });
});
