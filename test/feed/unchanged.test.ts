import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DerivedNotice, Notice } from '../../src/bell/bell.ts';
import { everything } from '../../src/engine/ranges.ts';
import { subscribeToPoints } from '../../src/feed/changes.ts';
import { Feed } from '../../src/feed/feed.ts';
import { awaitReflected } from '../../src/feed/reflected.ts';
import { BatchedReads } from '../../src/store/batched-reads.ts';
import type { SeriesRow } from '../../src/store/catalogue.ts';
import { overBothBells } from '../recompute/both-bells.ts';
import { type Tick, write as writeTo } from '../recompute/expected-points.ts';
import { openRecomputeHarness, type RecomputeHarness } from '../recompute/recompute-harness.ts';
import { createDatabase } from '../support/database.ts';
import { until } from '../support/program.ts';

const second = 1_000_000;

overBothBells((bell) => {
  let world: RecomputeHarness;
  let drop: () => Promise<void>;
  let feed: Feed;
  let heard: DerivedNotice[];
  let written = 0;
  const ids = new Map<string, number>();

  beforeEach(async () => {
    const created = await createDatabase();
    drop = created.drop;
    world = await openRecomputeHarness(created.url, bell().url);
    // Who looks for itself wakes everybody when it is faster than the bell: here, only the bell is to speak.
    feed = new Feed(world.catalogue, world.bell, { pollMillis: 3_600_000 });
    heard = [];
    const hear = feed.hear.bind(feed);
    feed.hear = (notice: Notice) => {
      if ('derived' in notice) heard.push(notice);
      hear(notice);
    };
    await feed.start();
    await world.startWorker();
    await write(
      'A',
      Array.from({ length: 2_000 }, (_, i) => [i * second, i % 100]),
    );
    // What follows A at once, what a correction dies out before, and what hangs on that.
    for (const [key, formula] of [
      ['E', 'ema(A, 5)'],
      ['X', 'max(A, 10m)'],
      ['Y', 'ema(X, 5)'],
      ['Z', 'A > 1000'],
    ])
      await world.definer.define({ key, formula });
    await world.settled();
    for (const { id, key } of await world.catalogue.seriesByKeys(['A', 'E', 'X', 'Y', 'Z'])) ids.set(key, id);
    // What was told of the beginning has come by then.
    await writeForAll();
    heard.length = 0;
  });
  afterEach(async () => {
    await feed.stop();
    await world.stop();
    await drop();
  });

  const changesOf = (of: Feed, series: readonly SeriesRow[], options?: { silenceMillis: number }) =>
    subscribeToPoints(
      { database: world.database, catalogue: world.catalogue, reads: new BatchedReads(world.database) },
      of,
      { series, after: undefined, range: everything, bucketMicros: undefined },
      options,
    )[Symbol.asyncIterator]();

  const write = (key: string, ticks: readonly Tick[]) => writeTo(world, key, ticks);
  const keysOf = (series: readonly number[] = []) =>
    [...ids].flatMap(([key, id]) => (series.includes(id) ? [key] : [])).sort();
  /** What was told of up to a revision; the last of it has come when something was told of a later one. */
  const told = (revision: number) => heard.filter(({ derived }) => derived <= revision);

  async function derivedVersions(): Promise<number> {
    const [{ count }] = await world.database.query<{ count: number }>(
      'SELECT coalesce(sum(versions), 0)::int AS count FROM fresh_blocks WHERE series IN (SELECT unnest(storages) FROM definitions)',
    );
    return count;
  }

  /** Something that reaches everything: what was told before has come by then. */
  async function writeForAll(): Promise<number> {
    written++;
    const revision = await write('A', [[(3_000 + written) * second, 2_000 + written]]);
    await world.settled();
    const isTold = () => {
      const keys = heard.flatMap((notice) => (notice.derived >= revision ? keysOf(notice.series) : []));
      return ['E', 'X', 'Y', 'Z'].every((key) => keys.includes(key));
    };
    await until(isTold);
    return revision;
  }

  test('the same value again is written nowhere, and no series is said to have changed', async () => {
    const versions = await derivedVersions();
    const revision = await write('A', [[1_000 * second, 0]]);
    expect(await world.settled()).toBe(revision);
    expect(await derivedVersions()).toBe(versions);
    await writeForAll();
    expect(told(revision).flatMap(({ series }) => keysOf(series))).toEqual([]);
  });

  test('a correction names the series that it reaches as changed, and those before which it dies out as unchanged', async () => {
    const revision = await write('A', [[1_000 * second, 50]]);
    expect(await world.settled()).toBe(revision);
    await writeForAll();
    const changed = told(revision).flatMap(({ series }) => keysOf(series));
    const unchanged = told(revision).flatMap((notice) => keysOf(notice.unchanged));
    expect(changed).toEqual(['E']);
    expect(unchanged.sort()).toEqual(['X', 'Y', 'Z']);
  });

  test('who watches a series is woken when it changes, and not when it came out as it was', async () => {
    const watch = feed.watch(new Set([ids.get('X') ?? 0]));
    let woken = 0;
    const watching = (async () => {
      while (!watch.ended) {
        await watch.next(60_000);
        if (!watch.ended) woken++;
      }
    })();
    for (let i = 0; i < 5; i++) {
      await write('A', [[(1_000 + i) * second, 50 + i]]);
      await world.settled();
    }
    await writeForAll();
    await until(() => woken > 0);
    watch.close();
    await watching;
    expect(woken).toBe(1);
  });

  test('who follows the changes of a series gets no event of a correction that it came out of as it was', async () => {
    const follow = async (...keys: string[]) => {
      const series = await world.catalogue.seriesByKeys(keys);
      const events = changesOf(feed, series);
      expect((await events.next()).value).toMatchObject({ kind: 'SNAPSHOT' });
      return events;
    };
    const alone = await follow('X');
    const both = await follow('A', 'X');
    const revision = await write('A', [[1_000 * second, 50]]);
    expect((await both.next()).value).toMatchObject({ kind: 'CHANGE', cursor: revision, changes: [{ series: 'A' }] });
    await world.settled();
    const later = await writeForAll();
    expect((await alone.next()).value).toMatchObject({ kind: 'CHANGE', cursor: later, changes: [{ series: 'X' }] });
    await alone.return();
    await both.return();
  });

  test('who waits until a write is reflected hears of it also when nothing changes', async () => {
    const watch = feed.watch(new Set([ids.get('X') ?? 0]));
    await write('A', [[1_000 * second, 50]]);
    await watch.nextOrReached(60_000);
    watch.close();
    const a = ids.get('A') ?? 0;
    const revision = await write('A', [[1_001 * second, 50]]);
    expect(await awaitReflected(world.database, feed, [a], revision)).toBe(revision);
  });

  test('who follows a derived series alone hears of a change also when what was said of it is lost', async () => {
    const deaf = new Feed(world.catalogue, world.bell, { pollMillis: 50 });
    const hear = deaf.hear.bind(deaf);
    deaf.hear = (notice: Notice) => {
      if (!('derived' in notice)) hear(notice);
    };
    await deaf.start();
    const series = await world.catalogue.seriesByKeys(['E']);
    const options = { silenceMillis: 3_600_000 };
    const events = changesOf(deaf, series, options);
    await events.next();
    for (let i = 0; i < 5; i++) {
      const revision = await write('A', [[(4_000 + i) * second, i]]);
      let cursor = 0;
      while (cursor < revision) cursor = (await events.next()).value?.cursor ?? Number.POSITIVE_INFINITY;
      expect(cursor).toBe(revision);
    }
    await events.return();
    await deaf.stop();
  });
});
