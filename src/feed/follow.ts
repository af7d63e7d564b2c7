import { derivedAmong } from '../derive/where.ts';
import { Fault } from '../engine/fault.ts';
import type { Catalogue, SeriesRow } from '../store/catalogue.ts';
import { type Feed, leavable, type Watch } from './feed.ts';
import { Flow, type FlowOptions } from './flow.ts';
import { behindMillis, type FoldedEvent, type Followed, silenceMillis as silenceMillisUsual } from './followed.ts';

export interface FollowOptions {
  readonly silenceMillis?: number;
}

/** What a stream follows and from where on, for whoever would rather follow it together with others. */
export interface Origin {
  readonly after: number | undefined;
  flow(options: Pick<FlowOptions, 'render' | 'onEmpty'> & Partial<FlowOptions>): Flow;
}

const origins = new WeakMap<object, Origin>();

export function originOf(events: AsyncGenerator<unknown, void>): Origin | undefined {
  return origins.get(events);
}

/**
 * A snapshot, or what changed after a cursor, and then every change. It watches first and reads then: nothing is missed,
 * nothing comes twice, and a client that is slow gets several revisions as one. With derived series, the cursor is a
 * revision that all of them reflect.
 */
export function follow<Change>(
  feed: Feed,
  catalogue: Catalogue,
  followed: Followed<FoldedEvent<Change>>,
  after: number | undefined,
  { silenceMillis = silenceMillisUsual }: FollowOptions = {},
): AsyncGenerator<FoldedEvent<Change>, void> {
  const ids = new Set(followed.series.map(({ id }) => id));
  const watch = feed.watch(ids);
  const events = leavable(eventsOf(catalogue, followed, after, watch, silenceMillis), watch);
  const check = () => checkAlive(catalogue, followed.series);
  const newest = derivedAmong(followed.series).length === 0 ? () => feed.newest : undefined;
  origins.set(events, {
    after,
    flow: (options) => new Flow(followed, feed.watch(ids), { check, newest, silenceMillis, ...options }),
  });
  return events;
}

async function* eventsOf<Change>(
  catalogue: Catalogue,
  followed: Followed<FoldedEvent<Change>>,
  after: number | undefined,
  watch: Watch,
  silenceMillis: number,
): AsyncGenerator<FoldedEvent<Change>, void> {
  try {
    let begin = await watch.read(() => followed.begin(after));
    while (!begin && !watch.ended) {
      await watch.nextOrReached(behindMillis);
      if (!watch.ended) begin = await watch.read(() => followed.begin(after));
    }
    if (!begin) return;
    yield begin;
    let { cursor } = begin;
    let sentAt = performance.now();
    let isBehind = derivedAmong(followed.series).length > 0;
    while (!watch.ended) {
      const silence = Math.max(0, sentAt + silenceMillis - performance.now());
      if (isBehind) await watch.nextOrReached(Math.min(silence, behindMillis));
      else await watch.next(silence);
      if (watch.ended) return;
      const { event, newest } = await watch.read(() => followed.since(cursor));
      cursor = event.cursor;
      isBehind = cursor < newest;
      if (event.changes.length > 0 || performance.now() >= sentAt + silenceMillis) {
        yield event;
        sentAt = performance.now();
      }
      if (!watch.ended) await watch.read(() => checkAlive(catalogue, followed.series));
    }
  } finally {
    watch.close();
  }
}

/** A series that was deleted ends the subscription, with the reason. */
async function checkAlive(catalogue: Catalogue, series: readonly SeriesRow[]): Promise<void> {
  const alive = new Set((await catalogue.seriesByIds(series.map(({ id }) => id))).map(({ id }) => id));
  const gone = series.find(({ id }) => !alive.has(id));
  if (gone) throw new Fault('NOT_FOUND', `The series '${gone.key}' was deleted.`, ['series']);
}
