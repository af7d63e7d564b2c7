import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { everything } from '../../../src/engine/ranges.ts';
import { readPoints, readVersions } from '../../../src/store/block-reads.ts';
import { readRejects } from '../../../src/store/imports/import-rejects.ts';
import { dropOrphanedStages } from '../../../src/store/imports/import-stages.ts';
import { dropStale } from '../../../src/store/staged-blocks.ts';
import { idOf, put } from '../../store/world.ts';
import { times } from '../../support/long.ts';
import { csv, openScene, type Scene } from './import-harness.ts';
import type { Fate } from './killable-worker.ts';
import { smallReader } from './small-reader.ts';

let scene: Scene;
let runs = 0;

beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.stop());

type Held = Map<string, Map<number, number>>;

/** Of 'known' ones the series is there before. */
const names = ['known', 'known2', 'new', 'new2', 'new3'];
const seriesOf = fc.constantFrom(...names);
const instant = fc.integer({ min: 0, max: 40 });
const value = fc.integer({ min: 0, max: 3 });
type Row = readonly [series: string, t: number, value: number | 'x'];
const row: fc.Arbitrary<Row> = fc.tuple(seriesOf, instant, value);
const badRow: fc.Arbitrary<Row> = fc.tuple(
  seriesOf,
  instant,
  fc.oneof({ weight: 20, arbitrary: value }, fc.constant('x' as const)),
);
const fate: fc.Arbitrary<Fate> = fc.record({
  statements: fc.integer({ min: 1, max: 60 }),
  lastIsMade: fc.boolean(),
  end: fc.constantFrom('dies', 'cut'),
});

const history = fc.record({
  stored: fc.array(fc.tuple(fc.constantFrom('known', 'known2'), instant, value), { maxLength: 30, size: 'max' }),
  rows: fc.oneof(
    { weight: 3, arbitrary: fc.array(row, { minLength: 1, maxLength: 80, size: 'max' }) },
    fc.array(badRow, { minLength: 1, maxLength: 80, size: 'max' }),
  ),
  createMissing: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  partial: fc.boolean(),
  rowsPerBatch: fc.integer({ min: 1, max: 9 }),
  ticks: fc.integer({ min: 1, max: 40 }),
  blocks: fc.integer({ min: 1, max: 4 }),
  fates: fc.array(fate, { maxLength: 4 }),
  meanwhile: fc.array(fc.tuple(seriesOf, instant, value), { maxLength: 5 }),
  undoFates: fc.array(fate, { maxLength: 3 }),
});

function overlay(held: Held, ticks: readonly (readonly [string, number, number])[]): void {
  for (const [series, t, v] of ticks) {
    if (!held.has(series)) held.set(series, new Map());
    held.get(series)?.set(t, v);
  }
}

const copy = (held: Held): Held => new Map([...held].map(([key, points]) => [key, new Map(points)]));

async function heldBy(prefix: string): Promise<Held> {
  const { catalogue, database } = scene.process;
  const held: Held = new Map();
  for (const { key, id } of await catalogue.seriesByKeys(names.map((name) => prefix + name))) {
    const { t, value: values } = await readPoints(database, id, everything, Number.MAX_SAFE_INTEGER, 1e6, 'first');
    held.set(key.slice(prefix.length), new Map(Array.from(t, (at, i) => [at / 1000, values[i]])));
  }
  return held;
}

const sorted = (held: Held) =>
  [...held].sort().map(([key, points]) => [key, [...points].sort(([a], [b]) => a - b)] as const);

/** Works on it, with a worker for each fate and one that ends it. */
async function workThrough(
  id: number,
  given: typeof history extends fc.Arbitrary<infer T> ? T : never,
  fates: readonly Fate[],
) {
  const sizes = { ticks: given.ticks, blocks: given.blocks };
  const reader = smallReader(given.rowsPerBatch);
  for (const one of fates) {
    const worker = scene.worker({ fate: one, reader, sizes, log: () => undefined });
    await worker.jobs.take(id).catch(() => undefined);
    await worker.close();
    // The others take it for dead when it has been silent for a while.
    await scene.process.database.query(`UPDATE imports SET heartbeat_at = now() - interval '1 minute' WHERE id = $1`, [
      id,
    ]);
  }
  const worker = scene.worker({ reader, sizes });
  await worker.jobs.take(id);
  await worker.close();
}

