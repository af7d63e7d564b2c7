import { derivedAmong, readStorages } from '../derive/where.ts';
import { uniformGrid } from '../engine/bucket.ts';
import { Fault } from '../engine/fault.ts';
import { diffSources } from '../query/diff.ts';
import { readSamples, type Samples } from '../query/samples.ts';
import type { Catalogue, SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import type { Range } from '../store/read.ts';
import { readCountBounds } from '../store/tallies.ts';
import { readCursor } from './cursor.ts';
import { type Feed, leavable, type Watch } from './feed.ts';

export interface SeriesChange {
  readonly series: string;
  readonly span: Range;
  readonly samples: Samples;
  readonly asOf: number;
  /** There are more points than are sent: fetch them. */
  readonly truncated: boolean;
}

export interface ChangeEvent {
  readonly kind: 'SNAPSHOT' | 'CHANGE' | 'PROGRESS';
  readonly cursor: number;
  readonly changes: readonly SeriesChange[];
  readonly reason: string | null;
}

export interface ChangesRequest {
  readonly series: readonly SeriesRow[];
  readonly after: number | undefined;
  readonly range: Range;
  readonly bucketMicros: number | undefined;
}

/** A change of more points is sent without them. */
const pointsMax = 10_000;

/** A subscriber hears at least this often that its cursor moved. */
const silenceMillis = 15_000;

/** Who waits for derived series to come up looks again this often, should nobody tell. */
const behindMillis = 1_000;

/** More spans of one series are sent as one. */
const spansMax = 100;

const none: Samples = { t: new Float64Array(0), value: new Float64Array(0), size: undefined, thinned: false };

export class Changes {
  readonly #database: Database;
  readonly #catalogue: Catalogue;
  readonly #feed: Feed;
  readonly #silenceMillis: number;

  constructor(database: Database, catalogue: Catalogue, feed: Feed, options: { silenceMillis?: number } = {}) {
    this.#database = database;
    this.#catalogue = catalogue;
    this.#feed = feed;
    this.#silenceMillis = options.silenceMillis ?? silenceMillis;
  }

  /**
   * A snapshot, or what changed after a cursor, and then every change. It watches first and reads then, and each event
   * is read from the store at its cursor: nothing is missed, nothing comes twice, and a client that is slow gets several
   * revisions as one. With derived series, the cursor is a revision that all of them reflect.
   */
  follow(request: ChangesRequest): AsyncGenerator<ChangeEvent, void> {
    const watch = this.#feed.watch(new Set(request.series.map((series) => series.id)));
    return leavable(this.#events(request, watch), watch);
  }

  async *#events(request: ChangesRequest, watch: Watch): AsyncGenerator<ChangeEvent, void> {
    try {
      let begin = await this.#begin(request);
      while (!begin && !watch.ended) {
        await watch.nextOrReached(behindMillis);
        begin = await this.#begin(request);
      }
      if (!begin) return;
      yield begin;
      let { cursor } = begin;
      let sentAt = performance.now();
      let isBehind = derivedAmong(request.series).length > 0;
      while (!watch.ended) {
        const silence = Math.max(0, sentAt + this.#silenceMillis - performance.now());
        if (isBehind) await watch.nextOrReached(Math.min(silence, behindMillis));
        else await watch.next(silence);
        if (watch.ended) return;
        const { event, newest } = await this.#since(request, cursor);
        cursor = event.cursor;
        isBehind = cursor < newest;
        if (event.changes.length > 0 || performance.now() >= sentAt + this.#silenceMillis) {
          yield event;
          sentAt = performance.now();
        }
        await this.#checkAlive(request);
      }
    } finally {
      watch.close();
    }
  }

  /** undefined: there is no revision yet at which all is exact. */
  async #begin(request: ChangesRequest): Promise<ChangeEvent | undefined> {
    const { after } = request;
    if (after === undefined) return this.#snapshot(request, null);
    const oldest = await this.#catalogue.oldestRevision();
    const newest = await this.#catalogue.newestRevision();
    if (after < oldest)
      return this.#snapshot(request, `the history since revision ${after} is no longer kept (the oldest is ${oldest})`);
    if (after > newest)
      return this.#snapshot(request, `revision ${after} is not of this store (the newest is ${newest})`);
    // Its key may have been another series', whose points whoever comes back with that cursor still holds.
    const younger = request.series.find(({ createdRevision }) => createdRevision > after);
    if (younger && after > 0)
      return this.#snapshot(request, `the series '${younger.key}' was made after revision ${after}`);
    return (await this.#since(request, after)).event;
  }

  async #snapshot(request: ChangesRequest, reason: string | null): Promise<ChangeEvent | undefined> {
    const { cursor } = await readCursor(this.#database, this.#catalogue, request.series);
    if (cursor === undefined) return undefined;
    const storages = await readStorages(this.#database, request.series, cursor);
    const changes = await Promise.all(
      request.series.map((series) => this.#change(series, storages, request.range, cursor, request.bucketMicros)),
    );
    return { kind: 'SNAPSHOT', cursor, changes, reason };
  }

  /** What changed after a cursor, and the newest revision there is. */
  async #since(
    request: ChangesRequest,
    after: number,
  ): Promise<{ readonly event: ChangeEvent; readonly newest: number }> {
    const { series: followed, range, bucketMicros } = request;
    const { cursor: exact, newest } = await readCursor(this.#database, this.#catalogue, followed);
    const cursor = Math.max(after, exact ?? 0);
    const changes: SeriesChange[] = [];
    if (cursor > after) {
      const older = await readStorages(this.#database, followed, after);
      const newer = await readStorages(this.#database, followed, cursor);
      for (const series of followed) {
        const at = (storages: ReadonlyMap<number, number>, asOf: number) => ({
          storage: storages.get(series.id) ?? 0,
          asOf,
        });
        const spans = await diffSources(this.#database, at(older, after), at(newer, cursor), range);
        for (const span of joinSpans(spans, request))
          changes.push(await this.#change(series, newer, span, cursor, bucketMicros));
      }
    }
    const kind = changes.length > 0 ? 'CHANGE' : 'PROGRESS';
    return { event: { kind, cursor, changes, reason: null }, newest };
  }

  async #change(
    series: SeriesRow,
    storages: ReadonlyMap<number, number>,
    span: Range,
    asOf: number,
    bucketMicros: number | undefined,
  ): Promise<SeriesChange> {
    const samples = await this.#samples(storages.get(series.id) ?? 0, span, asOf, bucketMicros);
    return { series: series.key, span, samples: samples ?? none, asOf, truncated: samples === undefined };
  }

  async #samples(
    series: number,
    range: Range,
    asOf: number,
    bucketMicros: number | undefined,
  ): Promise<Samples | undefined> {
    if (bucketMicros === undefined && (await readCountBounds(this.#database, series, range, asOf)).least > pointsMax)
      return undefined;
    try {
      const request = { series, range, asOf, maxPoints: undefined, bucketMicros, method: 'MINMAX' } as const;
      return await readSamples(this.#database, request, { samplesMax: pointsMax });
    } catch (error) {
      if (error instanceof Fault && error.code === 'TOO_EXPENSIVE') return undefined;
      throw error;
    }
  }

  /** A series that was deleted ends the subscription, with the reason. */
  async #checkAlive({ series }: ChangesRequest): Promise<void> {
    const alive = new Set((await this.#catalogue.seriesByIds(series.map(({ id }) => id))).map(({ id }) => id));
    const gone = series.find(({ id }) => !alive.has(id));
    if (gone) throw new Fault('NOT_FOUND', `The series '${gone.key}' was deleted.`, ['series']);
  }
}

/** With a bucket, whole ones; and never too many to send. */
function joinSpans(spans: readonly Range[], { bucketMicros, range }: ChangesRequest): Range[] {
  const grid = bucketMicros === undefined ? undefined : uniformGrid(bucketMicros);
  const joined: Range[] = [];
  for (const span of spans) {
    const whole = grid
      ? { from: grid.startOf(grid.indexOf(span.from)), to: grid.startOf(grid.indexOf(span.to - 1) + 1) }
      : span;
    const clipped = { from: Math.max(whole.from, range.from), to: Math.min(whole.to, range.to) };
    const last = joined.at(-1);
    if (last && (clipped.from <= last.to || joined.length >= spansMax)) {
      joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, clipped.to) };
    } else {
      joined.push(clipped);
    }
  }
  return joined;
}
