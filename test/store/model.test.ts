import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { type SealSizes, sealSizes } from '../../src/store/seal-plan.ts';
import { createDatabase } from '../support/database.ts';
import { times } from '../support/long.ts';
import type { ModelTick } from '../support/model.ts';
import { clusters, day, type IngestOp, names, type Op, op, question, sizes } from './model-operations.ts';
import { Pair } from './model-pair.ts';
import type { Question } from './world.ts';

let url = '';
let drop: () => Promise<void>;

beforeAll(async () => {
  ({ url, drop } = await createDatabase());
});
afterAll(() => drop());

async function replay(history: readonly (readonly [Op, Question])[], theSizes: SealSizes, end: readonly Question[]) {
  const pair = new Pair(url, theSizes);
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
      const pair = new Pair(url, sealSizes);
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
