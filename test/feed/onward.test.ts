import fc from 'fast-check';
import { expect, it } from 'vitest';
import { noStorage, readStorageHistories, storageAt } from '../../src/derive/storage-history.ts';
import type { Versions } from '../../src/engine/versions.ts';
import { readCursor, readOnwardCursor } from '../../src/feed/cursor.ts';
import { BatchedReads } from '../../src/store/batched-reads.ts';
import type { SeriesRow } from '../../src/store/catalogue.ts';
import { deleteSeries, readChanged } from '../../src/store/definitions.ts';
import { openWave, setOut } from '../../src/store/lanes.ts';
import { sealWhole } from '../../src/upkeep/upkeep.ts';
import { write } from '../recompute/expected-points.ts';
import { ManualWorker } from '../recompute/manual-worker.ts';
import { openRecomputeHarness, type RecomputeHarness } from '../recompute/recompute-harness.ts';
import { createDatabase } from '../support/database.ts';
import { isLong, times } from '../support/long.ts';

const second = 1_000_000;

/** What comes in few histories need not come in those of a short run: the long one asks for it. */
const rare = isLong ? 1_000 : Number.POSITIVE_INFINITY;

const sources = ['A', 'B', 'C'];

/** Nothing hangs on them. */
const spares = ['X', 'Y'];

/** Each behind those that it reads, with those that are to be brought before it and what hangs on it can be built anew. */
const formulas: Readonly<Record<string, { readonly formula: (n: number) => string; readonly first: string[] }>> = {
  MA: { formula: (n) => `mean(A, ${n}s)`, first: ['MB', 'L'] },
  MB: { formula: (n) => `ema(B, ${n})`, first: ['MA'] },
  L: { formula: (n) => `A + MB * ${n}`, first: ['MA', 'MB'] },
  TOP: { formula: (n) => `mean(L, ${n}p) - MA`, first: ['MA', 'MB', 'L'] },
  N: { formula: (n) => `C * ${n}`, first: [] },
};

const tick = fc.tuple(
  fc.nat(40).map((t) => t * second),
  fc.integer({ min: -3, max: 9 }),
);

const act = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      key: fc.constantFrom(...sources, ...sources, ...spares),
      ticks: fc.array(tick, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      // A bit for each; often of one alone.
      lanes: fc.oneof(
        fc.nat(255),
        fc.nat(7).map((i) => 1 << i),
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('redefine' as const),
      key: fc.constantFrom('N', ...Object.keys(formulas)),
      n: fc.integer({ min: 2, max: 9 }),
    }),
  },
  // It is built with what is defined anew next, and answers nothing until then.
  { weight: 1, arbitrary: fc.constant({ kind: 'define' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('seal' as const), which: fc.nat() }) },
);
type Act = typeof act extends fc.Arbitrary<infer One> ? One : never;

/** Series whose lanes lag, each as far as a test brings it. */
class Lagging {
  readonly world: RecomputeHarness;
  readonly hand: ManualWorker;
  /** Also those that were deleted. */
  readonly rows: SeriesRow[] = [];
  readonly deleted = new Set<number>();
  /** Storages that lie in sealed blocks, the whole or in part. */
  readonly sealed = new Set<number>();
  #defined = 0;

  constructor(world: RecomputeHarness) {
    this.world = world;
    this.hand = new ManualWorker(world.database);
  }

