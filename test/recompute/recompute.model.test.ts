import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deleteSeries } from '../../src/store/definitions.ts';
import { createDatabase } from '../support/database.ts';
import { times } from '../support/long.ts';
import { overBothBells, type TestBell } from './both-bells.ts';
import { deviationsAt, redundantVersions, remove, type Tick, write } from './expected-points.ts';
import { filled, templates } from './formula-templates.ts';
import { openRecomputeHarness, type RecomputeHarness } from './recompute-harness.ts';

const second = 1_000_000;
const sources = 4;
const runs = 6 * times;

const instant = fc.oneof(
  { weight: 10, arbitrary: fc.integer({ min: -10, max: 70 }).map((halves) => halves * 500_000) },
  { weight: 1, arbitrary: fc.integer({ min: -3 * second, max: 40 * second }) },
);
const value = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -3, max: 5 }) },
  { weight: 4, arbitrary: fc.double({ min: -10, max: 10, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(-0, 5e-324, 1e308, -1e154, 65_000.01) },
);
const size = fc.option(fc.constantFrom(0, 1, 0.5, 3), { freq: 2, nil: undefined });
const tick = fc.tuple(instant, value, size);
const source = fc.nat(sources - 1);

type Act =
  | { readonly kind: 'write'; readonly source: number; readonly ticks: readonly Tick[] }
  /** Behind all that the series holds. */
  | { readonly kind: 'append'; readonly source: number; readonly values: readonly number[] }
  /** What was written last, once more. */
  | { readonly kind: 'repeat' }
  | { readonly kind: 'span'; readonly source: number; readonly from: number; readonly length: number }
  | { readonly kind: 'instants'; readonly source: number; readonly at: readonly number[] }
  | { readonly kind: 'define'; readonly which: number; readonly template: number; readonly reads: readonly number[] }
  | { readonly kind: 'settle' };

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      source,
      ticks: fc.array(tick, { minLength: 1, maxLength: 8 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      source,
      values: fc.array(value, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'repeat' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('span' as const),
      source,
      from: instant,
      length: fc.integer({ min: 1, max: 9 * second }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('instants' as const),
      source,
      at: fc.array(instant, { minLength: 1, maxLength: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('define' as const),
      which: fc.nat(4),
      template: fc.nat(templates.length - 1),
      reads: fc.array(fc.nat(), { minLength: 3, maxLength: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'settle' as const }) },
);

interface History {
  readonly starts: readonly (readonly Tick[])[];
  /** Each reads sources and those before it. */
  readonly formulas: readonly { readonly template: number; readonly reads: readonly number[] }[];
  readonly acts: readonly Act[];
}

const history: fc.Arbitrary<History> = fc.record({
  starts: fc.array(fc.array(tick, { minLength: 1, maxLength: 40, size: 'max' }), {
    minLength: sources,
    maxLength: sources,
  }),
  formulas: fc.array(
    fc.record({
      template: fc.nat(templates.length - 1),
      reads: fc.array(fc.nat(), { minLength: 3, maxLength: 3 }),
    }),
    { minLength: 5, maxLength: 5 },
  ),
  acts: fc.array(act, { minLength: 4, maxLength: 16, size: 'max' }),
});

let replays = 0;

async function replay(world: RecomputeHarness, { starts, formulas, acts }: History): Promise<void> {
  const prefix = `R${replays++}.`;
  const keyOf = (i: number) => `${prefix}S${i}`;
  const derivedKey = (i: number) => `${prefix}D${i}`;
  for (let i = 0; i < sources; i++) await write(world, keyOf(i), starts[i]);
  const formulaOf = (which: number, template: number, reads: readonly number[]): string => {
    const { formula, sized } = templates[template];
    const choice = Array.from({ length: sources }, (_, i) => keyOf(i));
    if (!sized) for (let i = 0; i < which; i++) choice.push(derivedKey(i));
    const [A, B, C] = reads.map((read) => choice[read % choice.length]);
    return filled(formula, { A, B, C });
  };
  const define = (which: number, template: number, reads: readonly number[]) =>
    world.definer.define({ key: derivedKey(which), formula: formulaOf(which, template, reads) });
  for (const [i, { template, reads }] of formulas.entries()) await define(i, template, reads);
  let last: readonly [string, readonly Tick[]] | undefined;
  let end = 100 * second;
  const check = async () => expect(await deviationsAt(world, await world.settled(), prefix)).toEqual([]);
  for (const some of acts) {
    if (some.kind === 'write') {
      last = [keyOf(some.source), some.ticks];
      await write(world, ...last);
    } else if (some.kind === 'append') {
      const start = end;
      last = [keyOf(some.source), some.values.map((each, i) => [start + i * second, each])];
      end += some.values.length * second;
      await write(world, ...last);
    } else if (some.kind === 'repeat') {
      if (last) await write(world, ...last);
    } else if (some.kind === 'span')
      await remove(world, keyOf(some.source), { from: some.from, to: some.from + some.length });
    else if (some.kind === 'instants') await remove(world, keyOf(some.source), undefined, some.at);
    else if (some.kind === 'define') await define(some.which, some.template, some.reads);
    else await check();
  }
  await check();
  for (const key of [...formulas.keys()].reverse().map(derivedKey)) {
    const [row] = await world.catalogue.seriesByKeys([key]);
    expect(await deleteSeries(world.database, row.id, world.bell.ringsInCommit)).toHaveProperty('revision');
  }
}

/** Cases that were wrong once, replayed first. */
const kept: readonly (readonly [History])[] = [];

function withWorkers(bell: () => TestBell, count: number) {
  let world: RecomputeHarness;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const created = await createDatabase();
    drop = created.drop;
    world = await openRecomputeHarness(created.url, bell().url);
    for (let i = 0; i < count; i++) await world.startWorker();
  });
  afterAll(async () => {
    await world?.stop();
    await drop?.();
  });

  test('whatever is written, deleted, repeated and defined anew, every derived series is what its formula says of the data', {
    timeout: 60_000 * times,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(history, (some) => replay(world, some)),
      {
        numRuns: runs,
        examples: [...kept.map(([some]) => [some] as [History])],
        interruptAfterTimeLimit: 40_000 * times,
      },
    );
    expect(await redundantVersions(world)).toEqual([]);
  });
}

overBothBells((bell) => {
  describe.each([1, 4])('with %i workers', (count) => withWorkers(bell, count));
});
