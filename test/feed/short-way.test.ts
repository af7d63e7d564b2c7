import fc from 'fast-check';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { everything } from '../../src/engine/ranges.ts';
import { type ChangeEvent, pointReader, type SeriesChange } from '../../src/feed/changes.ts';
import type { SpanReader } from '../../src/feed/spans.ts';
import { BatchedReads } from '../../src/store/batched-reads.ts';
import { sealWhole } from '../../src/upkeep/upkeep.ts';
import { idOf, type Process, put, startProcess } from '../store/world.ts';
import { createDatabase } from '../support/database.ts';
import { times } from '../support/long.ts';

const second = 1_000_000;

/** Instants so far apart are near: see togetherMicros in src/query/diff.ts. */
const nearMicros = 1_000;

let process: Process;
let reads: BatchedReads;
/** Knows what the process said, as it does where it also writes. */
let ownReads: BatchedReads;
let drop: () => Promise<void>;

beforeAll(async () => {
  const database = await createDatabase();
  drop = database.drop;
  process = startProcess(database.url, { onBlocks: (said) => ownReads.recent.add(said) });
  reads = new BatchedReads(process.database);
  ownReads = new BatchedReads(process.database);
});
afterAll(async () => {
  await process.stop();
  await drop();
});

/** A reader that knows nothing yet. */
async function readerOf(keys: readonly string[], range = everything, from = reads): Promise<SpanReader<SeriesChange>> {
  const { database, catalogue } = process;
  const series = await catalogue.seriesByKeys([...keys]);
  return pointReader({ database, catalogue, reads: from }, { series, range, bucketMicros: undefined });
}

/** The event after a cursor, and what it cost: nothing, the statement for the news alone, or further reads. */
async function read(reader: SpanReader<SeriesChange>, after: number, upTo: number) {
  const spies = [reads, ownReads].flatMap((each) => [
    vi.spyOn(each, 'step'),
    vi.spyOn(each, 'touched'),
    vi.spyOn(each, 'end'),
  ]);
  const event = reader.read(after, upTo);
  const found = await event;
  const isShort = spies.every((spy) => spy.mock.calls.length === 0);
  for (const spy of spies) spy.mockRestore();
  return { event: found, cost: event instanceof Promise ? (isShort ? 'news' : 'further reads') : 'nothing' };
}

interface Span {
  readonly series: string;
  readonly from: number;
  readonly to: number;
  readonly truncated: boolean;
  readonly points: readonly (readonly number[])[];
}

/** What of an event counts. Of instants that lie far apart the long way does not know that nothing lies between them. */
function plain({ kind, cursor, changes, end }: ChangeEvent, isNear: boolean) {
  const spans: Span[] = [];
  for (const { series, span, samples, truncated } of changes) {
    expect(samples.revision).toBe(cursor);
    const { t, value, size } = samples;
    const points = [...t].map((at, i) => [at, value[i], size?.[i] ?? Number.NaN]);
    const last = spans.at(-1);
    if (!isNear && last?.series === series)
      spans[spans.length - 1] = { ...last, to: span.to, points: [...last.points, ...points] };
    else spans.push({ series, from: span.from, to: span.to, truncated, points });
  }
  return { kind, cursor, end: end?.message, spans };
}

const series = fc.nat(2);
const value = fc.constantFrom(0, 0, -0, 0.1);
const size = fc.option(fc.constantFrom(0, 2.5), { nil: undefined, freq: 1 });
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      series,
      // 0: at the last instant again.
      gap: fc.constantFrom(0, 0, 1, 1, 1, 9),
      count: fc.constantFrom(1, 1, 3),
      value,
      size,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('correct' as const), series, at: fc.nat(40), value, size }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('delete' as const),
      series,
      back: fc.constantFrom(-1, 0, 0, 1, 6),
      count: fc.integer({ min: 1, max: 4 }),
      isRange: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('together' as const), value, size }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('seal' as const), series }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('follow' as const),
      // From where it stood last, or from so many revisions before the end.
      back: fc.constantFrom(undefined, undefined, undefined, 1, 1, 1, 4),
      upTo: fc.constantFrom(0, 0, 0, 0, 0, 1),
    }),
  },
);

let runs = 0;
let short = 0;
let atOnce = 0;