  async begin(): Promise<void> {
    for (const key of [...sources, ...spares])
      await this.#write(
        key,
        Array.from({ length: 20 }, (_, i) => [i * second, i % 7]),
      );
    for (const [key, { formula }] of Object.entries(formulas)) await this.#define(key, formula(3));
    await this.hand.build();
  }

  async take(some: Act): Promise<void> {
    const { database } = this.world;
    if (some.kind === 'write') await this.#write(some.key, some.ticks);
    else if (some.kind === 'pass') {
      const live = [...this.hand.registry.lanes.values()].filter(({ row }) => row.state === 'LIVE');
      const keys = live.map(({ row }) => row.key).filter((_, i) => (some.lanes >> (i % 8)) % 2 === 1);
      await this.hand.pass(keys, await this.hand.wave());
    } else if (some.kind === 'redefine') {
      const { formula, first } = formulas[some.key];
      await this.hand.pass(first, await this.hand.wave());
      await this.#define(some.key, formula(some.n));
      await this.hand.build();
    } else if (some.kind === 'define') {
      const n = ++this.#defined;
      await this.#define(`P${n}`, `C + ${n}`);
    } else if (some.kind === 'delete') {
      const read = [...sources, ...Object.keys(formulas)];
      const idle = this.rows.filter(({ id, key }) => !this.deleted.has(id) && !read.includes(key));
      if (idle.length === 0) return;
      const { id } = idle[some.which % idle.length];
      expect(await deleteSeries(database, id, false)).toHaveProperty('revision');
      this.deleted.add(id);
      await this.hand.registry.load();
    } else {
      const storages = await this.storages();
      const storage = storages[some.which % storages.length];
      if ((await sealWhole(database, storage)) > 0) this.sealed.add(storage);
    }
  }

  /** Where something lies or lay. */
  async storages(): Promise<number[]> {
    const rows = await this.world.database.query<{ storage: number }>(
      'SELECT DISTINCT unnest(storages) AS storage FROM definitions ORDER BY storage',
    );
    const written = this.rows.flatMap(({ id, kind }) => (kind === 'SOURCE' ? [id] : []));
    return [...written, ...rows.map(({ storage }) => storage)];
  }

  async #write(key: string, ticks: readonly (readonly [number, number])[]): Promise<void> {
    await write(this.world, key, [...new Map(ticks)]);
    await this.#know(key);
  }

  async #define(key: string, formula: string): Promise<void> {
    await this.world.definer.define({ key, formula });
    await this.#know(key);
  }

  async #know(key: string): Promise<void> {
    const [row] = await this.world.catalogue.seriesByKeys([key]);
    if (!this.rows.some(({ id }) => id === row.id)) this.rows.push(row);
  }
}

const look = fc.record({
  which: fc.oneof(
    { weight: 5, arbitrary: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }) },
    { weight: 1, arbitrary: fc.array(fc.nat(), { minLength: 4, maxLength: 9 }) },
    // All that lanes are brought of, and a source.
    { weight: 1, arbitrary: fc.constant([0, 5, 6, 7, 8, 9]) },
  ),
  // So many revisions before the newest one.
  back: fc.oneof({ weight: 4, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: fc.nat(25) }),
});

const history = fc.array(fc.record({ act, looks: fc.array(look, { minLength: 10, maxLength: 10 }) }), {
  minLength: 14,
  maxLength: 24,
  size: 'max',
});
type History = typeof history extends fc.Arbitrary<infer One> ? One : never;

/** Goes through a history in a database of its own, and looks after each act. */
async function replay(
  steps: History,
  each: (lagging: Lagging, looks: History[number]['looks']) => Promise<void>,
): Promise<void> {
  const { url, drop } = await createDatabase();
  const world = await openRecomputeHarness(url);
  try {
    const lagging = new Lagging(world);
    await lagging.begin();
    for (const { act, looks } of steps) {
      await lagging.take(act);
      await each(lagging, looks);
    }
  } finally {
    await world.stop();
    await drop();
  }
}

const chosen = <T>(all: readonly T[], which: readonly number[]): T[] => [
  ...new Set(which.map((at) => all[at % all.length])),
];