test(
  'whatever workers die of, in the end every row was read once and every point is as the file says; undo restores',
  async () => {
    await fc.assert(
      fc.asyncProperty(history, async (given) => {
        const prefix = `r${runs++}-`;
        const { process } = scene;
        const { database } = process;
        const held: Held = new Map([
          ['known', new Map()],
          ['known2', new Map()],
        ]);
        for (const name of held.keys()) await process.ingest.createSeries({ key: prefix + name });
        for (const [series, t, v] of given.stored) await put(process, prefix + series, [[t * 1000, v]]);
        overlay(held, given.stored);
        const before = copy(held);
        const base = await process.catalogue.newestRevision();

        const lines = given.rows.map(([series, t, v]) => [prefix + series, t, v] as const);
        const isRefused = (series: string, v: unknown) =>
          v === 'x' || (series.startsWith('new') && !given.createMissing);
        const refused = given.rows.flatMap(([series, , v], i) => (isRefused(series, v) ? [i + 2] : []));
        const good = given.rows.flatMap(([series, t, v]) =>
          isRefused(series, v) || typeof v !== 'number' ? [] : [[series, t, v] as const],
        );
        const isWritten = refused.length === 0 || given.partial;
        if (isWritten) overlay(held, good);

        const { createMissing, partial } = given;
        const id = await scene.queue(csv(lines), { createMissing, partial, note: prefix });
        await workThrough(id, given, given.fates);
        const row = await scene.read(id);
        expect(row).toMatchObject({
          status: isWritten ? 'DONE' : 'FAILED',
          rows: given.rows.length,
          accepted: given.rows.length - refused.length,
          rejectedCount: refused.length,
        });
        expect((await readRejects(database, id, 1_000)).map(({ line }) => line)).toStrictEqual(refused);
        expect(sorted(await heldBy(prefix))).toStrictEqual(sorted(held));
        // What a worker left that died when all else was done goes with the next sweep.
        await dropOrphanedStages(database);
        const [{ left }] = await database.query<{ left: string }>('SELECT count(*) AS left FROM import_stages');
        expect(left).toBe('0');
        await dropStale(database, 0);
        const [{ laid }] = await database.query<{ laid: string }>(
          'SELECT count(*) AS laid FROM fresh_blocks WHERE stage IS NOT NULL',
        );
        expect(laid).toBe('0');

        const revisions = await database.query<{ revision: string }>(
          'SELECT revision FROM commits WHERE import = $1 ORDER BY revision',
          [id],
        );
        const written = revisions.map(({ revision }) => Number(revision));
        expect([row.fromRevision, row.toRevision]).toStrictEqual([written.at(0) ?? null, written.at(-1) ?? null]);
        expect(written).toStrictEqual(written.map((_, i) => base + 1 + i));
        if (!isWritten) return;

        // In one series every instant is said at most as often as the file says it.
        for (const name of held.keys()) {
          const { t, revision } = await readVersions(database, await idOf(process, prefix + name), everything);
          const own = [...t].filter((_, i) => revision[i] > base);
          for (const at of new Set(own)) {
            const said = good.filter(([series, instantOf]) => series === name && instantOf * 1000 === at).length;
            expect(own.filter((other) => other === at).length).toBeLessThanOrEqual(said);
          }
        }

        const changed = new Set<string>();
        for (const [series, t, v] of given.meanwhile) {
          if (!held.has(series)) continue;
          await put(process, prefix + series, [[t * 1000, v]]);
          overlay(held, [[series, t, v]]);
          changed.add(`${series} ${t}`);
        }
        await database.query(`UPDATE imports SET task = 'UNDO', status = 'QUEUED' WHERE id = $1`, [id]);
        await workThrough(id, given, given.undoFates);
        expect(await scene.read(id)).toMatchObject({ status: 'UNDONE', problem: null });
        for (const [series, points] of held) {
          for (const t of points.keys()) {
            if (changed.has(`${series} ${t}`)) continue;
            const old = before.get(series)?.get(t);
            if (old === undefined) points.delete(t);
            else points.set(t, old);
          }
        }
        expect(sorted(await heldBy(prefix))).toStrictEqual(sorted(held));
      }),
      // What is wrong is made smaller for so long.
      { numRuns: 15 * times, interruptAfterTimeLimit: 60_000 * times },
    );
  },
  120_000 * times,
);