it('what the short way tells is what is read anew for the same revisions, over appends, corrections, deletions and sealing', async () => {
  const { database, ingest, catalogue } = process;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 30, maxLength: 50, size: 'max' }),
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      async (steps, open, isNear, isOwn) => {
        const run = runs++;
        const unit = isNear ? nearMicros : second;
        const keys = ['a', 'b', 'c'].map((name) => `S${run}-${name}`);
        const ends = [10, 10, 10];
        for (const key of keys) await put(process, key, [[10 * unit, 1]]);
        const range = open ? everything : { from: 5 * unit, to: 40 * unit };
        const reader = await readerOf(keys, range, isOwn ? ownReads : reads);
        const ids = await Promise.all(keys.map((key) => idOf(process, key)));
        const first = await catalogue.newestRevision();
        let cursor = first;
        for (const wanted of steps) {
          if (wanted.kind === 'append') {
            const from = ends[wanted.series] + wanted.gap;
            const at = Array.from({ length: wanted.count }, (_, i) => from + i);
            ends[wanted.series] = from + wanted.count - 1;
            const ticks = at.map((t, i) => [t * unit, wanted.value + (i % 2), wanted.size ?? Number.NaN] as const);
            await put(process, keys[wanted.series], ticks);
          } else if (wanted.kind === 'correct')
            await put(process, keys[wanted.series], [[wanted.at * unit, wanted.value, wanted.size ?? Number.NaN]]);
          else if (wanted.kind === 'delete') {
            const from = (ends[wanted.series] - wanted.back) * unit;
            const at = Float64Array.from({ length: wanted.count }, (_, i) => from + i * unit);
            const what = wanted.isRange
              ? { range: { from, to: from + wanted.count * unit }, at: undefined }
              : { range: undefined, at };
            await ingest.deleteTicks({ series: keys[wanted.series], ...what, note: null, idempotencyKey: null });
          } else if (wanted.kind === 'together') {
            const columns = keys.map((key, i) => ({
              series: key,
              column: {
                t: Float64Array.of((ends[i] + 1) * unit),
                value: Float64Array.of(wanted.value),
                size: wanted.size === undefined ? undefined : Float64Array.of(wanted.size),
              },
              index: (at: number) => at,
              bad: new Map(),
            }));
            ends.forEach((end, i) => {
              ends[i] = end + 1;
            });
            await ingest.ingest({ columns, createMissing: false, partial: false, note: null, idempotencyKey: null });
          } else if (wanted.kind === 'seal') await sealWhole(database, ids[wanted.series]);
          else {
            const upTo = Math.max(first, (await catalogue.newestRevision()) - wanted.upTo);
            const after = wanted.back === undefined ? Math.min(cursor, upTo) : Math.max(first, upTo - wanted.back);
            cursor = upTo;
            const { event, cost } = await read(reader, after, upTo);
            if (cost === 'nothing' && isOwn) atOnce++;
            else if (cost !== 'further reads') short++;
            const anew = await (await readerOf(keys, range)).read(after, upTo);
            expect(plain(event, isNear), `from ${after} to ${upTo}`).toEqual(plain(anew, isNear));
          }
        }
      },
    ),
    { numRuns: 10 * times, endOnFailure: true },
  );
  expect(short, 'the short way is taken').toBeGreaterThan(runs / 4);
  expect(atOnce, 'what the process knows is told at once').toBeGreaterThan(runs / 4);
});

it('an event holds 100,000 points at most: the rest is truncated', async () => {
  const { ingest, catalogue } = process;
  const keys = Array.from({ length: 120 }, (_, i) => `L${i}`);
  const append = (of: readonly string[], start: number, count: number) =>
    ingest.ingest({
      columns: of.map((key) => ({
        series: key,
        column: {
          t: Float64Array.from({ length: count }, (_, i) => (start + i) * second),
          value: new Float64Array(count),
          size: undefined,
        },
        index: (at) => at,
        bad: new Map(),
      })),
      createMissing: true,
      partial: false,
      note: null,
      idempotencyKey: null,
    });
  const { revision: first } = await append(keys, 0, 1);
  const { revision: known } = await append(keys, 1, 1);
  const [reader, other] = [await readerOf(keys), await readerOf(keys)];
  for (const each of [reader, other]) await each.read(first, known);
  for (let i = 0; i < keys.length; i += 15) await append(keys.slice(i, i + 15), 2, 900);
  const newest = await catalogue.newestRevision();
  const { changes } = await reader.read(known, newest);
  const whole = changes.filter(({ truncated }) => !truncated);
  expect({ changes: changes.length, whole: whole.length }).toEqual({ changes: 120, whole: 111 });
  const fewer = await read(other, known, newest - 1);
  expect(fewer.cost).toBe('news');
  expect(fewer.event.changes.map(({ truncated, samples }) => [truncated, samples.t.length])).toEqual(
    Array(105).fill([false, 900]),
  );
});