/** What blocks say, in an order that does not hang on where they lie. */
function said(blocks: readonly Versions[] | undefined) {
  return blocks
    ?.flatMap(({ t, revision, value, size }) =>
      Array.from(t, (at, i) => [at, revision[i], value[i], size?.[i] ?? Number.NaN]),
    )
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

it('who follows is told in one look where all stands and what became of it, as one by one, or asks for the news', async () => {
  const seen = { looks: 0, known: 0, derived: 0, behind: 0, noCursor: 0, deleted: 0, noStanding: 0, later: 0 };
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      await replay(steps, async ({ world, rows, deleted, sealed }, looks) => {
        const { database, catalogue } = world;
        const store = { database, catalogue, reads: new BatchedReads(database) };
        const newest = await catalogue.newestRevision();
        const ids = rows.flatMap(({ id, kind }) => (kind === 'DERIVED' ? [id] : []));
        const tenures = await readStorageHistories(database, ids);
        // All at once, so that they go in one statement.
        await Promise.all(
          looks.map(async ({ which, back }) => {
            const series = chosen(rows, which);
            const after = Math.max(0, newest - back);
            const { news, ...onward } = await readOnwardCursor(store, series, after);
            const plain = await readCursor(store, series, undefined);
            expect(onward).toEqual(plain);
            const { cursor } = plain;
            const answering = series
              .filter(({ kind }) => kind === 'DERIVED')
              .map(({ id }) => tenures.get(id)?.find(({ until }) => until === Number.POSITIVE_INFINITY));
            const isGone = series.some(({ id }) => deleted.has(id));
            const isNone = answering.includes(undefined);
            const isLater = answering.some((tenure) => tenure && tenure.since > after);
            seen.looks++;
            if (cursor === undefined) seen.noCursor++;
            // Those where another reason is the only one.
            if (cursor !== undefined && isGone && !isNone && !isLater) seen.deleted++;
            if (cursor !== undefined && !isGone && isNone && !isLater) seen.noStanding++;
            if (cursor !== undefined && !isGone && !isNone && isLater) seen.later++;
            expect(news === undefined, 'the news are to be asked for').toBe(
              cursor === undefined || isGone || isNone || isLater,
            );
            if (cursor === undefined || news === undefined || cursor <= after) return;
            const asked = series.map(({ id, kind }) => {
              const storage = kind === 'DERIVED' ? storageAt(tenures.get(id) ?? [], cursor) : id;
              return { series: id, storage, after, upTo: cursor };
            });
            const told = await store.reads.news(asked);
            expect(news.length).toBe(told.length);
            for (const [i, { deleted, hasHeir, blocks }] of news.entries()) {
              expect({ deleted, hasHeir }).toEqual({ deleted: told[i].deleted, hasHeir: told[i].hasHeir });
              // Where something newer is sealed, it is read in steps although nothing up to the cursor need be.
              if (blocks === undefined && cursor < newest && sealed.has(asked[i].storage)) continue;
              expect(said(blocks)).toEqual(said(told[i].blocks));
              if (series[i].kind === 'DERIVED' && blocks && blocks.length > 0) seen.derived++;
            }
            seen.known++;
            if (cursor < newest) seen.behind++;
          }),
        );
      });
    }),
    { numRuns: 5 * times, endOnFailure: true },
  );
  const { looks, ...rest } = seen;
  // Of so many looks one at least.
  const share = {
    known: 10,
    derived: rare,
    behind: rare,
    noCursor: rare,
    deleted: rare,
    noStanding: rare,
    later: rare,
  };
  for (const [what, count] of Object.entries(rest))
    expect(count, what).toBeGreaterThanOrEqual(looks / share[what as keyof typeof share]);
});

it('who sets out is told the wave and what changed up to it, as one after the other', async () => {
  const seen = { looks: 0, behind: 0, opened: 0, changed: 0, last: 0, sealed: 0 };
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      await replay(steps, async (lagging, looks) => {
        const { database, catalogue } = lagging.world;
        const newest = await catalogue.newestRevision();
        const storages = [noStorage, ...(await lagging.storages())];
        for (const [i, { which, back }] of looks.entries()) {
          const asked = chosen(storages, which).map((storage, k) => ({
            storage,
            after: Math.max(0, newest - ((back + k * 5) % 15)),
          }));
          const before = await openWave(database, 1e9);
          // Only the last look opens one: those before it see a wave that is behind.
          const { wave, changed } = await setOut(database, i === looks.length - 1 && back % 2 === 0 ? 0 : 1e9, asked);
          const { ageMillis, ...same } = await openWave(database, 1e9);
          expect(wave).toEqual({ ...same, ageMillis: expect.any(Number) });
          expect(wave.ageMillis).toBeLessThanOrEqual(ageMillis);
          const read = await readChanged(database, asked, wave.revision);
          expect(changed).toEqual(read);
          seen.looks++;
          if (wave.revision < wave.newest) seen.behind++;
          if (wave.number > before.number) seen.opened++;
          if (changed.size > 0) seen.changed++;
          const of = [...changed];
          if (of.some(([, { revision }]) => revision.includes(wave.revision))) seen.last++;
          if (of.some(([storage]) => lagging.sealed.has(storage))) seen.sealed++;
        }
      });
    }),
    { numRuns: 4 * times, endOnFailure: true },
  );
  const { looks, ...rest } = seen;
  const share = { behind: 20, opened: rare, changed: 20, last: rare, sealed: rare };
  for (const [what, count] of Object.entries(rest))
    expect(count, what).toBeGreaterThanOrEqual(looks / share[what as keyof typeof share]);
});
