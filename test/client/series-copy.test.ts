import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Columns } from '../../src/client/columns.ts';
import { type ReceivedEvent, SeriesCopy } from '../../src/client/series-copy.ts';
import { times } from '../support/long.ts';

type Change = ReceivedEvent['changes'][number];
type Model = Map<number, readonly [value: number, size: number]>;

const keys = ['A', 'B'];

/** Instants a microsecond apart, as JSON has them. */
const instant = fc.nat(40).map((i) => (1_767_605_400_000_000 + i) / 1_000);
const bound = fc.option(instant, { freq: 4 });
const value = fc.constantFrom(-1.5, -0, 0, 0.1, 65_000.5);
const size = fc.option(fc.constantFrom(0, 0.2, 7), { freq: 3 });

const change: fc.Arbitrary<Change> = fc
  .tuple(
    fc.constantFrom(...keys),
    fc.record({ from: bound, to: bound }),
    fc.uniqueArray(fc.tuple(instant, value, size), { selector: ([t]) => t, maxLength: 12 }),
    fc.boolean(),
  )
  .map(([series, span, ticks, hasSizes]) => {
    const within = ticks
      .filter(([t]) => (span.from === null || t >= span.from) && (span.to === null || t < span.to))
      .sort((a, b) => a[0] - b[0]);
    const points = {
      t: within.map(([t]) => t),
      value: within.map(([, each]) => each),
      size: hasSizes ? within.map(([, , each]) => each) : null,
    };
    return { series, span, points, truncated: false };
  });

const event: fc.Arbitrary<ReceivedEvent> = fc
  .tuple(fc.constantFrom('SNAPSHOT' as const, ...Array(6).fill('CHANGE' as const)), fc.array(change, { maxLength: 4 }))
  .map(([kind, changes]) => ({ kind, cursor: 0, reason: null, changes }));

function applyToModel(models: Map<string, Model>, { kind, changes }: ReceivedEvent): void {
  if (kind === 'SNAPSHOT') models.clear();
  for (const { series, span, points } of changes) {
    const model: Model = models.get(series) ?? new Map();
    for (const t of [...model.keys()])
      if ((span.from === null || t >= span.from) && (span.to === null || t < span.to)) model.delete(t);
    points.t.forEach((t, i) => {
      model.set(t, [points.value[i], points.size?.[i] ?? Number.NaN]);
    });
    models.set(series, model);
  }
}

function rowsOf({ t, value, size }: Columns): number[][] {
  expect([value.length, size?.length ?? t.length]).toEqual([t.length, t.length]);
  return Array.from(t, (at, i) => [at, value[i], size ? size[i] : Number.NaN]);
}

function rowsOfModel(model: Model = new Map()): number[][] {
  return [...model].sort((a, b) => a[0] - b[0]).map(([t, point]) => [t, ...point]);
}

it('what is held equals a plain map; before changedFrom nothing differs; what was handed out stays as it was', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), fc.infiniteStream(fc.boolean()), (events, looks) => {
      const fold = new SeriesCopy();
      const models = new Map<string, Model>();
      const handedOut: { columns: Columns; rows: number[][] }[] = [];
      const before = new Map<string, number[][]>();
      let merged = new Map<string, number>();
      events.forEach((each, i) => {
        const changed = fold.apply({ ...each, cursor: i });
        applyToModel(models, each);
        for (const [key, from] of changed) merged.set(key, Math.min(from, merged.get(key) ?? from));
        // Looking makes arrays that may not be written to any more; not looking leaves them to be changed in place.
        if (!looks.next().value) return;
        const { cursor, series } = fold.update(merged);
        expect(cursor).toBe(i);
        for (const key of keys) {
          const update = series.get(key);
          const rows = rowsOfModel(models.get(key));
          const old = before.get(key) ?? [];
          if (!update) {
            expect(rows).toEqual(old);
            continue;
          }
          expect(rowsOf(update)).toEqual(rows);
          expect(update.changedFrom).toBeLessThanOrEqual(rows.length);
          expect(rows.slice(0, update.changedFrom)).toEqual(old.slice(0, update.changedFrom));
          handedOut.push({ columns: update, rows });
          before.set(key, rows);
        }
        merged = new Map();
      });
      for (const { columns, rows } of handedOut) expect(rowsOf(columns)).toEqual(rows);
    }),
    { numRuns: 300 * times },
  );
});

function append(fold: SeriesCopy, i: number) {
  const points = { t: [i], value: [i], size: null };
  const changes = [{ series: 'A', span: { from: i, to: i + 1 }, points, truncated: false }];
  return fold.update(fold.apply({ kind: 'CHANGE', cursor: i, reason: null, changes })).series.get('A')!;
}

it('appending writes behind what was handed out: 10,000 appends make new arrays a few times only', () => {
  const fold = new SeriesCopy();
  const buffers = new Set<ArrayBufferLike>();
  for (let i = 0; i < 10_000; i++) {
    const { t, changedFrom } = append(fold, i);
    expect([t.length, changedFrom]).toEqual([i + 1, i]);
    buffers.add(t.buffer);
  }
  expect(buffers.size).toBeLessThanOrEqual(9);
});

it('a change that changes nothing is not told of', () => {
  const fold = new SeriesCopy();
  append(fold, 1);
  const points = { t: [1], value: [1], size: null };
  const changes = [{ series: 'A', span: { from: null, to: null }, points, truncated: false }];
  expect(fold.apply({ kind: 'CHANGE', cursor: 2, reason: null, changes }).size).toBe(0);
  expect(fold.cursor).toBe(2);
});

it('a state that was kept is gone on from, and is not written to', () => {
  const first = new SeriesCopy();
  append(first, 1);
  const kept = structuredClone(first.all());
  const second = new SeriesCopy(1, kept);
  expect(append(second, 2).t).toEqual(Float64Array.of(1, 2));
  expect(kept.get('A')?.t).toEqual(Float64Array.of(1));
});
