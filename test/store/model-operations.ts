import fc from 'fast-check';
import type { SealSizes } from '../../src/store/seal-plan.ts';
import type { ModelTick } from '../support/model.ts';
import type { Question } from './world.ts';

export const day = 86_400_000_000;
const year2026 = 1_767_225_600_000_000;
export const clusters = [0, 7 * day, year2026 - 11 * 365 * day, year2026];

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

export const names = ['A', 'B', 'C'] as const;
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

export interface IngestOp {
  kind: 'ingest';
  ticks: ModelTick[];
  createMissing: boolean;
  partial: boolean;
  note: string | null;
  keyed: boolean;
}
export interface DeleteOp {
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
export type WriteOp = IngestOp | DeleteOp | DropOp;
export type Op =
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

export const op: fc.Arbitrary<Op> = fc.oneof(
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
export const question: fc.Arbitrary<Question> = fc.record({
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

export const sizes: fc.Arbitrary<SealSizes> = fc.record({
  blockVersions: fc.integer({ min: 2, max: 24 }),
  chunkVersions: fc.integer({ min: 1, max: 6 }),
  passVersionsMax: fc.integer({ min: 4, max: 80 }),
  passBlocksMax: fc.integer({ min: 1, max: 40 }),
  passHeadsMax: fc.integer({ min: 2, max: 20 }),
});
