import { readStorages } from '../derive/where.ts';
import type { Grid } from '../engine/bucket.ts';
import type { Points } from '../engine/versions.ts';
import { diffSources, type Source } from '../query/diff.ts';
import type { Catalogue, SeriesRow } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import type { Range } from '../store/read.ts';
import { readCursor } from './cursor.ts';
import type { FoldedEvent, Followed } from './followed.ts';

/** What is told of a span: who holds an older revision replaces all of the span by it. */
export interface SpanReader<Change> {
  readonly series: readonly SeriesRow[];
  /** Spans are told within it alone. */
  readonly range: Range;
  /** Spans are whole buckets of it, where the range does not cut them. */
  readonly grid: Grid | undefined;
  /** Spans within the range, of parts of buckets, in which the answer differs though no point does. */
  further?(older: Source, newer: Source): Promise<readonly Range[]>;
  /** So many points of what differs are kept for `read`. */
  readonly pointsMax: number;
  /** `known` is what a span holds, when it was seen on the way. */
  read(series: SeriesRow, source: Source, span: Range, known?: Points): Promise<Change>;
}

/** More spans of one series are sent as one. */
const spansMax = 100;

/** Follows series span by span, as a reader reads them. */
export class FollowedSpans<Change> implements Followed<FoldedEvent<Change>> {
  readonly #database: Database;
  readonly #catalogue: Catalogue;
  readonly #reader: SpanReader<Change>;

  constructor(database: Database, catalogue: Catalogue, reader: SpanReader<Change>) {
    this.#database = database;
    this.#catalogue = catalogue;
    this.#reader = reader;
  }

  get series(): readonly SeriesRow[] {
    return this.#reader.series;
  }

  async begin(after: number | undefined, upTo?: number): Promise<FoldedEvent<Change> | undefined> {
    if (after === undefined) return this.#snapshot(null, upTo);
    const oldest = await this.#catalogue.oldestRevision();
    const newest = await this.#catalogue.newestRevision();
    if (after < oldest)
      return this.#snapshot(`the history since revision ${after} is no longer kept (the oldest is ${oldest})`, upTo);
    if (after > newest) return this.#snapshot(`revision ${after} is not of this store (the newest is ${newest})`, upTo);
    // Its key may have been another series', whose points whoever comes back with that cursor still holds.
    const younger = this.series.find(({ createdRevision }) => createdRevision > after);
    if (younger && after > 0)
      return this.#snapshot(`the series '${younger.key}' was made after revision ${after}`, upTo);
    return (await this.since(after, upTo)).event;
  }

  async since(after: number, upTo?: number): Promise<{ readonly event: FoldedEvent<Change>; readonly newest: number }> {
    const { cursor: exact, newest } = await this.#cursor(upTo);
    const cursor = Math.max(after, exact ?? 0);
    const changes = cursor > after ? await this.#changes(after, cursor) : [];
    const kind = changes.length > 0 ? 'CHANGE' : 'PROGRESS';
    return { event: { kind, cursor, changes, reason: null }, newest };
  }

  /** What was exact once is so forever. */
  async #cursor(upTo: number | undefined): ReturnType<typeof readCursor> {
    if (upTo === undefined) return readCursor(this.#database, this.#catalogue, this.series);
    return { cursor: upTo, newest: upTo };
  }

  async #snapshot(reason: string | null, upTo: number | undefined): Promise<FoldedEvent<Change> | undefined> {
    const { cursor } = await this.#cursor(upTo);
    if (cursor === undefined) return undefined;
    const sourceOf = await this.#sourcesAt(cursor);
    const { range } = this.#reader;
    const changes = await Promise.all(this.series.map((series) => this.#reader.read(series, sourceOf(series), range)));
    return { kind: 'SNAPSHOT', cursor, changes, reason };
  }

  async #changes(after: number, cursor: number): Promise<Change[]> {
    const { range, grid } = this.#reader;
    const olderOf = await this.#sourcesAt(after);
    const newerOf = await this.#sourcesAt(cursor);
    const changes: Change[] = [];
    for (const series of this.series) {
      const [older, newer] = [olderOf(series), newerOf(series)];
      const differing = await diffSources(this.#database, older, newer, range, this.#reader.pointsMax);
      const further = (await this.#reader.further?.(older, newer)) ?? [];
      const spans: readonly MaybeKnown[] =
        further.length > 0 ? [...differing, ...further].sort((a, b) => a.from - b.from) : differing;
      for (const span of joinSpans(spans, range, grid))
        changes.push(await this.#reader.read(series, newer, span, span.points));
    }
    return changes;
  }

  async #sourcesAt(asOf: number): Promise<(series: SeriesRow) => Source> {
    const storages = await readStorages(this.#database, this.series, asOf);
    return ({ id }) => ({ storage: storages.get(id) ?? 0, asOf });
  }
}

type MaybeKnown = Range & { readonly points?: Points | undefined };

/** With a grid, whole buckets; and never too many to send. */
function joinSpans(spans: readonly MaybeKnown[], range: Range, grid: Grid | undefined): MaybeKnown[] {
  const joined: MaybeKnown[] = [];
  for (const span of spans) {
    const whole = grid
      ? { from: grid.startOf(grid.indexOf(span.from)), to: grid.startOf(grid.indexOf(span.to - 1) + 1) }
      : span;
    const points = grid ? undefined : span.points;
    const clipped = { from: Math.max(whole.from, range.from), to: Math.min(whole.to, range.to), points };
    const last = joined.at(-1);
    if (last && (clipped.from <= last.to || joined.length >= spansMax)) {
      joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, clipped.to) };
    } else {
      joined.push(clipped);
    }
  }
  return joined;
}
